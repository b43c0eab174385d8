#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "protocol/vm.hpp"
#include "worker/core/bounds.hpp"

namespace mc::worker {

/// What a worker is told at its start; nothing here changes afterwards.
struct Settings {
    std::string name;
    BootId boot;
    std::string version;
    std::string advertise;           ///< host under which people reach this node's VMs
    std::string probe_host;          ///< where this process reaches the published ports
    std::string port_host_ip;        ///< address the engine publishes ports on
    std::string vm_network;          ///< the engine's network that VMs are put in; "" = one that keeps them apart
    std::string engine;              ///< its endpoint, for sentences
    std::uint32_t slots = 0;         ///< 0 = from the engine's info
    std::uint32_t cpus_milli = 0;    ///< 0 = from the engine's info
    std::uint64_t memory_bytes = 0;  ///< 0 = from the engine's info
    std::vector<protocol::Label> labels;
    std::size_t engine_calls = bounds::engine_calls_default;
    bool visits = false;   ///< the engine is on this machine, and this process is root: containers can be visited
    std::size_t pool = 0;  ///< containers kept started for VMs to come, of each image; 0 = none
};

/// The only thing a worker keeps: who it is and whom it obeyed last.
struct WorkerState {
    NodeId node;
    CloudId cloud;  ///< zero before the first registration
    Epoch epoch;    ///< the highest seen in that cloud

    bool operator==(const WorkerState&) const = default;
};

}  // namespace mc::worker

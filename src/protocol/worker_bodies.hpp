#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "protocol/limits.hpp"
#include "protocol/message.hpp"
#include "protocol/node_facts.hpp"
#include "protocol/vm.hpp"

/// Bodies between workers and the broker. docs/protocol.md "Worker verbs".
namespace mc::protocol {

/// What a node has and how it is.
struct NodeStatus {
    bool ready = false;
    std::string reason;  ///< why it is not ready
    std::uint32_t slots = 0;
    std::uint32_t cpus_milli = 0;
    std::uint64_t memory_bytes = 0;
    std::string engine_version;
    std::uint64_t engine_age_ms = 0;  ///< since the engine last answered a list
    std::uint32_t jobs_running = 0;
    EngineFacts engine;

    bool operator==(const NodeStatus&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.ready);
        archive(self.reason, limits::reason_bytes_max);
        archive(self.slots);
        archive(self.cpus_milli);
        archive(self.memory_bytes);
        archive(self.engine_version, limits::word_bytes_max);
        archive(self.engine_age_ms);
        archive(self.jobs_running);
        archive(self.engine);
    }
};

/// node_register, a request: the first message on every connection.
struct RegisterRequest {
    std::string name;
    NodeId node;  ///< kept in the worker's state directory: the node's identity
    BootId boot;
    std::string version;
    Epoch epoch_seen;  ///< the highest that this worker has obeyed
    std::string advertise;
    std::vector<Label> labels;
    NodeStatus status;
    /// The highest verb that this worker knows: an order with a later one would never be answered. One that says
    /// nothing knows those of release 0.1.0.
    std::uint16_t verb_max = static_cast<std::uint16_t>(Verb::job_cancel);

    bool operator==(const RegisterRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.name, limits::name_bytes_max);
        archive(self.node);
        archive(self.boot);
        archive(self.version, limits::word_bytes_max);
        archive(self.epoch_seen);
        archive(self.advertise, limits::host_bytes_max);
        archive(self.labels, limits::labels_max);
        archive(self.status);
        archive(self.verb_max);
    }
};

struct RegisterReply {
    CloudId cloud;
    Epoch epoch;
    std::string version;

    bool operator==(const RegisterReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.cloud);
        archive(self.epoch);
        archive(self.version, limits::word_bytes_max);
    }
};

/// node_heartbeat, a notice. The broker's has an empty status. A broker that does not know the sender answers with a
/// reply of code not_registered.
struct Heartbeat {
    Epoch epoch;
    BootId boot;
    NodeStatus status;
    bool usage_wanted = false;  ///< the broker's: send node_usage until one says that it is not wanted any more
    /// The broker's: between two of them, and between two of the worker's, from now on; 0 = limits::heartbeat_interval,
    /// and limits::heartbeat_interval_max at most.
    std::uint32_t interval_ms = 0;

    bool operator==(const Heartbeat&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.epoch);
        archive(self.boot);
        archive(self.status);
        archive(self.usage_wanted);
        archive(self.interval_ms);
    }
};

/// A started container that a worker keeps for a VM to come (ADR 35). It is no VM until a vm_create names its VmId.
struct Spare {
    VmId vm;            ///< which its container's labels carry
    std::string image;  ///< as a create names it

    bool operator==(const Spare&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.vm);
        archive(self.image, limits::image_bytes_max);
    }
};

/// node_inventory, a notice: every container of this cloud and node that the
/// engine knows, from one complete list call that began after the last job result
/// that the worker sent: so what is missing here is gone.
struct Inventory {
    BootId boot;
    std::vector<VmReport> vms;
    std::vector<Spare> spares = {};  ///< not among `vms`

    bool operator==(const Inventory&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.boot);
        archive(self.vms, limits::inventory_max);
        archive(self.spares, limits::spares_max);
    }
};

/// node_usage, a notice: what the node's running VMs use, those that could be asked about. Sent only while the broker's
/// heartbeats want it.
struct NodeUsage {
    BootId boot;
    std::vector<VmUsage> vms;

    bool operator==(const NodeUsage&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.boot);
        archive(self.vms, limits::inventory_max);
    }
};

/// vm_create, a request; the reply is a VmReport. Idempotent: a container of that
/// VM that is there already is adopted.
struct CreateOrder {
    Epoch epoch;
    VmId vm;
    RequestId request;
    std::string owner;
    VmSpec spec;
    std::string setup;  ///< a script that is run once, before it can be logged in to; "" = none

    bool operator==(const CreateOrder&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.epoch);
        archive(self.vm);
        archive(self.request);
        archive(self.owner, limits::word_bytes_max);
        archive(self.spec);
        archive(self.setup, limits::setup_bytes_max);
    }
};

/// vm_start, vm_stop, vm_restart, vm_remove, vm_inspect, requests; the reply is a VmReport.
struct VmOrder {
    Epoch epoch;
    VmId vm;
    std::uint32_t grace_seconds = 10;  ///< stop, restart
    std::string name = {};             ///< start, restart: the VM's, to be its host name as well; "" = as it was

    bool operator==(const VmOrder&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.epoch);
        archive(self.vm);
        archive(self.grace_seconds);
        archive(self.name, limits::name_bytes_max);
    }
};

/// vm_exec, vm_logs, vm_tunnel, requests; the data frame is the client's ExecSpec, LogsSpec, or none.
struct StreamOrder {
    Epoch epoch;
    VmId vm;
    std::uint32_t window_bytes = limits::window_bytes_default;  ///< output the worker may send before its first credit

    bool operator==(const StreamOrder&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.epoch);
        archive(self.vm);
        archive(self.window_bytes);
    }
};

}  // namespace mc::protocol

#pragma once

#include <map>
#include <optional>

#include "protocol/message.hpp"
#include "sim/engine.hpp"
#include "sim/world.hpp"
#include "worker/core/effects.hpp"

namespace mc::sim {

/// How one worker process treats its engine: one thing after the other with a VM's
/// container, nothing over and over, no word of a removal while it makes the VM or the VM runs, nor of a
/// VM that is ready while another one's sshd is at its port, or its owner's keys are not in it.
class CallChecker {
public:
    using Calls = std::map<worker::CallId, Engine::CallPtr>;  ///< those whose answer it waits for

    CallChecker(World& world, const Engine& engine) : world_(world), engine_(engine) {}

    void is_told(const protocol::Message& message);
    /// Before the call is one of those under way.
    void asks(const worker::EngineRequest& request, const Calls& under_way);
    void says(const protocol::Message& message, const Calls& under_way);

private:
    /// What a call changes.
    struct Change {
        VmId vm;
        bool creates = false;
    };
    [[nodiscard]] std::optional<Change> change_of(const worker::EngineRequest& request) const;
    void count_create(VmId vm);
    void says_removed(const protocol::VmReport& report, const Calls& under_way);
    void says_ready(const protocol::VmReport& report);

    World& world_;
    const Engine& engine_;
    std::map<VmId, std::string> keys_;                ///< that it was ordered to put into a VM
    std::map<VmId, std::pair<Moment, int>> creates_;  ///< how many since when
};

}  // namespace mc::sim

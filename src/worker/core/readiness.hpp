#pragma once

#include <optional>
#include <string>

#include "worker/core/job.hpp"

namespace mc::worker {

/// Waits until a started VM can be used: with sshd, until the one that answers on the published port has the
/// host key that the engine reads in the VM; without, until it has run for a moment.
///
/// Never gives up by itself: the job's deadline does.
class Readiness {
public:
    enum class End {
        ready,    ///< `report` is complete
        exited,   ///< it does not run any more; `report` says how it ended
        gone,     ///< somebody removed it
        cut_off,  ///< it runs, and nothing or another VM is at its port, for an engine was killed: reconnect()
    };
    struct Result {
        End end = End::ready;
        protocol::VmReport report;
    };

    explicit Readiness(JobPort& port) : port_(port) {}

    void begin(Now now, std::string container);
    [[nodiscard]] std::optional<Result> on_call_done(Now now, CallPurpose purpose, const CallResult& result);
    void on_probe_done(Now now, const ProbeResult& result);
    void on_timer(Now now);

    /// What it is waiting for, for a person; e.g. "its SSH server did not answer on 127.0.0.1:32768".
    [[nodiscard]] std::string waiting_for() const;
    /// After `cut_off`: has the engine restart the VM, which connects it anew (to the lowest address that the engine
    /// takes for free: perhaps the same). An error when the job has had it restarted often enough; `restarts` is the
    /// job's count.
    [[nodiscard]] std::optional<Error> reconnect(int& restarts);
    /// The container as last inspected.
    [[nodiscard]] const engine::ContainerInfo& inspected() const { return inspected_; }
    [[nodiscard]] bool waits_for_ssh() const { return report_.ssh_port != 0; }

private:
    void look();
    [[nodiscard]] std::optional<Result> on_inspected(Now now, const CallResult& result);
    [[nodiscard]] std::optional<Result> on_host_key(Now now, const CallResult& result);
    [[nodiscard]] std::optional<Result> on_stranger(Now now);

    JobPort& port_;
    std::string container_;
    engine::ContainerInfo inspected_;
    protocol::VmReport report_;
    Instant began_;
    Instant looked_;
    bool look_next_ = true;                 ///< the timer's meaning: inspect, else probe or read the key
    bool answered_ = false;                 ///< by an SSH server
    std::string shown_key_;                 ///< by it
    std::optional<Instant> strange_since_;  ///< the one that answers is another VM's
    int key_tries_ = 0;
};

}  // namespace mc::worker

#pragma once

#include <optional>
#include <string>

#include "worker/core/job.hpp"

namespace mc::worker {

/// Waits until a started VM can be used: with sshd, until the one that answers on the published port has the
/// host key that is in the VM, and what was still to be put into it is there; without, until it has run for a moment.
/// Reads and puts by a visit from outside where that is possible (Visits), else by calls of the engine, which take some
/// 40 ms each.
///
/// Never gives up by itself: the job's deadline does.
class Readiness {
public:
    enum class End {
        ready,    ///< `report` is complete
        exited,   ///< it does not run any more; `report` says how it ended
        gone,     ///< somebody removed it
        refused,  ///< what it lacks can't be put into it: refusal()
        cut_off,  ///< it runs, and nothing or another VM is at its port, for an engine was killed: reconnect()
    };
    struct Result {
        End end = End::ready;
        protocol::VmReport report;
    };

    explicit Readiness(JobPort& port) : port_(port) {}

    /// `files`: what it lacks until then; only of one with sshd.
    void begin(Now now, std::string container, std::vector<FileEntry> files = {});
    [[nodiscard]] std::optional<Result> on_call_done(Now now, CallPurpose purpose, const CallResult& result);
    void on_probe_done(Now now, const ProbeResult& result);
    [[nodiscard]] std::optional<Result> on_visited(Now now, const VisitResult& result);
    void on_timer(Now now);

    /// What it is waiting for, for a person; e.g. "its SSH server did not answer on 127.0.0.1:32768".
    [[nodiscard]] std::string waiting_for() const;
    /// After `cut_off`: has the engine restart the VM, which connects it anew (to the lowest address that the engine
    /// takes for free: perhaps the same). An error when the job has had it restarted often enough; `restarts` is the
    /// job's count.
    [[nodiscard]] std::optional<Error> reconnect(int& restarts);
    /// After `refused`: the engine's sentence.
    [[nodiscard]] const std::string& refusal() const { return refusal_; }
    /// The container as last inspected.
    [[nodiscard]] const engine::ContainerInfo& inspected() const { return inspected_; }
    [[nodiscard]] bool waits_for_ssh() const { return report_.ssh_port != 0; }

private:
    void look();
    [[nodiscard]] std::optional<Result> on_inspected(Now now, const CallResult& result);
    /// What it lacks, and its host key.
    void finish(Now now);
    [[nodiscard]] std::optional<Result> on_uploaded(Now now, const CallResult& result);
    [[nodiscard]] std::optional<Result> on_host_key(Now now, const CallResult& result);
    [[nodiscard]] std::optional<Result> on_key(Now now, std::string key);
    [[nodiscard]] std::optional<Result> on_stranger(Now now);

    JobPort& port_;
    std::string container_;
    std::vector<FileEntry> files_;  ///< that are not in it yet
    engine::ContainerInfo inspected_;
    protocol::VmReport report_;
    Instant began_;
    Instant looked_;
    milliseconds probe_wait_ = bounds::ssh_retry_min;
    bool visit_failed_ = false;
    bool look_next_ = true;                 ///< the timer's meaning: inspect, else probe or finish
    bool answered_ = false;                 ///< by an SSH server
    std::string shown_key_;                 ///< by it
    std::optional<Instant> strange_since_;  ///< the one that answers is another VM's
    int key_tries_ = 0;
    int upload_tries_ = 0;
    std::string refusal_;
};

}  // namespace mc::worker

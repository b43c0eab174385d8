#pragma once

#include <optional>
#include <string>

#include "worker/core/job.hpp"

namespace mc::worker {

/// Waits until a started VM can be used: with sshd, until it answers on the
/// published port and its host key is there; without, until it has run for a moment.
///
/// Never gives up by itself: the job's deadline does.
class Readiness {
public:
    enum class End {
        ready,    ///< `report` is complete
        exited,   ///< it does not run any more; `report` says how it ended
        gone,     ///< somebody removed it
        cut_off,  ///< it runs, and its engine has published no port: killed while it started the VM; restart it
    };
    struct Result {
        End end = End::ready;
        protocol::VmReport report;
    };

    explicit Readiness(JobPort& port) : port_(port) {}

    void begin(Now now, std::string container);
    [[nodiscard]] std::optional<Result> on_call_done(Now now, CallPurpose purpose, const CallResult& result);
    void on_probe_done(Now now, ProbeResult result);
    void on_timer(Now now);

    /// What it is waiting for, for a person; e.g. "its SSH server did not answer on 127.0.0.1:32768".
    [[nodiscard]] std::string waiting_for() const;
    [[nodiscard]] bool waits_for_ssh() const { return report_.ssh_port != 0; }

private:
    void look();
    [[nodiscard]] std::optional<Result> on_inspected(Now now, const CallResult& result);
    [[nodiscard]] std::optional<Result> on_host_key(Now now, const CallResult& result);

    JobPort& port_;
    std::string container_;
    protocol::VmReport report_;
    Instant began_;
    Instant looked_;
    bool look_next_ = true;  ///< the timer's meaning: inspect, else probe or read the key
    bool answered_ = false;  ///< the banner came
    int key_tries_ = 0;
};

/// Of a VM that was `cut_off` as often as it was restarted for that.
[[nodiscard]] Error cut_off_error();

}  // namespace mc::worker

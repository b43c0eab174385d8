#pragma once

#include <optional>

#include "worker/core/lookup.hpp"
#include "worker/core/readiness.hpp"

namespace mc::worker {

/// vm_remove: afterwards the VM's container is gone, whatever it was doing. Where a running one can be ended from
/// outside, it is, and that is replied at once; its removal at the engine goes on as the worker's own (docs/adr/0039).
class RemoveJob final : public Job {
public:
    RemoveJob(JobContext& context, JobHead head);

    void begin(Now now) override;
    void on_call_done(Now now, CallPurpose purpose, CallResult result) override;
    void on_vm_ended(Now now, const Result<void>& result) override;
    void on_timer(Now now) override;
    void give_up(Now now, Error why) override;

private:
    enum class Step {
        look,  ///< what is there to be ended?
        end,   ///< its processes; no call
        remove,
    };
    void on_looked(Now now, const Lookup::Found& found);
    void remove();
    void answer_removed();

    Step step_ = Step::remove;
    bool answered_ = false;
    Lookup lookup_;
    Removal removal_;
};

/// vm_inspect: how the VM's container is; `absent` when there is none.
class InspectJob final : public Job {
public:
    InspectJob(JobContext& context, JobHead head);

    void begin(Now now) override;
    void on_call_done(Now now, CallPurpose purpose, CallResult result) override;
    void on_timer(Now now) override;
    void give_up(Now now, Error why) override;

private:
    Lookup lookup_;
};

/// vm_start, vm_stop, vm_restart: done when the VM is as asked for; started ones
/// when they answer. The published port may be another one afterwards.
class SwitchJob final : public Job {
public:
    /// `name`: the VM's, which a start makes its host name as well where it is another; "" = it stays.
    SwitchJob(JobContext& context, JobHead head, std::uint32_t grace_seconds, std::string name);

    void begin(Now now) override;
    void on_call_done(Now now, CallPurpose purpose, CallResult result) override;
    void on_probe_done(Now now, const ProbeResult& result) override;
    void on_personalised(Now now, const VisitResult& result) override;
    void on_timer(Now now) override;
    void give_up(Now now, Error why) override;
    /// Only the waiting: what the engine is at has an outcome that somebody needs to know.
    [[nodiscard]] bool can_be_cancelled() const override { return step_ == Step::ready; }

private:
    enum class Step {
        look,    ///< is there such a VM?
        act,     ///< start, stop or restart
        verify,  ///< stopped? Also: what became of a call without an answer?
        ready,
        visit,  ///< its host name is set; no call
    };

    void on_looked(Now now, const Lookup::Found& found);
    void act();
    void start();
    void on_acted(Now now, const CallResult& result);
    void note_unanswered();
    void end_done(protocol::VmReport report);
    void verify();
    void on_verified(Now now, const Lookup::Found& found);
    void wait_until_ready(Now now);
    void on_readiness(const std::optional<Readiness::Result>& result);
    void on_ready(protocol::VmReport report);
    void reconnect();

    std::uint32_t grace_seconds_;
    std::string name_;
    protocol::VmReport report_;  ///< while its host name is set
    Step step_ = Step::look;
    Lookup lookup_;
    std::optional<Readiness> readiness_;
    std::string container_;
    Instant began_;
    WallTime started_before_;  ///< of a running VM, by its engine
    bool port_was_taken_ = false;
    int unknowns_ = 0;
    int reconnects_ = 0;
    bool late_stop_ = false;             ///< a stop or restart got no answer: the engine may yet carry it out
    std::optional<Error> last_failure_;  ///< of a call whose outcome had to be looked up
};

}  // namespace mc::worker

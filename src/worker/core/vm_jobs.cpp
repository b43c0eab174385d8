#include "worker/core/vm_jobs.hpp"

#include "base/rule.hpp"
#include "worker/core/engine_requests.hpp"

namespace mc::worker {

using protocol::ContainerState;
using protocol::Verb;

namespace {

protocol::VmReport absent_report(VmId vm) {
    protocol::VmReport report;
    report.vm = vm;
    return report;
}

/// With the host key, which no inspect tells.
protocol::VmReport full_report(JobPort& port, const engine::ContainerInfo& container) {
    auto report = engine::to_report(port.head().vm, container);
    report.host_key = port.context().known.host_key(container.id);
    report.ended = port.context().endings.of(container.id);
    return report;
}

}  // namespace

// RemoveJob

RemoveJob::RemoveJob(JobContext& context, JobHead head) : Job(context, head), lookup_(port()), removal_(port()) {}

void RemoveJob::begin(Now now) {
    if (!port().context().visits.possible(now)) return remove();
    step_ = Step::look;
    lookup_.begin(Lookup::Detail::inspected);
}

void RemoveJob::on_looked(Now /*now*/, const Lookup::Found& found) {
    if (!found) return end(found.error());
    if (!*found) return end(Outcome::done(absent_report(port().head().vm)));
    const engine::ContainerInfo& container = **found;
    const bool stays_ended = !port().context().known.may_be_started(container.id);
    if (container.state != ContainerState::running || !stays_ended) return remove();
    step_ = Step::end;
    port().end_vm(container);
    if (!rule_holds(Rule::deleted_has_ended)) answer_removed();
}

void RemoveJob::on_vm_ended(Now now, const Result<void>& result) {
    if (step_ != Step::end) return;
    if (result) {
        answer_removed();
    } else if (result.error().code == ErrorCode::denied) {
        port().context().visits.put_off(now);
    }
    remove();
}

void RemoveJob::answer_removed() {
    if (!std::exchange(answered_, true)) answer(Outcome::done(absent_report(port().head().vm)));
}

void RemoveJob::remove() {
    step_ = Step::remove;
    removal_.begin();
}

void RemoveJob::on_call_done(Now now, CallPurpose purpose, CallResult result) {
    if (step_ == Step::look) {
        if (const auto found = lookup_.on_call_done(now, purpose, result)) on_looked(now, *found);
        return;
    }
    const auto removed = removal_.on_call_done(now, purpose, result);
    if (!removed) return;
    if (*removed) {
        end(Outcome::done(absent_report(port().head().vm)));
    } else {
        give_up(now, removed->error());
    }
}

void RemoveJob::on_timer(Now /*now*/) {
    if (step_ == Step::look) {
        lookup_.on_timer();
    } else if (step_ == Step::remove) {
        removal_.on_timer();
    }
}

void RemoveJob::give_up(Now /*now*/, Error why) {
    // The broker has a tombstone of it: what an inventory shows is ordered to be removed again.
    if (answered_) port().log(LogLevel::warning, "left behind, and to be removed later: " + why.message);
    end(why);
}

// InspectJob

InspectJob::InspectJob(JobContext& context, JobHead head) : Job(context, head), lookup_(port()) {}

void InspectJob::begin(Now /*now*/) {
    lookup_.begin(Lookup::Detail::inspected);
}

void InspectJob::on_call_done(Now now, CallPurpose purpose, CallResult result) {
    const auto found = lookup_.on_call_done(now, purpose, result);
    if (!found) return;
    if (!*found) return end(found->error());
    end(Outcome::done(**found ? full_report(port(), ***found) : absent_report(port().head().vm)));
}

void InspectJob::on_timer(Now /*now*/) {
    lookup_.on_timer();
}

void InspectJob::give_up(Now /*now*/, Error why) {
    end(why);
}

// SwitchJob

SwitchJob::SwitchJob(JobContext& context, JobHead head, std::uint32_t grace_seconds, std::string name)
    : Job(context, head), grace_seconds_(grace_seconds), name_(std::move(name)), lookup_(port()) {}

void SwitchJob::begin(Now now) {
    began_ = now.instant;
    // When it was started is known from an inspect only: that tells whether a restart has happened.
    lookup_.begin(port().head().verb == Verb::vm_restart ? Lookup::Detail::inspected : Lookup::Detail::listed);
}

void SwitchJob::on_call_done(Now now, CallPurpose purpose, CallResult result) {
    switch (step_) {
        case Step::look:
            if (const auto found = lookup_.on_call_done(now, purpose, result)) on_looked(now, *found);
            return;
        case Step::act:
            return on_acted(now, result);
        case Step::verify:
            if (const auto found = lookup_.on_call_done(now, purpose, result)) on_verified(now, *found);
            return;
        case Step::ready:
            return on_readiness(readiness_->on_call_done(now, purpose, result));
        case Step::visit:
            return;  // nothing is asked for
    }
}

void SwitchJob::on_looked(Now /*now*/, const Lookup::Found& found) {
    if (!found) return end(found.error());
    if (!*found) return end(Error{ErrorCode::not_found, "the engine has no container of VM " + port().head().vm.str()});
    container_ = (*found)->id;
    started_before_ = (*found)->started;
    act();
}

void SwitchJob::start() {
    step_ = Step::act;
    port().call(CallPurpose::start, engine::start(container_));
}

void SwitchJob::act() {
    step_ = Step::act;
    switch (port().head().verb) {
        case Verb::vm_stop:
            return port().call(CallPurpose::stop, engine::stop(container_, grace_seconds_));
        case Verb::vm_restart:
            return port().call(CallPurpose::restart, engine::restart(container_, grace_seconds_));
        default:
            return start();
    }
}

void SwitchJob::on_acted(Now now, const CallResult& result) {
    if (!result) {
        last_failure_ = result.error();
        ++unknowns_;
        note_unanswered();
        return verify();
    }
    // Also after a restart: what it left behind is a stopped VM.
    if (engine::is_port_taken(*result) && !std::exchange(port_was_taken_, true)) return start();
    if (!engine::is_good(*result) && result->status != 304) {
        if (port().head().verb != Verb::vm_stop) {
            port().context().leftovers.on_start_refused(now, began_, container_);
        }
        return end(Error{result->status == 404 ? ErrorCode::not_found : ErrorCode::engine_failed,
                         "the engine can't " + std::string(protocol::name_of(port().head().verb)).substr(3) +
                             " the VM: " + engine::start_message_of(*result, container_)});
    }
    if (port().head().verb == Verb::vm_stop) return verify();
    wait_until_ready(now);
}

void SwitchJob::verify() {
    step_ = Step::verify;
    lookup_.begin(Lookup::Detail::inspected);
}

void SwitchJob::on_verified(Now now, const Lookup::Found& found) {
    if (!found) return end(found.error());
    if (!*found) return end(Error{ErrorCode::not_found, "the VM's container was removed meanwhile"});
    const engine::ContainerInfo& container = **found;
    const bool runs = container.state == ContainerState::running;
    const Verb verb = port().head().verb;
    if (verb == Verb::vm_stop && !runs) return end_done(full_report(port(), container));
    if (verb == Verb::vm_start && runs) return wait_until_ready(now);
    if (verb == Verb::vm_restart && runs && container.started != started_before_) return wait_until_ready(now);
    if (unknowns_ >= bounds::engine_tries_max) return end(*last_failure_);
    if (unknowns_ == 0) return end(Error{ErrorCode::engine_failed, "the engine says it stopped the VM, but it runs"});
    act();
}

void SwitchJob::wait_until_ready(Now now) {
    step_ = Step::ready;
    port().context().endings.on_started(container_);
    port().progress(now, "waiting");
    readiness_.emplace(port());
    readiness_->begin(now, container_);
}

void SwitchJob::on_readiness(const std::optional<Readiness::Result>& result) {
    if (!result) return;
    switch (result->end) {
        case Readiness::End::ready:
            return on_ready(result->report);
        case Readiness::End::gone:
            return end(Error{ErrorCode::not_found, "the VM's container was removed while it started"});
        case Readiness::End::refused:  // it lacks nothing
        case Readiness::End::cut_off:
            return reconnect();
        case Readiness::End::exited:
            return end(Error{ErrorCode::vm_exited,
                             "the VM exited at once with code " + std::to_string(result->report.exit_code) +
                                 (result->report.reason.empty() ? "" : ": " + result->report.reason) +
                                 "; see `mccli logs`"});
    }
}

void SwitchJob::on_ready(protocol::VmReport report) {
    // The engine starts a container with the host name that it was made with: that of a spare, or of a VM before it was
    // renamed.
    const auto& container = readiness_->inspected();
    if (name_.empty() || container.host_name == name_) return end_done(std::move(report));
    step_ = Step::visit;
    report_ = std::move(report);
    port().personalise(container, name_, {});
}

void SwitchJob::on_personalised(Now now, const VisitResult& result) {
    if (step_ == Step::ready) return on_readiness(readiness_->on_visited(now, result));
    if (step_ != Step::visit) return;
    if (!result) port().log(LogLevel::info, "its host name stays as it was: " + result.error().message);
    end_done(std::move(report_));
}

void SwitchJob::reconnect() {
    step_ = Step::act;
    if (const auto error = readiness_->reconnect(reconnects_)) end(*error);
}

void SwitchJob::on_probe_done(Now now, const ProbeResult& result) {
    if (step_ == Step::ready) readiness_->on_probe_done(now, result);
}

void SwitchJob::on_timer(Now now) {
    if (step_ == Step::ready) {
        readiness_->on_timer(now);
    } else if (step_ == Step::look || step_ == Step::verify) {
        lookup_.on_timer();
    }
}

void SwitchJob::note_unanswered() {
    if (step_ != Step::act) return;
    const bool stops = port().head().verb != Verb::vm_start || reconnects_ > 0;
    const bool starts = port().head().verb != Verb::vm_stop;
    if (stops) late_stop_ = true;
    if (starts) port().context().known.note_open_start(container_);
}

void SwitchJob::end_done(protocol::VmReport report) {
    report.late_stop = late_stop_;
    end(Outcome::done(std::move(report)));
}

void SwitchJob::give_up(Now /*now*/, Error why) {
    note_unanswered();
    if (step_ == Step::ready && readiness_->waits_for_ssh()) {
        return end(Error{ErrorCode::ssh_not_answering, "the VM runs, but " + readiness_->waiting_for() + " in time"});
    }
    end(why);
}

}  // namespace mc::worker

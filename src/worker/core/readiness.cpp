#include "worker/core/readiness.hpp"

#include "worker/core/engine_requests.hpp"

namespace mc::worker {

using protocol::ContainerState;

void Readiness::begin(Now now, std::string container) {
    container_ = std::move(container);
    began_ = now.instant;
    look();
}

void Readiness::look() {
    port_.call(CallPurpose::inspect, engine::inspect(container_));
}

std::optional<Readiness::Result> Readiness::on_call_done(Now now, CallPurpose purpose, const CallResult& result) {
    if (purpose == CallPurpose::inspect) return on_inspected(now, result);
    if (purpose == CallPurpose::host_key) return on_host_key(now, result);
    return std::nullopt;
}

std::optional<Readiness::Result> Readiness::on_inspected(Now now, const CallResult& result) {
    looked_ = now.instant;
    look_next_ = true;
    if (result && result->status == 404) return Result{End::gone, report_};
    const auto info = result && engine::is_good(*result)
                          ? engine::parse_inspect(result->body)
                          : mc::Result<engine::ContainerInfo>(fail(ErrorCode::engine_failed, "no answer"));
    if (!info) {
        port_.wake_at(now.instant + bounds::engine_retry);
        return std::nullopt;
    }
    port_.context().known.note(*info);
    report_ = engine::to_report(port_.head().vm, *info);
    if (info->state != ContainerState::running) return Result{End::exited, report_};
    if (!info->exposes_ssh) {
        if (now.instant - began_ >= bounds::settle_time) return Result{End::ready, report_};
        port_.wake_at(began_ + bounds::settle_time);
    } else if (report_.ssh_port == 0) {
        // Docker publishes before it starts; what it learns of from containerd alone has no network, and never gets
        // one.
        if (now.instant - began_ >= bounds::publish_max) return Result{End::cut_off, report_};
        port_.wake_at(now.instant + bounds::ssh_retry);
    } else {
        look_next_ = false;
        port_.probe(report_.ssh_port);
    }
    return std::nullopt;
}

void Readiness::on_probe_done(Now now, ProbeResult result) {
    if (result == ProbeResult::ssh) {
        answered_ = true;
        port_.call(CallPurpose::host_key, engine::host_key(container_));
        return;
    }
    // The port proxy may listen for a VM that has exited long since.
    look_next_ = now.instant - looked_ >= bounds::ssh_look_interval;
    port_.wake_at(now.instant + bounds::ssh_retry);
}

void Readiness::on_timer(Now /*now*/) {
    if (look_next_) {
        look();
    } else if (answered_) {
        port_.call(CallPurpose::host_key, engine::host_key(container_));
    } else {
        port_.probe(report_.ssh_port);
    }
}

std::optional<Readiness::Result> Readiness::on_host_key(Now now, const CallResult& result) {
    const bool read = result && engine::is_good(*result);
    report_.host_key = read ? engine::host_key_in(*result) : std::string();
    // sshd answers but has no ed25519 key: an image of somebody else's. Or what answered is another VM, at the address
    // of one whose start an engine was killed in, and this one's sshd is not there yet: so not on the first look.
    if (report_.host_key.empty() && ++key_tries_ < bounds::engine_tries_max) {
        port_.wake_at(now.instant + bounds::engine_retry);
        return std::nullopt;
    }
    if (!report_.host_key.empty()) port_.context().known.note_host_key(container_, report_.host_key);
    return Result{End::ready, report_};
}

Error cut_off_error() {
    return {ErrorCode::engine_failed, "the engine runs the VM without a network, also after restarts"};
}

std::string Readiness::waiting_for() const {
    if (report_.ssh_port == 0) return "it did not get to run steadily";
    const std::string where = port_.context().settings.probe_host + ":" + std::to_string(report_.ssh_port);
    return answered_ ? "the engine did not hand out its SSH host key" : "its SSH server did not answer on " + where;
}

}  // namespace mc::worker

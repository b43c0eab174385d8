#include "worker/core/readiness.hpp"

#include <algorithm>

#include "base/rule.hpp"
#include "worker/core/engine_requests.hpp"

namespace mc::worker {

using protocol::ContainerState;

void Readiness::begin(Now now, std::string container, std::vector<FileEntry> files) {
    container_ = std::move(container);
    if (rule_holds(Rule::keys_are_in_before_ready)) files_ = std::move(files);
    began_ = now.instant;
    look();
}

void Readiness::look() {
    port_.call(CallPurpose::inspect, engine::inspect(container_));
}

std::optional<Readiness::Result> Readiness::on_call_done(Now now, CallPurpose purpose, const CallResult& result) {
    if (purpose == CallPurpose::inspect) return on_inspected(now, result);
    if (purpose == CallPurpose::upload) return on_uploaded(now, result);
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
    inspected_ = *info;
    report_ = engine::to_report(port_.head().vm, *info);
    if (info->state != ContainerState::running) return Result{End::exited, report_};
    if (!info->exposes_ssh) {
        if (now.instant - began_ >= bounds::settle_time) return Result{End::ready, report_};
        port_.wake_at(began_ + bounds::settle_time);
    } else if (report_.ssh_port == 0) {
        // Docker publishes before it starts; what it learns of from containerd alone has no network, and never gets
        // one.
        strange_since_.reset();
        if (now.instant - began_ >= bounds::publish_max) return Result{End::cut_off, report_};
        port_.wake_at(now.instant + bounds::ssh_retry);
    } else {
        look_next_ = false;
        port_.probe(report_.ssh_port);
    }
    return std::nullopt;
}

void Readiness::on_probe_done(Now now, const ProbeResult& result) {
    if (result.ssh) {
        answered_ = true;
        shown_key_ = result.host_key;
        return finish(now);
    }
    strange_since_.reset();
    // The port proxy may listen for a VM that has exited long since.
    look_next_ = now.instant - looked_ >= bounds::ssh_look_interval;
    // Most are there in some milliseconds, and who waits for one that is not won't notice 50.
    port_.wake_at(now.instant + probe_wait_);
    probe_wait_ = std::min(bounds::ssh_retry, probe_wait_ + (probe_wait_ + 1ms) / 2);
}

void Readiness::finish(Now now) {
    if (!visit_failed_ && port_.context().visits.possible(now)) {
        return port_.personalise(inspected_, "", files_, host_key_file);
    }
    if (!files_.empty()) return port_.call(CallPurpose::upload, engine::upload(container_, files_));
    port_.call(CallPurpose::host_key, engine::host_key(container_));
}

std::optional<Readiness::Result> Readiness::on_visited(Now now, const VisitResult& result) {
    if (!result) {
        port_.log(LogLevel::debug, "not done from outside: " + result.error().message);
        visit_failed_ = true;
        finish(now);
        return std::nullopt;
    }
    files_.clear();
    return on_key(now, engine::public_key_in(*result));
}

std::optional<Readiness::Result> Readiness::on_uploaded(Now now, const CallResult& result) {
    if (result && engine::is_good(*result)) {
        files_.clear();
        finish(now);
        return std::nullopt;
    }
    refusal_ = result ? engine::message_of(*result) : result.error().message;
    if (++upload_tries_ >= bounds::engine_tries_max) return Result{End::refused, report_};
    // Does it still run?
    look_next_ = true;
    port_.wake_at(now.instant + bounds::engine_retry);
    return std::nullopt;
}

void Readiness::on_timer(Now now) {
    if (look_next_) {
        look();
    } else if (answered_) {
        finish(now);
    } else {
        port_.probe(report_.ssh_port);
    }
}

std::optional<Readiness::Result> Readiness::on_host_key(Now now, const CallResult& result) {
    // A slow engine says nothing about the key, and nobody could log in without it.
    if (!result) {
        port_.wake_at(now.instant + bounds::engine_retry);
        return std::nullopt;
    }
    const bool read = engine::is_good(*result);
    if (read && visit_failed_) port_.context().visits.put_off(now);
    return on_key(now, read ? engine::host_key_in(*result) : std::string());
}

std::optional<Readiness::Result> Readiness::on_key(Now now, std::string key) {
    report_.host_key = std::move(key);
    // sshd answers but has no ed25519 key: an image of somebody else's. Or what answered is another VM, at the address
    // of one whose start an engine was killed in, and this one's sshd is not there yet: so not on the first look.
    if (report_.host_key.empty() && ++key_tries_ < bounds::engine_tries_max) {
        port_.wake_at(now.instant + bounds::engine_retry);
        return std::nullopt;
    }
    if (report_.host_key.empty()) return Result{End::ready, report_};
    port_.context().known.note_host_key(container_, report_.host_key);
    // Where the server shows no key, nothing tells it from another.
    const bool strange = !shown_key_.empty() && shown_key_ != report_.host_key;
    if (strange && rule_holds(Rule::own_sshd_answers)) return on_stranger(now);
    return Result{End::ready, report_};
}

std::optional<Readiness::Result> Readiness::on_stranger(Now now) {
    if (!strange_since_) strange_since_ = now.instant;
    if (now.instant - *strange_since_ >= bounds::stranger_max) return Result{End::cut_off, report_};
    answered_ = false;
    // The port may be another VM's since this one was restarted. Not sooner: newer sshds hold it against an address
    // when nobody logs in.
    look_next_ = true;
    port_.wake_at(now.instant + bounds::ssh_look_interval);
    return std::nullopt;
}

std::optional<Error> Readiness::reconnect(int& restarts) {
    const std::string why = strange_since_ ? waiting_for() : "its engine runs it without a network";
    if (++restarts > bounds::reconnects_max) {
        return Error{ErrorCode::engine_failed,
                     "the VM runs, but " + why +
                         ", also after restarts: look for what a killed engine has left running "
                         "(docs/operations.md)"};
    }
    port_.log(LogLevel::warning, "the VM runs, but " + why + ": restarting it");
    port_.call(CallPurpose::restart, engine::restart(container_, 0));
    return std::nullopt;
}

std::string Readiness::waiting_for() const {
    if (report_.ssh_port == 0) return "it did not get to run steadily";
    const std::string where = port_.context().settings.probe_host + ":" + std::to_string(report_.ssh_port);
    if (strange_since_) return "another SSH server than its own answers on " + where + ": it has another host key";
    return answered_ ? "the engine did not hand out its SSH host key" : "its SSH server did not answer on " + where;
}

}  // namespace mc::worker

#include "worker/core/engine_health.hpp"

#include <algorithm>

#include "protocol/limits.hpp"
#include "worker/core/text.hpp"

namespace mc::worker {
namespace {

std::string in_seconds(milliseconds duration) {
    return std::to_string(std::chrono::duration_cast<seconds>(duration).count()) + " s";
}

}  // namespace

void EngineHealth::on_list_answered(Now now) {
    listed_at_ = now.instant;
    list_error_.reset();
}

void EngineHealth::on_list_failed(const Error& error) {
    list_error_ = error;
}

void EngineHealth::on_answer(Now now, CallPurpose purpose, const CallResult& result) {
    const bool writes = purpose == CallPurpose::create || purpose == CallPurpose::upload ||
                        purpose == CallPurpose::start || purpose == CallPurpose::remove;
    if (!writes || !result) return;
    if (engine::is_good(*result)) {
        // A successful start proves little about the disk, but a create and a removal do.
        if (purpose == CallPurpose::create || purpose == CallPurpose::remove) full_until_.reset();
        return;
    }
    const std::string message = engine::message_of(*result);
    if (message.find("no space left on device") == std::string::npos &&
        message.find("disk quota exceeded") == std::string::npos) {
        return;
    }
    full_until_ = now.instant + bounds::engine_full_probation;
    full_reason_ = "the engine's disk is full (" + message +
                   "): remove VMs or images no longer needed, or give the engine's data root more room";
}

std::string EngineHealth::not_ready_reason(Now now) const {
    if (list_error_) {
        const std::string engine = "the engine at " + settings_.engine;
        const bool hangs = list_error_->code == ErrorCode::deadline_exceeded;
        return to_sentence(hangs ? engine + " did not list its containers within " + in_seconds(bounds::list_call_max) +
                                       ": it is overloaded or stuck; see its log"
                                 : engine + " can't be used: " + list_error_->message,
                           limits::reason_bytes_max);
    }
    if (!listed_at_) return "the engine at " + settings_.engine + " has not answered yet";
    if (age(now) > bounds::engine_age_max) {
        return "the engine at " + settings_.engine + " has not answered for " + in_seconds(age(now)) +
               "; see its log, it may hang";
    }
    if (!info_) return "the engine at " + settings_.engine + " has not told its size yet";
    if (full_until_ && now.instant < *full_until_) return to_sentence(full_reason_, limits::reason_bytes_max);
    return {};
}

milliseconds EngineHealth::age(Now now) const {
    if (listed_at_) return now.instant - *listed_at_;
    if (!first_asked_) first_asked_ = now.instant;
    return now.instant - *first_asked_;
}

protocol::NodeStatus EngineHealth::status(Now now) const {
    protocol::NodeStatus status;
    status.reason = not_ready_reason(now);
    status.ready = status.reason.empty();
    status.engine_age_ms = static_cast<std::uint64_t>(std::max(age(now), 0ms).count());
    const std::uint32_t engine_cores = info_ ? info_->cpus : 0;
    const std::uint64_t engine_memory = info_ ? info_->memory_bytes : 0;
    status.engine_version = info_ ? info_->version : "";
    status.engine.disk = disk_;
    if (info_) {
        status.engine.live_restore = protocol::fact(info_->live_restore);
        status.engine.seccomp = protocol::fact(info_->filters_calls);
        status.engine.userns_remap = protocol::fact(info_->remaps_users);
    }
    status.cpus_milli = settings_.cpus_milli != 0 ? settings_.cpus_milli : engine_cores * 1000;
    status.memory_bytes = settings_.memory_bytes != 0 ? settings_.memory_bytes : engine_memory;
    // VMs share cores and memory, so this is how many fit before the machine is
    // busy with nothing but them; --slots says it better where it matters.
    const std::uint64_t by_cores = std::uint64_t{status.cpus_milli} * bounds::slots_per_core / 1000;
    const std::uint64_t by_memory = status.memory_bytes / bounds::memory_per_slot;
    const std::uint64_t fitting = std::min(by_cores, by_memory);
    status.slots =
        settings_.slots != 0
            ? settings_.slots
            : static_cast<std::uint32_t>(std::clamp<std::uint64_t>(fitting, bounds::slots_min, bounds::slots_max));
    return status;
}

}  // namespace mc::worker

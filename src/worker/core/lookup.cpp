#include "worker/core/lookup.hpp"

#include "worker/core/engine_requests.hpp"

namespace mc::worker {

using protocol::ContainerState;

void Lookup::begin() {
    tries_ = 0;
    by_id_.clear();
    port_.call(CallPurpose::inspect, engine::inspect(container_name(port_.head().vm)));
}

std::optional<Lookup::Found> Lookup::again(Now now, Error why) {
    if (++tries_ >= bounds::engine_tries_max) return Found(fail(std::move(why)));
    port_.wake_at(now.instant + bounds::engine_retry);
    return std::nullopt;
}

void Lookup::on_timer() {
    port_.call(CallPurpose::inspect, engine::inspect(by_id_.empty() ? container_name(port_.head().vm) : by_id_));
}

std::optional<Lookup::Found> Lookup::on_call_done(Now now, const CallResult& result) {
    if (!result) return again(now, result.error());
    if (result->status == 404) {
        // Somebody may have renamed it: its labels, last seen in an inventory, still say whose it is.
        const bool by_name = by_id_.empty();
        if (by_name) by_id_ = port_.context().known.container_of(port_.head().vm);
        if (!by_name || by_id_.empty()) return Found(std::optional<engine::ContainerInfo>());
        on_timer();
        return std::nullopt;
    }
    if (!engine::is_good(*result)) {
        return again(now, {ErrorCode::engine_failed,
                           "the engine can't tell about the VM's container: " + engine::message_of(*result)});
    }
    auto info = engine::parse_inspect(result->body);
    if (!info) return again(now, info.error());
    if (!is_ours(info->labels, port_.context().identity) || vm_of(info->labels) != port_.head().vm) {
        return Found(fail(ErrorCode::engine_conflict,
                          "a container named " + container_name(port_.head().vm) +
                              " is on the engine but does not carry this cloud's and node's labels: it is left alone"));
    }
    port_.context().known.note(*info);
    return Found(std::move(*info));
}

void Removal::begin() {
    looking_ = true;
    lookup_.begin();
}

void Removal::on_timer() {
    if (looking_) {
        lookup_.on_timer();
    } else {
        begin();
    }
}

std::optional<Result<void>> Removal::on_found(Now now, const Lookup::Found& found) {
    looking_ = false;
    if (!*found) return Result<void>();
    const engine::ContainerInfo& container = **found;
    if (container.state == ContainerState::removing) {
        port_.wake_at(now.instant + bounds::removal_poll);
        return std::nullopt;
    }
    if (tries_++ >= bounds::engine_tries_max) {
        return Result<void>(
            fail(ErrorCode::engine_failed, "the engine does not remove the VM's container: " + last_failure_));
    }
    port_.call(CallPurpose::remove, engine::remove(container.id));
    return std::nullopt;
}

std::optional<Result<void>> Removal::on_call_done(Now now, CallPurpose purpose, const CallResult& result) {
    if (purpose == CallPurpose::inspect && looking_) {
        const auto found = lookup_.on_call_done(now, result);
        if (!found) return std::nullopt;
        if (!*found) return Result<void>(fail(found->error()));
        return on_found(now, *found);
    }
    if (purpose != CallPurpose::remove) return std::nullopt;
    if (result && (engine::is_good(*result) || result->status == 404)) return Result<void>();
    // 409: somebody else's removal is on its way. Anything else, a time-out too,
    // leaves it open what happened: look, and try again if it is still there.
    last_failure_ = result ? engine::message_of(*result) : result.error().message;
    const bool pending = result && result->status == 409;
    if (pending) --tries_;
    port_.wake_at(now.instant + (pending ? bounds::removal_poll : bounds::removal_retry));
    return std::nullopt;
}

}  // namespace mc::worker

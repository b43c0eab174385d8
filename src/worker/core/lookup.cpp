#include "worker/core/lookup.hpp"

#include <algorithm>
#include <tuple>

#include "base/rule.hpp"
#include "worker/core/engine_requests.hpp"

namespace mc::worker {

using protocol::ContainerState;

bool is_better(const engine::ContainerInfo& a, const engine::ContainerInfo& b) {
    const auto rank = [](const engine::ContainerInfo& c) {
        if (c.dead || c.state == ContainerState::removing) return 2;
        return c.state == ContainerState::created ? 1 : 0;
    };
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    return std::tie(a.created.unix_ms, a.id) < std::tie(b.created.unix_ms, b.id);
}

void Lookup::begin(Detail detail) {
    detail_ = detail;
    tries_ = 0;
    surplus_removed_ = 0;
    find();
}

void Lookup::find() {
    port_.call(CallPurpose::find, engine::find(port_.context().identity, port_.head().vm));
}

std::optional<Lookup::Found> Lookup::again(Now now, Error why) {
    if (++tries_ >= bounds::engine_tries_max) return Found(fail(std::move(why)));
    port_.wake_at(now.instant + bounds::engine_retry);
    return std::nullopt;
}

std::optional<Lookup::Found> Lookup::on_call_done(Now now, CallPurpose purpose, const CallResult& result) {
    if (purpose == CallPurpose::find) return on_list(now, result);
    if (purpose == CallPurpose::inspect) return on_inspected(now, result);
    if (purpose == CallPurpose::remove) find();  // of a surplus one, whatever came of it
    return std::nullopt;
}

std::optional<Lookup::Found> Lookup::on_list(Now now, const CallResult& result) {
    if (!result) return again(now, result.error());
    if (!engine::is_good(*result)) {
        return again(now, {ErrorCode::engine_failed,
                           "the engine can't tell about the VM's container: " + engine::message_of(*result)});
    }
    auto listed = engine::parse_list(result->body);
    if (!listed) return again(now, listed.error());
    // The engine filtered them already; nothing is touched on its word alone.
    std::erase_if(*listed, [&](const auto& container) {
        return !is_ours(container.labels, port_.context().identity) || vm_of(container.labels) != port_.head().vm;
    });
    if (listed->empty()) return Found(std::optional<engine::ContainerInfo>());
    std::sort(listed->begin(), listed->end(), is_better);
    if (listed->size() > 1 && rule_holds(Rule::surplus_is_removed) && surplus_removed_ < bounds::surplus_removals_max) {
        ++surplus_removed_;
        const std::string& worse = listed->back().id;
        port_.log(LogLevel::warning, "the VM has " + std::to_string(listed->size()) + " containers: " + worse +
                                         " is removed, " + listed->front().id + " stays");
        port_.call(CallPurpose::remove, engine::remove(worse));
        return std::nullopt;
    }
    if (detail_ == Detail::listed) return Found(std::move(listed->front()));
    port_.call(CallPurpose::inspect, engine::inspect(listed->front().id));
    return std::nullopt;
}

std::optional<Lookup::Found> Lookup::on_inspected(Now now, const CallResult& result) {
    if (!result) return again(now, result.error());
    // Removed a moment ago: the next list knows.
    if (result->status == 404) return again(now, {ErrorCode::engine_failed, "the VM's container comes and goes"});
    if (!engine::is_good(*result)) {
        return again(now, {ErrorCode::engine_failed,
                           "the engine can't tell about the VM's container: " + engine::message_of(*result)});
    }
    auto info = engine::parse_inspect(result->body);
    if (!info) return again(now, info.error());
    port_.context().known.note(*info);
    return Found(std::move(*info));
}

void Removal::begin() {
    look(Lookup::Detail::listed);
}

void Removal::look(Lookup::Detail detail) {
    looking_ = true;
    detail_ = detail;
    lookup_.begin(detail);
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
    if (!found) return Result<void>(fail(found.error()));
    if (!*found) return removed(now);
    const engine::ContainerInfo& container = **found;
    if (container.state == ContainerState::removing) {
        // Docker goes on listing a removal that has failed as one in progress: only an inspect tells that it is dead.
        if (detail_ == Lookup::Detail::listed) {
            look(Lookup::Detail::inspected);
            return std::nullopt;
        }
        port_.wake_at(now.instant + bounds::removal_poll);
        return std::nullopt;
    }
    if (tries_++ >= bounds::engine_tries_max) {
        return Result<void>(
            fail(ErrorCode::engine_failed, "the engine does not remove the VM's container: " + last_failure_));
    }
    container_ = container.id;
    port_.call(CallPurpose::remove, engine::remove(container_));
    return std::nullopt;
}

Result<void> Removal::removed(Now now) {
    if (!container_.empty()) port_.context().leftovers.on_removed(now, container_);
    return {};
}

std::optional<Result<void>> Removal::on_call_done(Now now, CallPurpose purpose, const CallResult& result) {
    if (looking_) {
        const auto found = lookup_.on_call_done(now, purpose, result);
        if (!found) return std::nullopt;
        return on_found(now, *found);
    }
    if (purpose != CallPurpose::remove) return std::nullopt;
    if (result && (engine::is_good(*result) || result->status == 404)) return removed(now);
    // 409: somebody else's removal is on its way. Anything else, a time-out too,
    // leaves it open what happened: look, and try again if it is still there.
    last_failure_ = result ? engine::message_of(*result) : result.error().message;
    const bool pending = result && result->status == 409;
    if (pending) --tries_;
    port_.wake_at(now.instant + (pending ? bounds::removal_poll : bounds::removal_retry));
    return std::nullopt;
}

}  // namespace mc::worker

#include "worker/core/engine_watch.hpp"

#include "worker/core/engine_requests.hpp"

namespace mc::worker {

void EngineWatch::begin(Now now) {
    context_.calls.cancel(owner_watch);
    last_event_unix_seconds_ = 0;
    open(now);
}

void EngineWatch::open(Now now) {
    open_ = true;
    lines_ = {};
    next_try_ = Instant::never();
    const std::int64_t since = last_event_unix_seconds_ != 0 ? last_event_unix_seconds_
                                                             : now.wall.unix_ms / 1000 - bounds::watch_overlap.count();
    EngineRequest request = engine::events(context_.identity, since);
    request.time_max = bounds::watch_call_max;
    context_.calls.start(owner_watch, CallPurpose::events, std::move(request));
}

void EngineWatch::on_engine_lost(Now now) {
    if (!open_) return;
    context_.calls.cancel(owner_watch);
    context_.endings.on_engine_unseen();
    close(now);
}

void EngineWatch::on_tick(Now now) {
    if (!open_ && now.instant >= next_try_) open(now);
}

void EngineWatch::on_call_chunk(Now now, std::string_view bytes) {
    for (const auto& line : lines_.feed(bytes)) {
        const auto event = engine::parse_event(line);
        if (!event) continue;
        last_event_unix_seconds_ = event->unix_seconds;
        context_.known.forget_run(event->container);
        inventory_.on_event(now, event->vm);
    }
}

void EngineWatch::on_call_done(Now now, const CallResult& result) {
    close(now);
    // An engine never ends this stream while it lives. A restart may be too quick for any
    // list to fail, or hidden behind a socket that systemd keeps open.
    const bool our_own_limit = !result && result.error().code == ErrorCode::deadline_exceeded;
    const bool refused = result && !engine::is_good(*result);
    if (refused) context_.endings.on_engine_unseen();
    if (our_own_limit || refused) return;
    context_.endings.on_engine_gone(now);
    inventory_.hint(now);
}

void EngineWatch::close(Now now) {
    open_ = false;
    next_try_ = now.instant + bounds::watch_retry;
}

}  // namespace mc::worker

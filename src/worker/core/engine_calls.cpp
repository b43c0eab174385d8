#include "worker/core/engine_calls.hpp"

#include <algorithm>
#include <limits>

#include "worker/core/bounds.hpp"

namespace mc::worker {

EngineCalls::EngineCalls(Outbox& outbox, std::size_t heavy_max)
    : outbox_(outbox),
      max_{heavy_max, heavy_max * bounds::patient_calls_per_heavy, bounds::light_calls_max, bounds::pulls_max,
           std::numeric_limits<std::size_t>::max()} {}

EngineCalls::Lane EngineCalls::lane_of(CallPurpose purpose) {
    switch (purpose) {
        case CallPurpose::create:
        case CallPurpose::upload:
        case CallPurpose::start:
        case CallPurpose::remove:
            return Lane::heavy;
        case CallPurpose::stop:
        case CallPurpose::restart:
            return Lane::patient;
        case CallPurpose::pull:
            return Lane::pull;
        case CallPurpose::info:
        case CallPurpose::network:
        case CallPurpose::list:
        case CallPurpose::events:
        case CallPurpose::logs:
            return Lane::open;
        case CallPurpose::image_inspect:
        case CallPurpose::find:
        case CallPurpose::inspect:
        case CallPurpose::host_key:
        case CallPurpose::last_logs:
        case CallPurpose::exec_create:
        case CallPurpose::exec_resize:
        case CallPurpose::exec_inspect:
        case CallPurpose::hang_up:
            return Lane::light;
    }
    return Lane::light;
}

CallId EngineCalls::start(OwnerId owner, CallPurpose purpose, EngineRequest request) {
    const CallId id{++last_id_};
    const Lane lane = lane_of(purpose);
    const auto index = static_cast<std::size_t>(lane);
    auto& queue = purpose == CallPurpose::create ? waiting_[index] : urgent_[index];
    queue.push_back({id, owner, purpose, std::move(request)});
    let_through(lane);
    return id;
}

void EngineCalls::let_through(Lane lane) {
    const auto index = static_cast<std::size_t>(lane);
    while (flying_count_[index] < max_[index]) {
        auto& queue = urgent_[index].empty() ? waiting_[index] : urgent_[index];
        if (queue.empty()) return;
        Waiting next = std::move(queue.front());
        queue.pop_front();
        ++flying_count_[index];
        flying_.emplace(next.id, Known{next.owner, next.purpose});
        outbox_.push(StartCall{next.id, std::move(next.request)});
    }
}

std::optional<EngineCalls::Known> EngineCalls::finish(CallId id) {
    const auto found = flying_.find(id);
    if (found == flying_.end()) return std::nullopt;
    const Known known = found->second;
    flying_.erase(found);
    const Lane lane = lane_of(known.purpose);
    --flying_count_[static_cast<std::size_t>(lane)];
    let_through(lane);
    return known;
}

std::optional<EngineCalls::Known> EngineCalls::find(CallId id) const {
    const auto found = flying_.find(id);
    return found == flying_.end() ? std::nullopt : std::optional<Known>(found->second);
}

std::optional<CallId> EngineCalls::in_flight(OwnerId owner, CallPurpose purpose) const {
    for (const auto& [id, known] : flying_) {
        if (known.owner == owner && known.purpose == purpose) return id;
    }
    return std::nullopt;
}

bool EngineCalls::cancel_queued(OwnerId owner) {
    std::size_t dropped = 0;
    for (auto* queues : {&urgent_, &waiting_}) {
        for (auto& queue : *queues) {
            dropped += std::erase_if(queue, [&](const Waiting& waiting) { return waiting.owner == owner; });
        }
    }
    return dropped > 0;
}

void EngineCalls::cancel(OwnerId owner) {
    cancel_queued(owner);
    std::vector<CallId> mine;
    for (const auto& [id, known] : flying_) {
        if (known.owner == owner) mine.push_back(id);
    }
    for (const CallId id : mine) {
        outbox_.push(CancelCall{id});
        finish(id);
    }
}

}  // namespace mc::worker

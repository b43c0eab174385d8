#include "worker/core/engine_calls.hpp"

#include <algorithm>
#include <limits>

#include "worker/core/bounds.hpp"

namespace mc::worker {

EngineCalls::EngineCalls(Outbox& outbox, std::size_t heavy_max)
    : outbox_(outbox),
      max_{heavy_max,
           heavy_max * bounds::patient_calls_per_heavy,
           bounds::light_calls_max,
           bounds::pulls_max,
           bounds::usage_calls_max,
           std::numeric_limits<std::size_t>::max()} {}

EngineCalls::Lane EngineCalls::lane_of(CallPurpose purpose) {
    switch (purpose) {
        case CallPurpose::create:
        case CallPurpose::upload:
        case CallPurpose::update:
        case CallPurpose::start:
        case CallPurpose::remove:
        case CallPurpose::image_remove:
            return Lane::heavy;
        case CallPurpose::stop:
        case CallPurpose::restart:
            return Lane::patient;
        case CallPurpose::pull:
            return Lane::pull;
        case CallPurpose::usage:
            return Lane::usage;
        case CallPurpose::info:
        case CallPurpose::network:
        case CallPurpose::list:
        case CallPurpose::events:
        case CallPurpose::logs:
            return Lane::open;
        case CallPurpose::image_inspect:
        case CallPurpose::image_list:
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

CallId EngineCalls::start(OwnerId owner, CallPurpose purpose, EngineRequest request, std::string vm_owner) {
    const CallId id{++last_id_};
    const Lane lane = lane_of(purpose);
    const auto index = static_cast<std::size_t>(lane);
    auto& queue = purpose == CallPurpose::create ? waiting_[index] : urgent_[index];
    queue.push_back({id, owner, purpose, std::move(request), std::move(vm_owner)});
    let_through(lane);
    return id;
}

bool EngineCalls::may_go(const Waiting& waiting) const {
    if (lane_of(waiting.purpose) == Lane::patient) return patient_count_ < bounds::patient_calls_max;
    if (waiting.purpose != CallPurpose::pull) return true;
    const auto same = std::count_if(flying_.begin(), flying_.end(), [&](const auto& pair) {
        return pair.second.known.purpose == CallPurpose::pull && pair.second.vm_owner == waiting.vm_owner;
    });
    return static_cast<std::size_t>(same) < bounds::pulls_of_owner_max;
}

std::optional<EngineCalls::Waiting> EngineCalls::take_next(Lane lane) {
    const auto index = static_cast<std::size_t>(lane);
    for (auto* queue : {&urgent_[index], &waiting_[index]}) {
        const auto found = std::find_if(queue->begin(), queue->end(), [this](const auto& one) { return may_go(one); });
        if (found == queue->end()) continue;
        Waiting next = std::move(*found);
        queue->erase(found);
        return next;
    }
    return std::nullopt;
}

void EngineCalls::let_through(Lane lane) {
    const auto index = static_cast<std::size_t>(lane);
    while (flying_count_[index] < max_[index]) {
        auto next = take_next(lane);
        if (!next) return;
        ++flying_count_[index];
        if (lane == Lane::patient) ++patient_count_;
        flying_.emplace(next->id,
                        Flying{.known = {next->owner, next->purpose},
                               .vm_owner = std::move(next->vm_owner),
                               .may_wait = next->request.time_max > bounds::stop_call_extra + bounds::patient_turn,
                               .takes_room = true,
                               .since = {}});
        outbox_.push(StartCall{next->id, std::move(next->request)});
    }
}

bool EngineCalls::is_patient_turn_awaited(const Flying& flying) const {
    return lane_of(flying.known.purpose) == Lane::patient && flying.takes_room && flying.may_wait;
}

void EngineCalls::on_tick(Now now) {
    const auto index = static_cast<std::size_t>(Lane::patient);
    for (auto& [id, flying] : flying_) {
        if (!is_patient_turn_awaited(flying)) continue;
        if (!flying.since) flying.since = now.instant;
        if (now.instant - *flying.since < bounds::patient_turn) continue;
        flying.takes_room = false;
        --flying_count_[index];
    }
    let_through(Lane::patient);
}

Instant EngineCalls::next_deadline() const {
    Instant next = Instant::never();
    if (urgent_[static_cast<std::size_t>(Lane::patient)].empty()) return next;
    for (const auto& [id, flying] : flying_) {
        if (!is_patient_turn_awaited(flying)) continue;
        next = std::min(next, flying.since ? *flying.since + bounds::patient_turn : Instant{});
    }
    return next;
}

std::optional<EngineCalls::Known> EngineCalls::finish(CallId id) {
    const auto found = flying_.find(id);
    if (found == flying_.end()) return std::nullopt;
    const Flying flying = std::move(found->second);
    flying_.erase(found);
    const Lane lane = lane_of(flying.known.purpose);
    if (flying.takes_room) --flying_count_[static_cast<std::size_t>(lane)];
    if (lane == Lane::patient) --patient_count_;
    let_through(lane);
    return flying.known;
}

std::optional<EngineCalls::Known> EngineCalls::find(CallId id) const {
    const auto found = flying_.find(id);
    return found == flying_.end() ? std::nullopt : std::optional<Known>(found->second.known);
}

std::optional<CallId> EngineCalls::in_flight(OwnerId owner, CallPurpose purpose) const {
    for (const auto& [id, flying] : flying_) {
        if (flying.known.owner == owner && flying.known.purpose == purpose) return id;
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
    for (const auto& [id, flying] : flying_) {
        if (flying.known.owner == owner) mine.push_back(id);
    }
    for (const CallId id : mine) {
        outbox_.push(CancelCall{id});
        finish(id);
    }
}

}  // namespace mc::worker

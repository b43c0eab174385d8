#include "cli/core/event_follower.hpp"

#include <algorithm>
#include <utility>

#include "base/rule.hpp"

namespace mc::cli {
namespace {

// Until the first beacon: a subscription takes a few milliseconds to become
// live, and nobody tells when it is; asking costs next to nothing.
constexpr milliseconds beacon_first{20};
// While the broker is silent: it may be starting again.
constexpr milliseconds beacon_again{1000};
// Beacons come every second: three missing in a row is not chance.
constexpr milliseconds silence_max{3500};
// On a link that needs longer for an answer: so many times that long, and longer each time that none came.
// An answer to an earlier question is not looked at, so one that is asked again too soon is never answered.
constexpr milliseconds replay_wait_min{2000};
constexpr milliseconds replay_wait_max{30000};
constexpr int replay_wait_growth = 2;
constexpr milliseconds replay_again{250};

}  // namespace

EventFollower::EventFollower(std::optional<EventSeq> since, Instant now)
    : since_(since), replay_wait_(replay_wait_min), beacon_at_(now), silent_at_(now + silence_max) {
    on_tick(now);
}

std::vector<EventFollower::Effect> EventFollower::take_effects() {
    return std::exchange(effects_, {});
}

void EventFollower::heard(Instant now) {
    silent_at_ = now + silence_max;
    if (silent_) {
        effects_.emplace_back(Remark{"the broker answers again"});
        // What was asked meanwhile it may never have heard.
        replay_open_ = false;
        asked_at_.reset();
        replay_wait_ = replay_wait_min;
    }
    silent_ = false;
    beacon_at_ = started_ ? Instant::never() : beacon_at_;
}

void EventFollower::on_beacon(Instant now, const protocol::Beacon& beacon) {
    const bool first = !std::exchange(started_, true);
    heard(now);
    if (first) {
        cloud_ = beacon.cloud;
        epoch_ = beacon.epoch;
        last_ = since_.value_or(beacon.last);
        if (last_ > beacon.last) {
            effects_.emplace_back(Remark{"there is no event " + std::to_string(last_.value) + " yet; the last is " +
                                         std::to_string(beacon.last.value)});
            last_ = beacon.last;
        }
    } else if (!is_other_cloud(beacon.cloud) && beacon.epoch > epoch_ && beacon.last < last_) {
        // The store was put back to an older state: these numbers will come a second time with other contents.
        effects_.emplace_back(Remark{"the broker's log was put back from event " + std::to_string(last_.value) +
                                     " to " + std::to_string(beacon.last.value)});
        last_ = beacon.last;
        known_ = beacon.last;
        ahead_.clear();
    }
    epoch_ = std::max(epoch_, beacon.epoch);
    known_ = std::max(known_, beacon.last);
    close_hole(now);
}

bool EventFollower::is_other_cloud(CloudId cloud) {
    if (cloud == cloud_ || !cloud) return false;
    cloud_ = cloud;
    effects_.emplace_back(OtherCloud{cloud});
    last_ = EventSeq{0};
    known_ = EventSeq{0};
    epoch_ = Epoch{0};
    ahead_.clear();
    replay_open_ = false;
    return true;
}

void EventFollower::on_event(Instant now, const protocol::Event& event) {
    // Before the first beacon nobody knows where to begin; what is skipped here comes with the replay.
    if (!started_) return;
    heard(now);
    if (event.seq <= last_) return;
    known_ = std::max(known_, event.seq);
    if (event.seq.value == last_.value + 1 || !rule_holds(Rule::holes_are_noticed)) {
        print(event);
        print_ahead();
    } else if (ahead_.size() < ahead_max) {
        ahead_.emplace(event.seq.value, event);
    }
    close_hole(now);
}

void EventFollower::on_replay(Instant now, const protocol::EventsReply& reply) {
    if (!started_ || !replay_open_) return;
    heard(now);
    replay_open_ = false;
    if (asked_at_) {
        replay_wait_ = std::clamp(replay_wait_growth * (now - *asked_at_), replay_wait_min, replay_wait_max);
        asked_at_.reset();
    }
    if (is_other_cloud(reply.cloud)) {
        // The reply may answer a question about the old cloud's numbers: ask again from the start.
        known_ = reply.last;
        return close_hole(now);
    }
    const EventSeq before = last_;
    known_ = std::max(known_, reply.last);
    if (reply.first_kept.value > last_.value + 1) {
        const EventSeq gone{std::min(reply.first_kept.value - 1, std::max(reply.last.value, last_.value))};
        if (gone > last_) {
            effects_.emplace_back(Gap{EventSeq{last_.value + 1}, gone});
            last_ = gone;
        }
    }
    // Only an answer that begins where we are, or before, says all up to there.
    const EventSeq through = last_ >= asked_after_ ? std::min(reply.through, known_) : EventSeq{};
    for (const auto& event : reply.events) {
        // What the broker left out between is not for us to see.
        if (event.seq.value == last_.value + 1 || (event.seq > last_ && event.seq <= through)) print(event);
    }
    last_ = std::max(last_, through);
    while (!ahead_.empty() && ahead_.begin()->first <= last_.value) ahead_.erase(ahead_.begin());
    print_ahead();
    if (last_ == before && !in_step()) {
        // An answer that does not help must not become a storm of questions.
        replay_open_ = true;
        replay_deadline_ = now + replay_again;
        return;
    }
    close_hole(now);
}

void EventFollower::print(const protocol::Event& event) {
    last_ = event.seq;
    epoch_ = std::max(epoch_, event.epoch);
    effects_.emplace_back(Print{event});
}

void EventFollower::print_ahead() {
    while (!ahead_.empty()) {
        const auto first = ahead_.begin();
        if (first->first > last_.value + 1) return;
        if (first->first == last_.value + 1) print(first->second);
        ahead_.erase(first);
    }
}

void EventFollower::close_hole(Instant now) {
    if (in_step() || replay_open_) return;
    replay_open_ = true;
    replay_deadline_ = now + replay_wait_;
    asked_at_ = now;
    asked_after_ = last_;
    if (rule_holds(Rule::holes_are_filled)) effects_.emplace_back(AskReplay{last_});
}

void EventFollower::on_tick(Instant now) {
    if (replay_open_ && now >= replay_deadline_) {
        replay_open_ = false;
        if (asked_at_) replay_wait_ = std::min(replay_wait_growth * replay_wait_, replay_wait_max);
        close_hole(now);
    }
    if (now >= silent_at_) {
        if (!silent_) effects_.emplace_back(Remark{"the broker is silent; waiting for it"});
        silent_ = true;
        silent_at_ = Instant::never();
        beacon_at_ = now;
    }
    if (now >= beacon_at_) {
        effects_.emplace_back(AskBeacon{});
        beacon_at_ = now + (silent_ ? beacon_again : beacon_first);
    }
}

Instant EventFollower::next_deadline() const {
    return std::min({replay_open_ ? replay_deadline_ : Instant::never(), beacon_at_, silent_at_});
}

}  // namespace mc::cli

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/event.hpp"

namespace mc::cli {

/// Turns beacons, live events and replays into every event exactly once, in
/// order, or a notice of exactly which are gone.
///
/// Pure: what arrives and the time go in; effects come out in order. Single
/// thread. A hole between what was printed and what is known to exist is always
/// filled by asking for a replay; live events beyond it wait (at most
/// ahead_max of them; more are dropped here and come with a later replay).
/// Source: docs/protocol.md "Events".
class EventFollower {
public:
    static constexpr std::size_t ahead_max = 10000;

    struct Print {
        protocol::Event event;
        bool operator==(const Print&) const = default;
    };
    /// The broker no longer keeps these.
    struct Gap {
        EventSeq first;
        EventSeq last;
        bool operator==(const Gap&) const = default;
    };
    /// Another cloud answers at the same address: numbers begin anew.
    struct OtherCloud {
        CloudId cloud;
        bool operator==(const OtherCloud&) const = default;
    };
    /// To be sent as the verb `beacon`, so that the first one need not be waited for.
    struct AskBeacon {
        bool operator==(const AskBeacon&) const = default;
    };
    /// To be sent as the verb `events`; at most one is open at a time.
    struct AskReplay {
        EventSeq after;
        bool operator==(const AskReplay&) const = default;
    };
    /// For stderr: the broker is silent, or back.
    struct Remark {
        std::string text;
        bool operator==(const Remark&) const = default;
    };
    using Effect = std::variant<Print, Gap, OtherCloud, AskBeacon, AskReplay, Remark>;

    /// `since`: events after that number first; nullopt = what happens from now on.
    EventFollower(std::optional<EventSeq> since, Instant now);

    void on_beacon(Instant now, const protocol::Beacon& beacon);
    void on_event(Instant now, const protocol::Event& event);
    void on_replay(Instant now, const protocol::EventsReply& reply);
    void on_tick(Instant now);
    [[nodiscard]] Instant next_deadline() const;

    /// What is to be done, in order, since the last call.
    [[nodiscard]] std::vector<Effect> take_effects();

private:
    void heard(Instant now);
    bool is_other_cloud(CloudId cloud);
    void print(const protocol::Event& event);
    void print_ahead();
    void close_hole(Instant now);
    [[nodiscard]] bool in_step() const { return known_.value <= last_.value; }

    std::optional<EventSeq> since_;
    bool started_ = false;  ///< the first beacon was seen
    CloudId cloud_;
    Epoch epoch_;     ///< the highest seen
    EventSeq last_;   ///< printed, or known to be gone
    EventSeq known_;  ///< known to exist
    std::map<std::uint64_t, protocol::Event> ahead_;
    bool replay_open_ = false;
    std::optional<Instant> asked_at_;  ///< the replay that is not answered yet
    EventSeq asked_after_;             ///< of the question that is open
    milliseconds replay_wait_;         ///< for its answer
    Instant replay_deadline_;          ///< while replay_open_
    Instant beacon_at_;
    Instant silent_at_;
    bool silent_ = false;
    std::vector<Effect> effects_;
};

}  // namespace mc::cli

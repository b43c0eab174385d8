#include "cli/core/event_follower.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mc::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using F = EventFollower;

constexpr CloudId cloud{7};

protocol::Event event(std::uint64_t seq, std::uint64_t epoch = 1) {
    protocol::Event out;
    out.seq = EventSeq{seq};
    out.epoch = Epoch{epoch};
    return out;
}

protocol::Beacon beacon(std::uint64_t last, std::uint64_t epoch = 1, CloudId of = cloud) {
    return {of, Epoch{epoch}, EventSeq{last}};
}

protocol::EventsReply replay(std::uint64_t from, std::uint64_t to, std::uint64_t last, std::uint64_t first_kept = 1,
                             CloudId of = cloud) {
    protocol::EventsReply out;
    for (std::uint64_t seq = from; seq <= to; ++seq) out.events.push_back(event(seq));
    out.first_kept = EventSeq{first_kept};
    out.last = EventSeq{last};
    out.cloud = of;
    return out;
}

/// A follower, and what it printed ("3", "gap 1-2", "cloud") and asked ("ask 5") in short.
struct Follower {
    explicit Follower(std::optional<std::uint64_t> since = std::nullopt)
        : core(since ? std::optional<EventSeq>(EventSeq{*since}) : std::nullopt, now) {}

    std::vector<std::string> did() {
        std::vector<std::string> out;
        for (const auto& effect : core.take_effects()) {
            if (const auto* p = std::get_if<F::Print>(&effect))
                out.push_back(std::to_string(p->event.seq.value));
            else if (const auto* g = std::get_if<F::Gap>(&effect)) {
                out.push_back("gap " + std::to_string(g->first.value) + "-" + std::to_string(g->last.value));
            } else if (const auto* a = std::get_if<F::AskReplay>(&effect)) {
                out.push_back("ask " + std::to_string(a->after.value));
            } else if (std::holds_alternative<F::AskBeacon>(effect))
                out.push_back("beacon?");
            else if (std::holds_alternative<F::OtherCloud>(effect))
                out.push_back("cloud");
            else
                out.push_back("remark");
        }
        return out;
    }
    void after(milliseconds time) {
        now = now + time;
        core.on_tick(now);
    }

    Instant now{0ms};
    F core;
};

TEST(EventFollower, AsksForBeaconsQuicklyUntilTheFirstArrives) {
    Follower f;
    EXPECT_THAT(f.did(), ElementsAre("beacon?"));
    f.after(20ms);
    EXPECT_THAT(f.did(), ElementsAre("beacon?"));
    f.core.on_beacon(f.now, beacon(5));
    f.after(100ms);
    EXPECT_THAT(f.did(), IsEmpty());
}

TEST(EventFollower, BeginsAfterTheBeaconsLastWithoutSince) {
    Follower f;
    f.core.on_event(f.now, event(5));
    f.core.on_beacon(f.now, beacon(5));
    f.core.on_event(f.now, event(6));
    EXPECT_THAT(f.did(), ElementsAre("beacon?", "6"));
}

TEST(EventFollower, ReplaysWhatWasAskedForAndThenGoesOnLive) {
    Follower f(2);
    f.core.on_beacon(f.now, beacon(5));
    EXPECT_THAT(f.did(), ElementsAre("beacon?", "ask 2"));
    f.core.on_event(f.now, event(6));
    EXPECT_THAT(f.did(), IsEmpty());
    f.core.on_replay(f.now, replay(3, 5, 5));
    EXPECT_THAT(f.did(), ElementsAre("3", "4", "5", "6"));
    f.core.on_event(f.now, event(7));
    EXPECT_THAT(f.did(), ElementsAre("7"));
}

TEST(EventFollower, AsksPageByPage) {
    Follower f(0);
    f.core.on_beacon(f.now, beacon(4));
    f.core.on_replay(f.now, replay(1, 2, 4));
    f.core.on_replay(f.now, replay(3, 4, 4));
    EXPECT_THAT(f.did(), ElementsAre("beacon?", "ask 0", "1", "2", "ask 2", "3", "4"));
}

// Goal: a user's watcher sees holes where others' events are, and gets over them without a word.
// Spec: docs/protocol.md "EventsReply", `through`.
TEST(EventFollower, GoesOnBehindWhatIsNotForItsEyes) {
    Follower f(0);
    f.core.on_beacon(f.now, beacon(9));
    auto page = replay(2, 3, 9);
    page.through = EventSeq{6};
    f.core.on_replay(f.now, page);
    EXPECT_THAT(f.did(), ElementsAre("beacon?", "ask 0", "2", "3", "ask 6"));
    f.core.on_event(f.now, event(8));
    page = replay(8, 8, 9);
    page.through = EventSeq{9};
    f.core.on_replay(f.now, page);
    EXPECT_THAT(f.did(), ElementsAre("8"));
    f.core.on_beacon(f.now, beacon(12));
    EXPECT_THAT(f.did(), ElementsAre("ask 9"));
    page = replay(1, 0, 12);
    page.through = EventSeq{12};
    f.core.on_replay(f.now, page);
    f.core.on_beacon(f.now, beacon(12));
    EXPECT_THAT(f.did(), IsEmpty()) << "nothing of it was ours, and nothing is missing";
}

// The log was put back while a question was open: the answer says nothing of what is between.
TEST(EventFollower, BelievesNoAnswerThatBeginsBehindIt) {
    Follower f(8);
    f.core.on_beacon(f.now, beacon(9));
    f.core.on_beacon(f.now, beacon(4, 2));
    auto page = replay(9, 9, 9);
    page.through = EventSeq{9};
    f.core.on_replay(f.now, page);
    for (const auto& what : f.did()) EXPECT_NE(what, "9");
}

TEST(EventFollower, FillsAHoleAndPrintsNothingTwice) {
    Follower f;
    f.core.on_beacon(f.now, beacon(5));
    f.core.on_event(f.now, event(6));
    f.core.on_event(f.now, event(9));
    f.core.on_event(f.now, event(9));
    EXPECT_THAT(f.did(), ElementsAre("beacon?", "6", "ask 6"));
    f.core.on_replay(f.now, replay(7, 9, 9));
    f.core.on_event(f.now, event(8));
    f.core.on_event(f.now, event(9));
    EXPECT_THAT(f.did(), ElementsAre("7", "8", "9"));
}

// An answer that is overtaken by the next question is not looked at (cli/shell/watch.cpp).
TEST(EventFollower, WaitsLongEnoughOnALinkWhoseAnswersTakeLong) {
    constexpr milliseconds answer_takes{5000};
    Follower f(0);
    f.core.on_beacon(f.now, beacon(3));
    f.did();
    std::vector<int> questions;
    for (std::uint64_t page = 1; page <= 3; ++page) {
        int asked = 1;
        for (milliseconds waited{0}; waited < answer_takes && asked < 10; waited += 500ms) {
            f.after(500ms);
            f.core.on_beacon(f.now, beacon(3));
            if (f.did().empty()) continue;
            ++asked;
            waited = 0ms;
        }
        questions.push_back(asked);
        f.core.on_replay(f.now, replay(page, page, 3));
        f.did();
    }
    EXPECT_THAT(questions, ElementsAre(3, 1, 1)) << "after 2 and 4 s the first page is asked for again";
}

TEST(EventFollower, AsksAgainAtOnceWhenTheBrokerIsBack) {
    Follower f(0);
    f.core.on_beacon(f.now, beacon(3));
    f.after(2000ms);
    f.after(1500ms);
    EXPECT_THAT(f.did(), ElementsAre("beacon?", "ask 0", "ask 0", "remark", "beacon?"));
    f.core.on_beacon(f.now, beacon(3));
    EXPECT_THAT(f.did(), ElementsAre("remark", "ask 0"));
}

TEST(EventFollower, LearnsOfAHoleFromABeaconAlone) {
    Follower f;
    f.core.on_beacon(f.now, beacon(5));
    f.core.on_beacon(f.now, beacon(7));
    EXPECT_THAT(f.did(), ElementsAre("beacon?", "ask 5"));
    f.core.on_beacon(f.now, beacon(7));
    EXPECT_THAT(f.did(), IsEmpty()) << "one question at a time";
}

TEST(EventFollower, ReportsExactlyWhatIsGone) {
    Follower f(16);
    f.core.on_beacon(f.now, beacon(30));
    f.core.on_replay(f.now, replay(24, 30, 30, 24));
    const auto did = f.did();
    EXPECT_EQ(did[2], "gap 17-23");
    EXPECT_EQ(did[3], "24");
    EXPECT_EQ(did.back(), "30");
}

TEST(EventFollower, ReportsAGapWhenNothingIsKept) {
    Follower f(16);
    f.core.on_beacon(f.now, beacon(30));
    f.core.on_replay(f.now, replay(1, 0, 30, 31));
    f.core.on_event(f.now, event(31));
    EXPECT_THAT(f.did(), ElementsAre("beacon?", "ask 16", "gap 17-30", "31"));
}

TEST(EventFollower, AsksAgainWhenAReplayIsLost) {
    Follower f(0);
    f.core.on_beacon(f.now, beacon(2));
    static_cast<void>(f.did());
    f.after(2000ms);
    EXPECT_THAT(f.did(), ElementsAre("ask 0"));
}

TEST(EventFollower, DoesNotStormABrokerThatAnswersNothing) {
    Follower f(0);
    f.core.on_beacon(f.now, beacon(2));
    f.core.on_replay(f.now, replay(1, 0, 2));
    EXPECT_THAT(f.did(), ElementsAre("beacon?", "ask 0"));
    f.after(250ms);
    EXPECT_THAT(f.did(), ElementsAre("ask 0"));
}

TEST(EventFollower, GoesOnAfterABrokerRestart) {
    Follower f;
    f.core.on_beacon(f.now, beacon(5));
    static_cast<void>(f.did());
    f.after(3500ms);
    EXPECT_THAT(f.did(), ElementsAre("remark", "beacon?"));
    f.after(1000ms);
    EXPECT_THAT(f.did(), ElementsAre("beacon?"));
    f.core.on_beacon(f.now, beacon(7, 2));
    f.core.on_replay(f.now, replay(6, 7, 7));
    EXPECT_THAT(f.did(), ElementsAre("remark", "ask 5", "6", "7"));
    f.after(3000ms);
    EXPECT_THAT(f.did(), IsEmpty());
}

TEST(EventFollower, StartsAnewWithAnotherCloud) {
    Follower f;
    f.core.on_beacon(f.now, beacon(50));
    f.core.on_beacon(f.now, beacon(2, 1, CloudId{8}));
    EXPECT_THAT(f.did(), ElementsAre("beacon?", "cloud", "ask 0"));
    f.core.on_replay(f.now, replay(1, 2, 2, 1, CloudId{8}));
    EXPECT_THAT(f.did(), ElementsAre("1", "2"));
}

TEST(EventFollower, LearnsOfAnotherCloudFromAReplay) {
    Follower f;
    f.core.on_beacon(f.now, beacon(50));
    f.core.on_event(f.now, event(60));
    static_cast<void>(f.did());
    f.core.on_replay(f.now, replay(51, 60, 60, 1, CloudId{8}));
    EXPECT_THAT(f.did(), ElementsAre("cloud", "ask 0"));
}

TEST(EventFollower, IsNotMisledByABeaconThatIsOlderThanAReplay) {
    Follower f(0);
    f.core.on_beacon(f.now, beacon(2));
    f.core.on_replay(f.now, replay(1, 4, 4));
    static_cast<void>(f.did());
    f.core.on_beacon(f.now, beacon(3));
    f.core.on_event(f.now, event(4));
    f.core.on_event(f.now, event(5));
    EXPECT_THAT(f.did(), ElementsAre("5"));
}

TEST(EventFollower, SaysWhenTheLogWasPutBack) {
    Follower f;
    f.core.on_beacon(f.now, beacon(50, 3));
    static_cast<void>(f.did());
    f.core.on_beacon(f.now, beacon(40, 4));
    f.core.on_event(f.now, event(41, 4));
    EXPECT_THAT(f.did(), ElementsAre("remark", "41"));
}

// A deadline that is over and means nothing would keep the shell's loop spinning.
TEST(EventFollower, WaitsForNothingOnceItsQuestionAnsweredItself) {
    Follower f(0);
    f.core.on_beacon(f.now, beacon(1));
    f.core.on_event(f.now, event(1));
    EXPECT_THAT(f.did(), ElementsAre("beacon?", "ask 0", "1"));
    f.after(3000ms);
    EXPECT_GT(f.core.next_deadline(), f.now);
}

TEST(EventFollower, KeepsABoundedNumberOfEventsAhead) {
    Follower f;
    f.core.on_beacon(f.now, beacon(0));
    const std::uint64_t many = F::ahead_max + 100;
    for (std::uint64_t seq = 2; seq <= many; ++seq) f.core.on_event(f.now, event(seq));
    static_cast<void>(f.did());
    f.core.on_replay(f.now, replay(1, 1, many));
    const auto did = f.did();
    EXPECT_EQ(did.size(), F::ahead_max + 2);  // 1, those that were kept, and the question for the rest
    EXPECT_EQ(did.back(), "ask " + std::to_string(F::ahead_max + 1));
}

}  // namespace
}  // namespace mc::cli

#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::Verb;
using testing::ElementsAre;
using testing::IsEmpty;

// Goal: what runs of a container that the engine does not run, or has no more, is ended; nothing else ever is. ADR 21.

struct LeftoversHarness : Harness {
    LeftoversHarness() {
        EXPECT_EQ(code(create()), ErrorCode::ok);
        id = container()->id;
        advance(1s);
    }
    void exits() { container()->state = "exited"; }
    /// release() ends it.
    void begins_a_start() {
        when("POST", "/start", std::nullopt);
        act(Verb::vm_start);
        ASSERT_TRUE(hangs("/start"));
    }
    /// Long enough for the engine's watch and a list to fail.
    void engine_is_away() {
        engine.intercept = [](const EngineRequest&) { return Harness::refused(); };
        advance(4s);
        engine.intercept = nullptr;
    }
    [[nodiscard]] std::vector<std::string> ended() const {
        std::vector<std::string> ids;
        for (const auto& one : leftovers) ids.push_back(one.container);
        return ids;
    }

    std::string id;
};

TEST(Leftovers, OfOneThatRunsAreNone) {
    LeftoversHarness t;
    t.advance(60s);
    EXPECT_THAT(t.leftovers, IsEmpty());
}

TEST(Leftovers, OfOneAtRestAreEndedOnceAndOlderThanItsRest) {
    LeftoversHarness t;
    t.exits();
    t.advance(29s);
    EXPECT_THAT(t.leftovers, IsEmpty());
    t.advance(7s);
    ASSERT_THAT(t.ended(), ElementsAre(t.id));
    EXPECT_GE(t.leftovers[0].age_min, bounds::leftover_grace_max);
    EXPECT_LE(t.leftovers[0].age_min, bounds::leftover_grace_max + bounds::inventory_interval);
    t.advance(60s);
    EXPECT_EQ(t.leftovers.size(), 1U);
}

TEST(Leftovers, OfAnEarlierEngineAreLookedForAnew) {
    LeftoversHarness t;
    t.exits();
    t.advance(60s);
    ASSERT_EQ(t.leftovers.size(), 1U);
    t.engine_is_away();
    t.advance(8s);
    EXPECT_EQ(t.leftovers.size(), 1U) << "it may be starting its containers";
    t.advance(6s);
    EXPECT_THAT(t.ended(), ElementsAre(t.id, t.id));
    EXPECT_LT(t.leftovers[1].age_min, 15s) << "what the killed engine began since the VM stopped is found, too";
}

TEST(Leftovers, OfOneThatIsBeingStartedAreNone) {
    LeftoversHarness t;
    t.exits();
    t.begins_a_start();
    t.advance(40s);
    EXPECT_THAT(t.leftovers, IsEmpty());
}

TEST(Leftovers, OfOneWhoseStartHadNoAnswerAreEndedLate) {
    LeftoversHarness t;
    t.exits();
    t.begins_a_start();
    t.advance(20min);
    ASSERT_THAT(t.ended(), ElementsAre(t.id));
    EXPECT_GE(t.leftovers[0].age_min, bounds::leftover_grace_max) << "it may be at it still";
    EXPECT_LE(t.leftovers[0].age_min, bounds::leftover_grace_max + bounds::inventory_interval);
}

TEST(Leftovers, OfOneWhoseStartWasRefusedAreEndedAtOnceAndOlderThanTheJob) {
    LeftoversHarness t;
    t.exits();
    t.begins_a_start();
    t.advance(40s);
    t.release("/start", FakeEngine::error(500, "task x: already exists"));
    EXPECT_THAT(t.leftovers, IsEmpty());
    t.advance(bounds::inventory_spacing + 100ms);
    ASSERT_THAT(t.ended(), ElementsAre(t.id));
    EXPECT_GE(t.leftovers[0].age_min, 40s) << "what the start itself began is its engine's";
    t.advance(2min);
    EXPECT_EQ(t.leftovers.size(), 1U);
}

// A broker tries five times, in some 50 s.
TEST(Leftovers, OfOneWhoseStartIsTriedAgainAndAgainAreEndedBetween) {
    LeftoversHarness t;
    t.exits();
    t.when("POST", "/start", FakeEngine::error(500, "task x: already exists"));
    for (std::size_t tries = 1; tries < 5; ++tries) {
        EXPECT_EQ(t.code(t.act(Verb::vm_start)), ErrorCode::engine_failed);
        t.advance(5s);
        EXPECT_EQ(t.leftovers.size(), tries);
    }
}

// A person is quicker.
TEST(Leftovers, OfOneWhoseStartIsTriedEverySecondAreEnded) {
    LeftoversHarness t;
    t.exits();
    t.when("POST", "/start", FakeEngine::error(500, "task x: already exists"));
    for (int tries = 0; tries < 6; ++tries) {
        EXPECT_EQ(t.code(t.act(Verb::vm_start)), ErrorCode::engine_failed);
        t.advance(900ms);
    }
    EXPECT_GE(t.leftovers.size(), 1U);
}

TEST(Leftovers, OfOneWhoseStartWasRefusedAreNotEndedWhileItIsTriedAgain) {
    LeftoversHarness t;
    t.exits();
    t.when("POST", "/start", FakeEngine::error(500, "task x: already exists"));
    t.act(Verb::vm_start);
    t.begins_a_start();
    t.advance(10s);
    EXPECT_THAT(t.leftovers, IsEmpty());
    t.release("/start", FakeEngine::error(500, "task x: already exists"));
    t.advance(4s);
    EXPECT_THAT(t.ended(), ElementsAre(t.id));
}

// It has not begun the start: what runs is the engine's.
TEST(Leftovers, OfOneThatTheEngineCanNotStopToStartItAreNone) {
    LeftoversHarness t;
    t.when("POST", "/restart", FakeEngine::error(500, "it does not end"));
    EXPECT_EQ(t.code(t.act(Verb::vm_restart)), ErrorCode::engine_failed);
    t.advance(20s);
    EXPECT_THAT(t.leftovers, IsEmpty());
}

TEST(Leftovers, OfOneThatTheEngineCanNotStopAreNone) {
    LeftoversHarness t;
    t.when("POST", "/stop", FakeEngine::error(500, "it does not end"));
    EXPECT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::engine_failed);
    t.exits();
    t.advance(20s);
    EXPECT_THAT(t.leftovers, IsEmpty());
}

// What was at rest when the engine was asked may run by now.
TEST(Leftovers, AreNotEndedByAnOldList) {
    LeftoversHarness t;
    t.exits();
    t.advance(28s);
    t.when("GET", "/containers/json", std::nullopt);
    t.advance(8s);
    ASSERT_TRUE(t.hangs("/containers/json"));
    t.release("/containers/json");
    EXPECT_THAT(t.leftovers, IsEmpty());
    t.advance(4s);
    EXPECT_THAT(t.ended(), ElementsAre(t.id));
}

TEST(Leftovers, OfOneThatAJobRemovedAreEnded) {
    LeftoversHarness t;
    t.exits();
    EXPECT_EQ(t.code(t.act(Verb::vm_remove)), ErrorCode::ok);
    t.advance(9s);
    EXPECT_THAT(t.leftovers, IsEmpty()) << "its own process may be on its way out";
    t.advance(6s);
    EXPECT_THAT(t.ended(), ElementsAre(t.id));
    t.advance(60s);
    EXPECT_EQ(t.leftovers.size(), 1U);
}

TEST(Leftovers, OfOneThatSomebodyElseRemovedAreEnded) {
    LeftoversHarness t;
    t.engine.containers.clear();
    t.advance(15s);
    EXPECT_THAT(t.ended(), ElementsAre(t.id));
}

// An engine that was started with another data directory has none of them, and they run.
TEST(Leftovers, OfOneThatANewEngineDoesNotKnowAreNone) {
    LeftoversHarness t;
    t.engine_is_away();
    t.engine.containers.clear();
    t.advance(60s);
    EXPECT_THAT(t.leftovers, IsEmpty());
}

// Goal: what is left of containers that were removed while nobody here looked is found by what is not listed.

TEST(Leftovers, OfUnlistedOnesAreLookedForOnceAfterTheStart) {
    LeftoversHarness t;
    t.advance(27s);
    EXPECT_THAT(t.unlisted, IsEmpty());
    t.advance(6s);
    ASSERT_EQ(t.unlisted.size(), 1U);
    EXPECT_THAT(t.unlisted[0].listed, ElementsAre(t.id));
    EXPECT_EQ(t.unlisted[0].data_root, "/var/lib/docker");
    EXPECT_GE(t.unlisted[0].age_min, bounds::leftover_grace_max);
    EXPECT_NE(t.container()->spec.at("Env").dump().find(t.unlisted[0].mark), std::string::npos);
    t.advance(5min);
    EXPECT_EQ(t.unlisted.size(), 1U);
}

TEST(Leftovers, OfUnlistedOnesAreLookedForAfterEachEndOfTheEngine) {
    LeftoversHarness t;
    t.advance(2min);
    ASSERT_EQ(t.unlisted.size(), 1U);
    t.engine_is_away();
    t.engine.containers.clear();
    t.engine.root_dir = "/elsewhere";
    t.advance(9s);
    EXPECT_EQ(t.unlisted.size(), 1U);
    t.advance(5s);
    ASSERT_EQ(t.unlisted.size(), 2U);
    EXPECT_THAT(t.unlisted[1].listed, IsEmpty());
    EXPECT_EQ(t.unlisted[1].data_root, "/elsewhere") << "as it is now, not as it was";
    EXPECT_GE(t.unlisted[1].age_min, bounds::leftover_grace);
}

TEST(Leftovers, OfUnlistedOnesAreLeftAloneWhereTheEngineDoesNotSayWhereItIs) {
    LeftoversHarness t;
    t.advance(2min);
    ASSERT_EQ(t.unlisted.size(), 1U);
    t.engine.root_dir.clear();
    t.engine_is_away();
    t.advance(5min);
    EXPECT_EQ(t.unlisted.size(), 1U);
}

}  // namespace
}  // namespace mc::worker

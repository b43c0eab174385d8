#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::ContainerState;
using protocol::Ended;

// Goal: what ends with its engine is told apart from what ends by itself. ADR 12.

struct EndingsHarness : Harness {
    EndingsHarness() {
        EXPECT_EQ(code(create()), ErrorCode::ok);
        advance(1s);
    }
    void exits() {
        container()->state = "exited";
        container()->exit_code = 137;
    }
    void engine_is(const FakeEngine::Answer& answer) {
        engine.intercept = [answer](const EngineRequest&) { return answer; };
    }
    void engine_is_back() { engine.intercept = nullptr; }
    [[nodiscard]] Ended ended() const { return inventory()->vms.at(0).ended; }
};

TEST(Endings, OnALivingEngineIsByItself) {
    EndingsHarness t;
    t.exits();
    t.advance(4s);
    EXPECT_EQ(t.inventory()->vms.at(0).state, ContainerState::exited);
    EXPECT_EQ(t.ended(), Ended::by_itself);
}

TEST(Endings, WhileTheEngineWasGoneIsWithTheEngine) {
    EndingsHarness t;
    t.engine_is(Harness::refused());
    t.advance(5min);
    t.exits();
    t.engine_is_back();
    t.sent.clear();
    t.advance(4s);
    EXPECT_EQ(t.ended(), Ended::with_engine);
    t.advance(60s);  // and stays so
    EXPECT_EQ(t.ended(), Ended::with_engine);
}

TEST(Endings, ShortlyBeforeTheEngineWentAwayIsWithTheEngine) {
    EndingsHarness t;
    t.exits();
    t.advance(20s);
    EXPECT_EQ(t.ended(), Ended::by_itself);
    t.engine_is(Harness::refused());
    t.advance(5s);
    t.engine_is_back();
    t.advance(4s);
    EXPECT_EQ(t.ended(), Ended::with_engine);
}

TEST(Endings, LongBeforeTheEngineWentAwayIsByItself) {
    EndingsHarness t;
    t.exits();
    t.advance(bounds::engine_ending_max + 5s);
    t.engine_is(Harness::refused());
    t.advance(5s);
    t.engine_is_back();
    t.advance(4s);
    EXPECT_EQ(t.ended(), Ended::by_itself);
}

TEST(Endings, OnAnEngineThatIsSlowIsByItself) {
    EndingsHarness t;
    t.engine_is(Harness::timed_out());
    t.advance(2s);
    t.exits();
    t.engine_is_back();
    t.advance(4s);
    EXPECT_EQ(t.ended(), Ended::by_itself);
}

// Found by the simulator, seed 211815: it is restarted while it fails, and nobody sees it.
TEST(Endings, WhileNothingCouldBeSeenOfTheEngineIsUnwatched) {
    for (const auto& trouble : {FakeEngine::Answer(Harness::timed_out()),
                                FakeEngine::Answer(FakeEngine::error(500, "something is broken"))}) {
        EndingsHarness t;
        t.engine_is(trouble);
        t.advance(20s);
        t.exits();
        t.engine_is_back();
        t.advance(4s);
        EXPECT_EQ(t.ended(), Ended::unwatched);
    }
}

TEST(Endings, WhileTheEventStreamIsRefusedIsUnwatched) {
    EndingsHarness t;
    t.release("/events", FakeEngine::error(500, "something is broken"));
    t.exits();
    t.advance(4s);
    EXPECT_EQ(t.ended(), Ended::unwatched);
}

// A restart between two lists, or one that hides behind systemd's docker.socket.
TEST(Endings, AnEngineThatBreaksItsEventStreamOffWasGone) {
    EndingsHarness t;
    t.exits();
    t.release("/events", Harness::refused());
    t.advance(1s);
    EXPECT_EQ(t.ended(), Ended::with_engine);

    EndingsHarness orderly;
    orderly.exits();
    orderly.release("/events", FakeEngine::reply(200));
    orderly.advance(1s);
    EXPECT_EQ(orderly.ended(), Ended::with_engine);
}

TEST(Endings, OurOwnLimitOnTheEventStreamMeansNothing) {
    EndingsHarness t;
    t.exits();
    t.release("/events", Harness::timed_out());
    t.advance(4s);
    EXPECT_EQ(t.ended(), Ended::by_itself);
}

TEST(Endings, BeforeThisProcessLookedIsUnwatched) {
    Endings endings;
    engine::ContainerInfo exited;
    exited.id = "c";
    exited.state = ContainerState::exited;
    const Now now;
    endings.on_engine_gone(now);  // no answer yet since this process began
    endings.on_list(now, {exited});
    EXPECT_EQ(endings.of("c"), Ended::unwatched);
    endings.on_engine_gone(now);  // it had ended before
    endings.on_list(now, {exited});
    EXPECT_EQ(endings.of("c"), Ended::unwatched);
}

TEST(Endings, AnotherEndIsJudgedAnew) {
    EndingsHarness t;
    t.engine_is(Harness::refused());
    t.advance(5s);
    t.exits();
    t.engine_is_back();
    t.advance(4s);
    ASSERT_EQ(t.ended(), Ended::with_engine);
    // Started, and ended before any list saw it run.
    t.engine.exits_at_start = true;
    EXPECT_EQ(t.code(t.act(protocol::Verb::vm_start)), ErrorCode::vm_exited);
    t.advance(4s);
    EXPECT_EQ(t.ended(), Ended::by_itself);
}

// A second restart right after the first, or while there is no broker, is seen too.
TEST(Endings, ListensToTheEngineFromTheBeginningAndAgainAsSoonAsItAnswers) {
    Harness t(false);
    EXPECT_TRUE(t.hangs("/events"));
    t.release("/events", Harness::refused());
    EXPECT_FALSE(t.hangs("/events"));
    t.advance(bounds::inventory_spacing, false);
    EXPECT_TRUE(t.hangs("/events"));
}

TEST(Endings, AStoppingWorkerTellsNoneAnyMore) {
    EndingsHarness t;
    t.core.begin_stop(t.now);
    t.settle();
    t.sent.clear();
    t.exits();
    t.advance(4s);
    EXPECT_FALSE(t.inventory());
}

TEST(CreateJob, StartsAVmAgainThatEndedWithTheEngine) {
    Harness t;
    t.probe = ProbeResult::silent();
    const JobId job = t.create();
    t.advance(1s);
    t.engine.intercept = [](const EngineRequest&) { return FakeEngine::Answer(Harness::refused()); };
    t.advance(5s);
    t.container()->state = "exited";
    t.engine.intercept = nullptr;
    t.probe = Harness::own_sshd();
    t.advance(5s);
    EXPECT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.container()->starts, 2);
}

}  // namespace
}  // namespace mc::worker

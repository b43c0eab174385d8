#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/broker/broker_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::ContainerState;
using protocol::Ended;
using protocol::VmIntent;

// Goal: nobody loses a VM because its engine or machine was stopped. ADR 12.

struct EngineEndsHarness : BrokerHarness {
    EngineEndsHarness() {
        node_ready("a");
        id = running("box", "a");
        inventory("a", {report(id, ContainerState::running)});
        to_workers.clear();
    }
    [[nodiscard]] protocol::VmReport exited(Ended how) const {
        auto exit = report(id, ContainerState::exited);
        exit.exit_code = 137;
        exit.ended = how;
        return exit;
    }
    void exits(Ended how) { inventory("a", {exited(how)}); }
    void engine_answers(bool yes) {
        nodes["a"].status.ready = yes;
        nodes["a"].status.reason = yes ? "" : "the engine can't be used";
        heartbeat("a");
    }
    [[nodiscard]] std::size_t starts() const { return orders("a", Verb::vm_start); }
    [[nodiscard]] std::size_t removals() const { return orders("a", Verb::vm_remove); }

    VmId id;
};

TEST(BrokerEngineEnds, StartsAVmAgainThatEndedWithItsEngine) {
    EngineEndsHarness t;
    t.exits(Ended::with_engine);
    ASSERT_EQ(t.starts(), 1u);
    EXPECT_EQ(t.count_events("vm.starting"), 1u);
    EXPECT_EQ(t.published.back().reason, "its engine was stopped");
    EXPECT_FALSE(t.published.back().request);
    t.obey("a", Verb::vm_start);
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    t.inventory("a", {BrokerHarness::report(t.id, ContainerState::running)});
    t.advance_alive(120s, {"a"});
    EXPECT_EQ(t.removals(), 0u);
    EXPECT_EQ(t.starts(), 1u);
}

TEST(BrokerEngineEnds, StartsOneThatEndedUnwatchedOnlyIfItRanBefore) {
    EngineEndsHarness t;
    t.exits(Ended::unwatched);
    EXPECT_EQ(t.starts(), 1u);

    EngineEndsHarness known;
    known.exits(Ended::by_itself);
    known.advance_alive(31s, {"a"});
    known.node_register("a");  // another process of that worker
    known.exits(Ended::unwatched);
    EXPECT_EQ(known.starts(), 0u);
    known.advance_alive(62s, {"a"});
    EXPECT_GE(known.removals(), 1u);
}

// A start that the engine did not manage, or somebody's copy that is all that is left.
TEST(BrokerEngineEnds, StartsAVmWhoseContainerNeverRan) {
    EngineEndsHarness t;
    t.inventory("a", {BrokerHarness::report(t.id, ContainerState::created)});
    ASSERT_EQ(t.starts(), 1u);
    EXPECT_EQ(t.published.back().reason, "its container was not started");
    t.obey("a", Verb::vm_start);
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    t.advance_alive(120s, {"a"});
    EXPECT_EQ(t.removals(), 0u);
}

// A machine that shuts down: the VMs end, then the engine, and the worker before it could say so.
TEST(BrokerEngineEnds, BelievesNoWorkerThatWentAwayRightAfterTheVm) {
    EngineEndsHarness t;
    t.exits(Ended::by_itself);
    t.advance_alive(5s, {"a"});
    t.node_register("a");
    t.exits(Ended::unwatched);
    EXPECT_EQ(t.starts(), 1u);
    EXPECT_EQ(t.removals(), 0u);
}

TEST(BrokerEngineEnds, StillKnowsAfterItsOwnRestart) {
    EngineEndsHarness t;
    t.engine_answers(false);
    t.exits(Ended::with_engine);  // the node can't start anything yet
    EXPECT_EQ(t.starts(), 0u);
    t.restart();
    t.node_register("a");
    t.nodes["a"].status.ready = true;
    t.exits(Ended::unwatched);
    EXPECT_EQ(t.starts(), 1u);
}

// An orderly end of an engine ends the VMs first, while it still answers.
TEST(BrokerEngineEnds, BelievesAWorkerThatCorrectsItself) {
    EngineEndsHarness t;
    t.exits(Ended::by_itself);
    EXPECT_EQ(t.vm("box")->state, VmState::stopped);
    t.engine_answers(false);
    t.advance_alive(600s, {"a"});
    EXPECT_EQ(t.removals(), 0u) << "the grace period does not run while the engine is away";
    t.engine_answers(true);
    t.advance_alive(2s, {"a"});
    EXPECT_EQ(t.removals(), 0u) << "nor before the node has reported again";
    t.exits(Ended::with_engine);
    EXPECT_EQ(t.starts(), 1u);
}

TEST(BrokerEngineEnds, GraceGoesOnWhereItWasAfterTheEngineIsBack) {
    EngineEndsHarness t;
    t.exits(Ended::by_itself);
    t.advance_alive(40s, {"a"});
    t.engine_answers(false);
    t.advance_alive(600s, {"a"});
    t.engine_answers(true);
    t.exits(Ended::by_itself);
    t.advance_alive(18s, {"a"});
    EXPECT_EQ(t.removals(), 0u);
    t.advance_alive(5s, {"a"});
    EXPECT_GE(t.removals(), 1u);
}

TEST(BrokerEngineEnds, LeavesAVmStoppedThatAPersonStopped) {
    EngineEndsHarness t;
    t.act(Verb::stop, {"box"});
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    t.exits(Ended::with_engine);
    t.advance_alive(120s, {"a"});
    EXPECT_EQ(t.starts(), 0u);
    EXPECT_EQ(t.removals(), 0u);
    EXPECT_EQ(t.vm("box")->state, VmState::stopped);
}

TEST(BrokerEngineEnds, OneThatEndsAtOnceAfterItsStartIsCleanedUp) {
    EngineEndsHarness t;
    t.exits(Ended::with_engine);
    t.disobey("a", Verb::vm_start, ErrorCode::vm_exited, "the VM exited at once with code 1");
    EXPECT_THAT(t.vm("box")->reason, testing::HasSubstr("exited at once"));
    t.exits(Ended::by_itself);
    t.advance_alive(30s, {"a"});
    EXPECT_EQ(t.removals(), 0u);
    t.advance_alive(32s, {"a"});
    EXPECT_EQ(t.removals(), 1u);
    EXPECT_EQ(t.starts(), 1u);
}

TEST(BrokerEngineEnds, OneThatCantBeStartedIsKeptAndTriedAFewTimes) {
    EngineEndsHarness t;
    for (int second = 0; second < 300; second += 3) {
        t.exits(Ended::with_engine);
        t.disobey("a", Verb::vm_start, ErrorCode::engine_failed, "no space left on device");
        t.advance_alive(3s, {"a"});
    }
    EXPECT_EQ(t.starts(), 5u);
    EXPECT_EQ(t.removals(), 0u);
    EXPECT_EQ(t.vm("box")->state, VmState::stopped);
    EXPECT_EQ(t.vm("box")->intent, VmIntent::stopped) << "as one that a person stopped";
    EXPECT_THAT(t.vm("box")->reason, testing::HasSubstr("mccli start box"));
    const auto start = t.act(Verb::start, {"box"});
    t.obey("a", Verb::vm_start);
    EXPECT_EQ(t.code(start), ErrorCode::ok);
}

TEST(BrokerEngineEnds, AnEngineThatGoesAwayAgainCostsNoTry) {
    EngineEndsHarness t;
    for (int round = 0; round < 20; ++round) {
        t.exits(Ended::with_engine);
        t.disobey("a", Verb::vm_start, ErrorCode::engine_unreachable, "connection refused");
        t.advance_alive(6s, {"a"});
    }
    EXPECT_EQ(t.vm("box")->intent, VmIntent::running);
    t.exits(Ended::with_engine);
    t.obey("a", Verb::vm_start);
    EXPECT_EQ(t.vm("box")->state, VmState::running);
}

TEST(BrokerEngineEnds, StartsNothingOnANodeThatIsDrained) {
    EngineEndsHarness t;
    t.send(Verb::drain, encode(protocol::NodeActionRequest{{"a"}, 3600, false}));
    t.exits(Ended::with_engine);
    EXPECT_EQ(t.starts(), 0u);
    EXPECT_EQ(t.vm("box")->intent, VmIntent::stopped);
    t.advance_alive(120s, {"a"});
    EXPECT_EQ(t.removals(), 0u);
}

// Found by the simulator, seed 65: a stop goes to a worker that dies, its next process can't do
// it either, the VM is started again, and then the engine carries the first order out.
TEST(BrokerEngineEnds, AStopOfUnknownOutcomeMayHappenLater) {
    EngineEndsHarness t;
    t.act(Verb::stop, {"box"});
    t.node_register("a");
    t.disobey("a", Verb::vm_stop, ErrorCode::deadline_exceeded, "the engine did not answer");
    t.act(Verb::start, {"box"});
    t.obey("a", Verb::vm_start);
    t.exits(Ended::by_itself);
    EXPECT_EQ(t.starts(), 2u);
    t.obey("a", Verb::vm_start);
    t.advance_alive(301s, {"a"});
    t.exits(Ended::by_itself);
    EXPECT_EQ(t.starts(), 2u) << "not for ever";
}

// Found by the simulator, seeds 208078 and 201573: the worker knows of it, and then neither it
// nor the broker is the process that it was.
TEST(BrokerEngineEnds, AStopThatMayComeLateIsKnownAfterARestart) {
    EngineEndsHarness t;
    t.act(Verb::restart, {"box"});
    auto restarted = BrokerHarness::report(t.id, ContainerState::running);
    restarted.late_stop = true;
    t.from_worker("a", protocol::Kind::reply, Verb::vm_restart, t.order("a", Verb::vm_restart)->header.id,
                  encode(restarted));
    t.restart();
    t.node_register("a");
    t.inventory("a", {BrokerHarness::report(t.id, ContainerState::running)});
    t.exits(Ended::by_itself);
    EXPECT_EQ(t.starts(), 1u);
    EXPECT_EQ(t.vm("box")->intent, VmIntent::running);
}

// Found by the simulator, seed 2009116: its worker restarts a VM that nobody can reach, and can't start it again.
TEST(BrokerEngineEnds, AStartThatFailedMayHaveStoppedIt) {
    EngineEndsHarness t;
    t.exits(Ended::with_engine);
    t.disobey("a", Verb::vm_start, ErrorCode::engine_failed, "the port is taken");
    t.exits(Ended::by_itself);
    t.advance_alive(70s, {"a"});
    EXPECT_EQ(t.removals(), 0u);
    t.exits(Ended::by_itself);
    EXPECT_EQ(t.starts(), 2u);
}

TEST(BrokerEngineEnds, ACreateMayTellOfALateStop) {
    BrokerHarness t;
    t.node_ready("a");
    t.create("box");
    auto made = BrokerHarness::report(t.vm("box")->id, ContainerState::running);
    made.late_stop = true;
    t.from_worker("a", protocol::Kind::reply, Verb::vm_create, t.order("a", Verb::vm_create)->header.id, encode(made));
    auto exit = BrokerHarness::report(made.vm, ContainerState::exited);
    exit.ended = Ended::by_itself;
    t.inventory("a", {exit});
    EXPECT_EQ(t.orders("a", Verb::vm_start), 1u);
}

TEST(BrokerEngineEnds, TimeToLiveHolds) {
    BrokerHarness t;
    t.node_ready("a");
    protocol::CreateRequest request;
    request.spec.name = "brief";
    request.spec.ttl_seconds = 30;
    t.send(Verb::create, encode(request));
    const VmId id = t.obey("a", Verb::vm_create);
    t.now.wall.unix_ms += 31'000;
    auto exit = BrokerHarness::report(id, ContainerState::exited);
    exit.ended = Ended::with_engine;
    t.inventory("a", {exit});
    EXPECT_EQ(t.orders("a", Verb::vm_start), 0u);
    t.advance_alive(2s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 1u);
}

TEST(BrokerEngineEnds, ItsOwnStartStandsInNobodysWay) {
    for (const Verb verb : {Verb::stop, Verb::start, Verb::restart, Verb::remove}) {
        EngineEndsHarness t;
        t.exits(Ended::with_engine);
        const auto asked = t.act(verb, {"box"});
        EXPECT_EQ(t.orders("a", Verb::job_cancel), 1u);
        if (verb == Verb::stop) t.obey("a", Verb::vm_stop, ContainerState::exited);
        if (verb == Verb::start) t.obey("a", Verb::vm_start);
        if (verb == Verb::restart) t.obey("a", Verb::vm_restart);
        if (verb == Verb::remove) t.obey("a", Verb::vm_remove, ContainerState::absent);
        EXPECT_EQ(t.code(asked), ErrorCode::ok) << name_of(verb);
    }
}

}  // namespace
}  // namespace mc::broker::test

#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::Verb;
using testing::HasSubstr;

/// A node whose containers can be ended from outside, with one VM, of this process.
struct Node : Harness {
    explicit Node(const std::function<void(FakeEngine&)>& prepare = nullptr) : Harness(true, visiting(), prepare) {
        if (!prepare) create();
    }
    static Settings visiting() {
        Settings with = settings();
        with.visits = true;
        return with;
    }
    void hold_removals() { when("DELETE", "/containers/", std::nullopt); }
    [[nodiscard]] std::size_t told_of() const { return inventory().value_or(protocol::Inventory{}).vms.size(); }
};

// Goal: who deletes a VM does not wait for the engine's removal. Spec: ADR 39.
TEST(RemoveJob, IsDoneWhenTheVmHasEnded) {
    Node t;
    t.hold_removals();
    const JobId job = t.act(Verb::vm_remove);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.report(job).state, protocol::ContainerState::absent);
    ASSERT_EQ(t.ended.size(), 1U);
    EXPECT_EQ(t.ended[0].container, t.container()->id);
    EXPECT_EQ(t.ended[0].pid, 4001);
    EXPECT_TRUE(t.hangs("/containers/id-mc-")) << "the engine is at it";
    t.release("/containers/id-mc-");
    EXPECT_FALSE(t.container());
    EXPECT_EQ(t.all(job, protocol::Kind::reply).size(), 1U);
}

TEST(RemoveJob, IsNotDoneBeforeTheVmHasEnded) {
    Node t;
    t.ends.reset();
    const JobId job = t.act(Verb::vm_remove);
    t.advance(bounds::end_max / 2);
    EXPECT_FALSE(t.reply(job));
    EXPECT_EQ(t.engine.count("DELETE"), 0);
    t.core.on_vm_ended(t.now, t.ended.at(0).id, {});
    t.settle();
    EXPECT_EQ(t.code(job), ErrorCode::ok);
    EXPECT_FALSE(t.container());
}

TEST(RemoveJob, WaitsForTheEngineWhereTheVmCantBeEnded) {
    for (const auto why : {ErrorCode::not_found, ErrorCode::denied, ErrorCode::deadline_exceeded}) {
        Node t;
        t.ends = fail(why, "not ended");
        t.hold_removals();
        const JobId job = t.act(Verb::vm_remove);
        EXPECT_FALSE(t.reply(job));
        t.release("/containers/id-mc-");
        EXPECT_EQ(t.code(job), ErrorCode::ok);
        EXPECT_FALSE(t.container());
    }
}

TEST(RemoveJob, TriesNoMoreToEndWhatItMayNot) {
    Node t;
    t.ends = fail(ErrorCode::denied, "this needs root");
    t.act(Verb::vm_remove);
    t.create();
    t.act(Verb::vm_remove);
    EXPECT_EQ(t.ended.size(), 1U);
    EXPECT_FALSE(t.container());
}

TEST(RemoveJob, WaitsForTheEngineWhereNothingRuns) {
    Node t;
    t.container()->state = "exited";
    t.hold_removals();
    const JobId job = t.act(Verb::vm_remove);
    EXPECT_FALSE(t.reply(job));
    EXPECT_TRUE(t.ended.empty());
    t.release("/containers/id-mc-");
    EXPECT_EQ(t.code(job), ErrorCode::ok);
}

// Goal: nothing of a deleted VM runs again. The engine goes on with a restart that nobody waits for any more.
TEST(RemoveJob, WaitsForTheEngineWhereThatMayBeAtAStart) {
    Node t;
    t.when("POST", "/restart", std::nullopt);
    const JobId restart = t.act(Verb::vm_restart);
    t.engine.intercept = nullptr;
    t.hold_removals();
    const JobId job = t.act(Verb::vm_remove);
    EXPECT_EQ(t.code(restart), ErrorCode::cancelled);
    EXPECT_FALSE(t.reply(job));
    EXPECT_TRUE(t.ended.empty());
    t.release("/containers/id-mc-");
    EXPECT_EQ(t.code(job), ErrorCode::ok);
}

TEST(RemoveJob, WaitsForTheEngineWhileAnEarlierProcesssCallsMayBeUnderWay) {
    for (const bool settled : {false, true}) {
        Node before;
        Node t([&](FakeEngine& engine) { engine.containers = before.engine.containers; });
        if (settled) t.advance(bounds::create_call_max + bounds::inventory_interval);
        const JobId job = t.act(Verb::vm_remove);
        EXPECT_EQ(t.code(job), ErrorCode::ok);
        EXPECT_EQ(t.ended.size(), settled ? 1U : 0U);
        EXPECT_FALSE(t.container());
    }
}

// Goal: the broker, which has the VM deleted by then, is not shown what is left of it.
TEST(RemoveJob, KeepsWhatIsStillToBeRemovedOutOfInventories) {
    Node t;
    t.advance(bounds::inventory_interval);
    ASSERT_EQ(t.told_of(), 1U);
    t.hold_removals();
    t.act(Verb::vm_remove);
    const int told = t.count(Verb::node_inventory);
    t.advance(bounds::inventory_interval);
    EXPECT_GT(t.count(Verb::node_inventory), told);
    EXPECT_EQ(t.told_of(), 0U);
}

TEST(RemoveJob, LetsNoListTellThatBeganBeforeTheRemovalsEnd) {
    Node t;
    t.hold_removals();
    t.act(Verb::vm_remove);
    EngineRequest request;
    request.target = "/v1.41/containers/json";
    const auto list = *t.engine.answer(request);
    t.advance(bounds::inventory_interval);
    const auto removing = t.engine.intercept;
    t.engine.intercept = [&](const EngineRequest& asked) -> std::optional<FakeEngine::Answer> {
        if (asked.target.find("/containers/json?all=1") != std::string::npos) return FakeEngine::Answer(std::nullopt);
        return removing(asked);
    };
    t.advance(bounds::inventory_interval);
    ASSERT_TRUE(t.hangs("/containers/json?all=1"));
    const int told = t.count(Verb::node_inventory);
    t.release("/containers/id-mc-", FakeEngine::reply(204));
    t.release("/containers/json?all=1", list);
    EXPECT_EQ(t.count(Verb::node_inventory), told) << "it shows what has gone meanwhile";
}

TEST(RemoveJob, ShowsTheBrokerWhatCouldNotBeRemoved) {
    Node t;
    t.when("DELETE", "/containers/", FakeEngine::error(500, "device or resource busy"));
    const JobId job = t.act(Verb::vm_remove);
    EXPECT_EQ(t.code(job), ErrorCode::ok);
    t.advance(bounds::removal_retry * bounds::engine_tries_max + bounds::inventory_interval);
    EXPECT_THAT(t.logged, testing::Contains(HasSubstr("left behind, and to be removed later")));
    EXPECT_EQ(t.told_of(), 1U) << "the broker knows by its tombstone that it has to go";
    t.engine.intercept = nullptr;
    EXPECT_EQ(t.code(t.act(Verb::vm_remove)), ErrorCode::ok);
    EXPECT_FALSE(t.container());
}

TEST(RemoveJob, MayBeOrderedAgainWhileTheEngineIsAtIt) {
    Node t;
    t.hold_removals();
    const JobId job = t.act(Verb::vm_remove);
    const JobId again = t.act(Verb::vm_remove);
    EXPECT_FALSE(t.reply(again));
    t.order(Verb::vm_remove, protocol::encode(protocol::VmOrder{.epoch = Epoch{5}, .vm = Harness::vm}), {}, 0, job);
    EXPECT_EQ(t.all(job, protocol::Kind::reply).size(), 2U) << "answered from memory";
    t.release("/containers/id-mc-");
    EXPECT_EQ(t.code(again), ErrorCode::ok);
    EXPECT_EQ(t.engine.count("DELETE"), 2) << "held, and then let through";
}

TEST(RemoveJob, IsWaitedForByAWorkerThatStops) {
    Node t;
    t.hold_removals();
    t.act(Verb::vm_remove);
    t.core.begin_stop(t.now);
    t.settle();
    EXPECT_FALSE(t.core.idle());
    t.release("/containers/id-mc-");
    EXPECT_TRUE(t.core.idle());
}

}  // namespace
}  // namespace mc::worker

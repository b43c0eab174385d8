#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker_harness.hpp"

namespace mc::broker::test {
namespace {

TEST(BrokerCreate, ServesNodesRoundRobin) {
    BrokerHarness t;
    t.node_ready("a");
    t.node_ready("b");
    for (int i = 0; i < 6; ++i) t.create();
    EXPECT_EQ(t.orders("a", Verb::vm_create), 3u);
    EXPECT_EQ(t.orders("b", Verb::vm_create), 3u);
}

TEST(BrokerCreate, NumbersVmsAndNeverReusesANumber) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId first = t.running("", "a");
    EXPECT_EQ(t.vm("vm-1")->id, first);
    const auto removal = t.act(Verb::remove, {"vm-1"});
    t.obey("a", Verb::vm_remove, protocol::ContainerState::absent);
    EXPECT_EQ(t.code(removal), ErrorCode::ok);
    EXPECT_EQ(t.items(removal)[0].vm->state, VmState::deleted);
    t.running("", "a");
    EXPECT_FALSE(t.vm("vm-1"));
    EXPECT_TRUE(t.vm("vm-2"));
}

TEST(BrokerCreate, RepliesWithTheVmWhenItsWorkerIsDone) {
    BrokerHarness t;
    t.node_ready("a");
    const auto id = t.create("box");
    ASSERT_TRUE(t.answer(id, "c", Kind::progress));
    EXPECT_FALSE(t.answer(id));
    EXPECT_EQ(t.vm("box")->state, VmState::creating);
    t.obey("a", Verb::vm_create);
    ASSERT_EQ(t.items(id).size(), 1u);
    const auto item = t.items(id)[0];
    EXPECT_EQ(item.code, ErrorCode::ok);
    EXPECT_EQ(item.target, "box");
    EXPECT_EQ(item.vm->state, VmState::running);
    EXPECT_EQ(item.vm->node, "a");
    EXPECT_EQ(item.vm->ssh_host, "10.0.0.1");
    EXPECT_EQ(item.vm->ssh_port, 32768);
    EXPECT_EQ(item.vm->username, "root");
    EXPECT_EQ(item.vm->memory_bytes, defaults::memory_bytes);
}

TEST(BrokerCreate, StoresBeforeItSpeaks) {
    BrokerHarness t;
    t.node_ready("a");
    // The same effects value that carries the order carries its store change.
    protocol::CreateRequest request;
    protocol::Header header;
    header.verb = Verb::create;
    header.id = RequestId{9, 9};
    auto frames = protocol::to_frames({header, encode(request), {}});
    t.core->on_client_frames(t.now, Caller{PeerId{"c"}, {}}, frames);
    const Effects effects = t.core->take_effects();
    EXPECT_FALSE(effects.to_workers.empty());
    const auto stores = [&](Table table) {
        return std::any_of(effects.changes.begin(), effects.changes.end(), [&](const StoreChange& change) {
            return change.table == static_cast<std::uint8_t>(table) && change.value;
        });
    };
    EXPECT_TRUE(stores(Table::vms));
    EXPECT_TRUE(stores(Table::requests));
    EXPECT_TRUE(stores(Table::events));
}

TEST(BrokerCreate, AnswersARepeatWithoutASecondVm) {
    BrokerHarness t;
    t.node_ready("a");
    const protocol::CreateRequest request;
    const auto id = t.send(Verb::create, encode(request));
    t.send(Verb::create, encode(request), id, "other-connection");
    EXPECT_EQ(t.orders("a", Verb::vm_create), 1u);
    t.obey("a", Verb::vm_create);
    EXPECT_TRUE(t.answer(id, "c"));
    EXPECT_TRUE(t.answer(id, "other-connection"));
    t.send(Verb::create, encode(request), id, "third");
    EXPECT_EQ(t.answer(id, "third")->body, t.answer(id, "c")->body);
    EXPECT_EQ(t.core->vm_count(), 1u);
}

TEST(BrokerCreate, RefusesARepeatWithOtherContents) {
    BrokerHarness t;
    t.node_ready("a");
    protocol::CreateRequest request;
    const auto id = t.send(Verb::create, encode(request));
    request.spec.name = "other";
    t.send(Verb::create, encode(request), id, "d");
    EXPECT_EQ(t.answer(id, "d")->header.code, ErrorCode::request_conflict);
    EXPECT_EQ(t.core->vm_count(), 1u);
}

TEST(BrokerCreate, RemembersOutcomesAcrossRestarts) {
    BrokerHarness t;
    t.node_ready("a");
    const protocol::CreateRequest request;
    const auto id = t.send(Verb::create, encode(request));
    t.obey("a", Verb::vm_create);
    const auto before = t.answer(id)->body;
    t.restart();
    t.send(Verb::create, encode(request), id);
    EXPECT_EQ(t.answer(id)->body, before);
}

TEST(BrokerCreate, GoesOnAfterABrokerRestart) {
    BrokerHarness t;
    t.node_ready("a");
    const protocol::CreateRequest request;
    const auto id = t.send(Verb::create, encode(request));
    const auto job = t.order("a", Verb::vm_create)->header.id;
    t.restart();
    t.send(Verb::create, encode(request), id);
    t.node_register("a");
    ASSERT_TRUE(t.order("a", Verb::vm_create));
    EXPECT_EQ(t.order("a", Verb::vm_create)->header.id, job);
    t.obey("a", Verb::vm_create);
    EXPECT_EQ(t.code(id), ErrorCode::ok);
    EXPECT_EQ(t.core->vm_count(), 1u);
}

TEST(BrokerCreate, SendsAnOrderAgainUntilItIsAcknowledged) {
    BrokerHarness t;
    t.node_ready("a");
    t.create();
    t.advance_alive(5s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_create), 3u);
    const auto job = t.order("a", Verb::vm_create)->header.id;
    t.from_worker("a", Kind::progress, Verb::vm_create, job, encode(protocol::Progress{"accepted", "", 0, ""}));
    t.advance_alive(5s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_create), 3u);
}

// Goal: a reply that was lost on a connection that stayed up does not keep a client waiting.
TEST(BrokerCreate, AsksAgainForAnOutcomeThatDoesNotCome) {
    BrokerHarness t;
    t.node_ready("a");
    t.create();
    const auto order = t.order("a", Verb::vm_create);
    t.from_worker("a", Kind::progress, Verb::vm_create, order->header.id,
                  encode(protocol::Progress{"accepted", "", 0, ""}));
    t.advance_alive(14s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_create), 1u);
    t.advance_alive(2s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_create), 2u);
}

TEST(BrokerCreate, SaysThatTheCloudIsFull) {
    BrokerHarness t;
    t.node_ready("a", 1);
    t.create();
    const auto id = t.create();
    EXPECT_EQ(t.code(id), ErrorCode::no_capacity);
    EXPECT_THAT(t.items(id)[0].message, testing::HasSubstr("all its 1 slots are used"));
    EXPECT_EQ(t.core->vm_count(), 1u);
}

TEST(BrokerCreate, GivesPartOfABatchWhenThereIsRoomForPart) {
    BrokerHarness t;
    t.node_ready("a", 2);
    const auto id = t.create("", 3);
    t.obey("a", Verb::vm_create);  // the second
    for (const auto& out : std::vector<Outgoing>(t.to_workers)) {
        if (out.message.header.verb != Verb::vm_create) continue;
        const auto order = decode<protocol::CreateOrder>(out.message.body);
        t.from_worker("a", Kind::reply, Verb::vm_create, out.message.header.id,
                      encode(BrokerHarness::report(order->vm, protocol::ContainerState::running)));
    }
    ASSERT_EQ(t.items(id).size(), 3u);
    EXPECT_EQ(t.items(id)[0].code, ErrorCode::ok);
    EXPECT_EQ(t.items(id)[1].code, ErrorCode::ok);
    EXPECT_EQ(t.items(id)[2].code, ErrorCode::no_capacity);
    EXPECT_EQ(t.code(id), ErrorCode::no_capacity);
}

TEST(BrokerCreate, WaitsForAFirstNodeAndThenGivesUp) {
    BrokerHarness t;
    const auto served = t.create("early");
    EXPECT_FALSE(t.answer(served));
    EXPECT_EQ(t.vm("early")->state, VmState::pending);
    t.node_ready("a");
    EXPECT_EQ(t.orders("a", Verb::vm_create), 1u);

    BrokerHarness u;
    const auto hopeless = u.create("late");
    u.advance(11s);
    EXPECT_EQ(u.code(hopeless), ErrorCode::no_node);
    EXPECT_EQ(u.core->vm_count(), 0u);
    EXPECT_EQ(u.count_events("vm.failed"), 1u);
}

TEST(BrokerCreate, WaitsForTheOtherNodesAfterARestart) {
    BrokerHarness t;
    t.node_ready("full", 1);
    t.node_ready("b");
    const VmId one = t.running("one", "full");
    t.restart();
    t.node_register("full", 1);
    t.inventory("full", {BrokerHarness::report(one, protocol::ContainerState::running)});
    const auto id = t.create("two");
    EXPECT_FALSE(t.answer(id)) << "b is still expected";
    t.node_ready("b");
    t.obey("b", Verb::vm_create);
    EXPECT_EQ(t.code(id), ErrorCode::ok);
}

TEST(BrokerCreate, RefusesWhatIsNotValid) {
    BrokerHarness t;
    t.node_ready("a");
    EXPECT_EQ(t.code(t.create("Bad_Name")), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(t.create("x", 2)), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(t.create("", 0)), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(t.create("", 1001)), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(t.create("x", 1, "nowhere")), ErrorCode::not_found);
    EXPECT_EQ(t.core->vm_count(), 0u);
}

TEST(BrokerCreate, RefusesANameThatIsTaken) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    const auto id = t.create("box");
    EXPECT_EQ(t.code(id), ErrorCode::already_exists);
    EXPECT_EQ(t.core->vm_count(), 1u);
}

TEST(BrokerCreate, LeavesNothingBehindWhenItFails) {
    BrokerHarness t;
    t.node_ready("a");
    const auto id = t.create("box");
    t.disobey("a", Verb::vm_create, ErrorCode::image_not_found, "no image x");
    EXPECT_EQ(t.code(id), ErrorCode::image_not_found);
    EXPECT_EQ(t.items(id)[0].message, "no image x");
    EXPECT_FALSE(t.vm("box"));
    EXPECT_EQ(t.count_events("vm.failed"), 1u);
    t.create("box");
    EXPECT_EQ(t.orders("a", Verb::vm_create), 2u);
}

TEST(BrokerCreate, TellsWhoWaitsTooLongThatTheRequestGoesOn) {
    BrokerHarness t;
    t.node_ready("a");
    const auto id = t.send(Verb::create, encode(protocol::CreateRequest{}), {}, "c", 2000);
    t.advance_alive(3s, {"a"});
    EXPECT_EQ(t.code(id), ErrorCode::deadline_exceeded);
    EXPECT_EQ(t.core->vm_count(), 1u);
    t.obey("a", Verb::vm_create);
    EXPECT_EQ(t.vm("vm-1")->state, VmState::running);
}

TEST(BrokerCreate, CanBeCancelled) {
    BrokerHarness t;
    t.node_ready("a");
    const auto id = t.create("box");
    t.send(Verb::cancel, encode(protocol::JobRequest{id}));
    EXPECT_EQ(t.code(id), ErrorCode::cancelled);
    EXPECT_EQ(t.orders("a", Verb::job_cancel), 1u);
    t.obey("a", Verb::vm_remove, protocol::ContainerState::absent);
    EXPECT_FALSE(t.vm("box"));
}

TEST(BrokerCreate, RemovesAnExpiredVm) {
    BrokerHarness t;
    t.node_ready("a");
    protocol::CreateRequest request;
    request.spec.ttl_seconds = 60;
    t.send(Verb::create, encode(request));
    const VmId id = t.obey("a", Verb::vm_create);
    t.advance_alive(59s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 0u);
    t.advance_alive(3s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 1u);
    EXPECT_EQ(t.count_events("vm.cleanup"), 1u);
    EXPECT_EQ(t.obey("a", Verb::vm_remove, protocol::ContainerState::absent), id);
    EXPECT_EQ(t.core->vm_count(), 0u);
}

}  // namespace
}  // namespace mc::broker::test

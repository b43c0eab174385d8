#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::ContainerState;

// A store of 0.1.0 has VMs without an owner: they are local's, also once they rest and are looked at again.
TEST(BrokerNodes, AreGivenTheVmsOfAStoreWithoutOwners) {
    BrokerHarness t;
    t.node_ready("a");
    VmRecord record;
    record.id = VmId{77};
    record.spec.name = "old";
    record.state = VmState::running;
    record.node = t.nodes["a"].id;
    ASSERT_TRUE(t.core->restore(static_cast<std::uint8_t>(Table::vms), key_of(77), encode(record), t.now));
    for (int look = 0; look < 2; ++look) EXPECT_EQ(t.vm("old")->owner, "local");
}

// An inventory that says what it said before is not looked through again, but only while nothing has changed.
TEST(BrokerNodes, AreBelievedWhatTheySayAgainOnceItIsNewsAgain) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId id = t.running("box", "a");
    const auto say = [&] { t.inventory("a", {BrokerHarness::report(id, ContainerState::running)}); };
    say();
    say();
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    t.act(Verb::stop, {"box"});
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    EXPECT_EQ(t.vm("box")->state, VmState::stopped);
    say();
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    say();
    t.advance(6s);
    EXPECT_EQ(t.vm("box")->state, VmState::unknown);
    t.heartbeat("a");
    say();
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    say();
    t.inventory("a", {});
    EXPECT_FALSE(t.vm("box"));
}

// Goal: a large cloud in which nothing happens is at rest. Spec: docs/protocol.md "node_inventory".
TEST(BrokerNodes, AreToldWhichInventoryNeedNotBeSaidAgain) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId id = t.running("box", "a");
    const auto say = [&](ContainerState state, std::uint32_t number) {
        t.inventory("a", {BrokerHarness::report(id, state)}, {}, number);
    };
    const auto told = [&] {
        t.advance_alive(1s, {"a"});
        return t.order("a", Verb::node_heartbeat)->header.sequence;
    };
    EXPECT_EQ(told(), 0U);
    say(ContainerState::running, 7);
    EXPECT_EQ(told(), 7U);
    t.act(Verb::stop, {"box"});
    EXPECT_EQ(told(), 0U) << "another VM than it said";
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    say(ContainerState::exited, 8);
    EXPECT_EQ(told(), 0U) << "time moves one that stands still";
    t.act(Verb::start, {"box"});
    t.obey("a", Verb::vm_start);
    say(ContainerState::running, 9);
    EXPECT_EQ(told(), 9U);
    t.nodes["a"].status.ready = false;
    EXPECT_EQ(told(), 0U);
    t.nodes["a"].status.ready = true;
    EXPECT_EQ(told(), 0U) << "what its engine has now is not said yet";
    say(ContainerState::running, 9);
    EXPECT_EQ(told(), 9U);
    t.inventory("a", {BrokerHarness::report(id, ContainerState::running)});
    EXPECT_EQ(told(), 0U) << "an older worker gives it no number";
}

// A VM that is to be the node's and is not among those that are there is missed, though the rest is as before.
TEST(BrokerNodes, AreNotBelievedToBeAsBeforeWithAVmMore) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId first = t.running("first", "a");
    const auto say = [&] { t.inventory("a", {BrokerHarness::report(first, ContainerState::running)}); };
    say();
    say();
    t.running("second", "a");
    say();
    EXPECT_FALSE(t.vm("second"));
    EXPECT_TRUE(t.vm("first"));
}

TEST(BrokerNodes, KeepsAHostKeyThatARestartedWorkerHasNotReadAgain) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId id = t.running("box", "a");
    auto report = BrokerHarness::report(id, ContainerState::running);
    report.host_key.clear();
    report.ssh_port = 40000;
    t.inventory("a", {report});
    EXPECT_EQ(t.vm("box")->host_key, "ssh-ed25519 AAAA");
    EXPECT_EQ(t.vm("box")->ssh_port, 40000);
}

TEST(BrokerNodes, TellsItsWorkerHowLongSomebodyWaits) {
    BrokerHarness t;
    t.node_ready("a");
    t.send(Verb::create, encode(protocol::CreateRequest{}), {}, "c", 600'000);
    EXPECT_EQ(t.order("a", Verb::vm_create)->header.value, 600'000u);
}

TEST(BrokerNodes, FinishesACreateWhoseWorkerDiedOnTheWay) {
    BrokerHarness t;
    t.node_ready("a");
    const auto id = t.create("box");
    t.advance(6s);
    EXPECT_EQ(t.vm("box")->state, VmState::unknown);
    t.to_workers.clear();
    t.node_register("a");  // a new process
    EXPECT_EQ(t.vm("box")->state, VmState::creating);
    EXPECT_EQ(t.orders("a", Verb::vm_create), 1u);
    t.obey("a", Verb::vm_create);
    EXPECT_EQ(t.code(id), ErrorCode::ok);
}

TEST(BrokerNodes, AsksAnUnknownConnectionToRegister) {
    BrokerHarness t;
    t.node_ready("a");
    t.restart();
    t.heartbeat("a");
    ASSERT_EQ(t.to_workers.size(), 1u);
    EXPECT_EQ(t.to_workers[0].message.header.code, ErrorCode::not_registered);
}

// Simulator, seed 898: they come after the next process has made the VM, and know nothing of it.
TEST(BrokerNodes, HearsNoLateWordsOfAProcessThatIsFollowed) {
    BrokerHarness t;
    t.node_ready("a");
    const auto dead = t.nodes["a"];
    t.node_ready("a");
    const VmId vm = t.running("box", "a");
    t.from_worker("a's old connection", protocol::Kind::request, Verb::node_register, dead.registration,
                  dead.registered_with);
    t.from_worker("a's old connection", protocol::Kind::notice, Verb::node_inventory, {},
                  encode(protocol::Inventory{dead.boot, {}, {}}));
    ASSERT_TRUE(t.vm("box"));
    t.act(Verb::stop, {"box"});
    EXPECT_EQ(t.obey("a", Verb::vm_stop, ContainerState::exited), vm) << "orders go to the one that lives";
}

TEST(BrokerNodes, RefusesAnotherNodeOfTheSameName) {
    BrokerHarness t;
    t.node_ready("a");
    t.nodes["a"].id = NodeId{999};
    t.node_register("a");
    EXPECT_EQ(t.to_workers.back().message.header.code, ErrorCode::node_name_taken);
}

TEST(BrokerNodes, RefusesAHostOrALabelThatIsNone) {
    BrokerHarness t;
    const auto outcome = [&](const std::string& host, const protocol::Label& label) {
        protocol::RegisterRequest request;
        request.name = "a";
        request.node = NodeId{7};
        request.boot = BootId{7};
        request.advertise = host;
        request.labels = {label};
        t.from_worker("a", protocol::Kind::request, Verb::node_register, RequestId{1, 1}, encode(request));
        return t.to_workers.back().message.header.code;
    };
    EXPECT_EQ(outcome("-oProxyCommand=reboot", {"a", "b"}), ErrorCode::invalid_argument);
    EXPECT_EQ(outcome("a b", {"a", "b"}), ErrorCode::invalid_argument);
    EXPECT_EQ(outcome("10.0.0.1", {"a\n", "b"}), ErrorCode::invalid_argument);
    EXPECT_EQ(outcome("10.0.0.1", {"a", "b"}), ErrorCode::ok);
}

TEST(BrokerNodes, GivesTheNameOfASilentNodeWithoutVmsToANewOne) {
    BrokerHarness t;
    t.node_ready("a");
    t.advance(6s);
    t.nodes["a"].id = NodeId{999};  // its state directory was lost
    t.node_ready("a");
    EXPECT_EQ(t.to_workers.back().message.header.code, ErrorCode::ok);
    t.restart();
    t.node_ready("a");
    t.create();
    EXPECT_EQ(t.orders("a", Verb::vm_create), 1u);

    BrokerHarness u;
    u.node_ready("a");
    u.running("box", "a");
    u.advance(6s);
    u.nodes["a"].id = NodeId{999};
    u.node_register("a");
    EXPECT_EQ(u.to_workers.back().message.header.code, ErrorCode::node_name_taken) << "its VM still counts on it";
}

TEST(BrokerNodes, SkipsANodeThatIsNotReady) {
    BrokerHarness t;
    t.node_ready("a");
    t.node_ready("b");
    t.nodes["a"].status.ready = false;
    t.nodes["a"].status.reason = "the engine does not answer";
    t.heartbeat("a");
    for (int i = 0; i < 4; ++i) t.create();
    EXPECT_EQ(t.orders("a", Verb::vm_create), 0u);
    EXPECT_EQ(t.orders("b", Verb::vm_create), 4u);
    EXPECT_EQ(t.count_events("node.not_ready"), 1u);
}

TEST(BrokerNodes, GivesNothingBeforeTheFirstInventory) {
    BrokerHarness t;
    t.node_register("a");
    t.create();
    EXPECT_EQ(t.orders("a", Verb::vm_create), 0u);
    t.inventory("a");
    EXPECT_EQ(t.orders("a", Verb::vm_create), 1u);
}

TEST(BrokerNodes, RaisesItsEpochOverOneThatAWorkerHasSeen) {
    BrokerHarness t;
    EXPECT_EQ(t.core->epoch(), Epoch{1});
    t.restart();
    EXPECT_EQ(t.core->epoch(), Epoch{2});
    t.node_register("a", 8, Epoch{9});
    EXPECT_EQ(t.core->epoch(), Epoch{10});
    // The store is an old copy: what it does not know may be wanted.
    t.inventory("a", {BrokerHarness::report(VmId{5}, ContainerState::running)});
    t.advance_alive(120s, {"a"});
    t.inventory("a", {BrokerHarness::report(VmId{5}, ContainerState::running)});
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 0u);
}

// Followed, it would end at the highest number, which every other worker refuses the next one over.
TEST(BrokerNodes, RefusesAWorkerThatSaysAnEpochThatCanNotBe) {
    BrokerHarness t;
    for (const std::uint64_t lie : {UINT64_MAX, UINT64_MAX - 1, std::uint64_t{2'000'000}}) {
        t.node_register("a", 8, Epoch{lie});
        EXPECT_EQ(t.core->epoch(), Epoch{1});
        EXPECT_FALSE(t.core->shown("a"));
    }
    t.node_register("a", 8, Epoch{1'000'000});
    EXPECT_EQ(t.core->epoch(), Epoch{1'000'001});
}

TEST(BrokerCleanup, RemovesAVmThatStoppedByItself) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId id = t.running("box", "a");
    t.inventory("a", {BrokerHarness::report(id, ContainerState::exited)});
    EXPECT_EQ(t.vm("box")->state, VmState::stopped);
    EXPECT_THAT(t.vm("box")->reason, testing::HasSubstr("by itself"));
    t.advance_alive(58s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 0u);
    t.advance_alive(4s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 1u);
    t.obey("a", Verb::vm_remove, ContainerState::absent);
    EXPECT_FALSE(t.vm("box"));
    EXPECT_THAT(t.published.back().reason, testing::HasSubstr("stopped by itself"));
}

TEST(BrokerCleanup, SeesAStoppedVmAgainAfterItsNodeWasSilent) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId id = t.running("box", "a");
    const std::vector reports{BrokerHarness::report(id, ContainerState::exited)};
    t.inventory("a", reports);
    t.advance(6s);
    EXPECT_EQ(t.vm("box")->state, VmState::unknown);
    t.heartbeat("a");
    t.inventory("a", reports);
    EXPECT_EQ(t.vm("box")->state, VmState::stopped);
    t.advance_alive(62s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 1u);
}

TEST(BrokerCleanup, LeavesAVmAloneThatAPersonStopped) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId id = t.running("box", "a");
    const auto stop = t.act(Verb::stop, {"box"});
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    EXPECT_EQ(t.code(stop), ErrorCode::ok);
    t.inventory("a", {BrokerHarness::report(id, ContainerState::exited)});
    t.advance_alive(300s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 0u);
    EXPECT_EQ(t.vm("box")->state, VmState::stopped);
}

TEST(BrokerCleanup, StillKnowsWhoStoppedItAfterARestart) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId mine = t.running("mine", "a");
    const VmId gone = t.running("gone", "a");
    t.act(Verb::stop, {"mine"});
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    const std::vector reports{BrokerHarness::report(mine, ContainerState::exited),
                              BrokerHarness::report(gone, ContainerState::exited)};
    t.inventory("a", reports);
    t.restart();
    t.node_register("a");
    t.inventory("a", reports);
    t.advance_alive(62s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 1u);
    EXPECT_EQ(decode<protocol::VmOrder>(t.order("a", Verb::vm_remove)->body)->vm, gone);
}

// Goal: a VM that a person stopped stays when their later restart of it fails, whatever
// dies in between.
TEST(BrokerCleanup, LeavesAStoppedVmAloneWhoseRestartFailed) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId vm = t.running("web", "a");
    t.act(Verb::stop, {"web"});
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    t.act(Verb::restart, {"web"});
    t.restart();
    t.node_register("a");
    t.disobey("a", Verb::vm_restart, ErrorCode::engine_failed, "something inside is broken");
    t.inventory("a", {BrokerHarness::report(vm, ContainerState::exited)});
    t.advance_alive(120s, {"a"});
    EXPECT_EQ(t.vm("web")->state, VmState::stopped);
    EXPECT_FALSE(t.order("a", Verb::vm_remove));
}

TEST(BrokerCleanup, ForgetsAVmWhoseContainerIsGone) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.inventory("a", {});
    EXPECT_FALSE(t.vm("box"));
    EXPECT_THAT(t.published.back().reason, testing::HasSubstr("behind minicloud's back"));
}

TEST(BrokerCleanup, DoesNotMissAVmThatIsStillBeingCreated) {
    BrokerHarness t;
    t.node_ready("a");
    t.create("box");
    t.inventory("a", {});
    EXPECT_EQ(t.vm("box")->state, VmState::creating);
}

TEST(BrokerCleanup, RemovesAnOrphanAfterAGracePeriodOnly) {
    BrokerHarness t;
    t.node_ready("a");
    const std::vector stranger{BrokerHarness::report(VmId{77}, ContainerState::running)};
    t.inventory("a", stranger);
    t.advance_alive(50s, {"a"});
    t.inventory("a", stranger);
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 0u);
    t.advance_alive(11s, {"a"});
    t.inventory("a", stranger);
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 1u);
    EXPECT_EQ(t.count_events("vm.cleanup"), 1u);
}

// Found by chaos: what could not be removed was in no list, and nobody was told why it stayed.
TEST(BrokerCleanup, TellsOnceWhyAnOrphanCannotBeRemoved) {
    BrokerHarness t;
    t.node_ready("a");
    const std::vector stranger{BrokerHarness::report(VmId{77}, ContainerState::running)};
    t.inventory("a", stranger);
    t.advance_alive(61s, {"a"});
    t.log.clear();
    for (int tries = 0; tries < 3; ++tries) {
        t.inventory("a", stranger);
        t.disobey("a", Verb::vm_remove, ErrorCode::engine_failed, "device or resource busy");
        t.advance_alive(11s, {"a"});
    }
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 3u);
    ASSERT_EQ(t.log.size(), 1u);
    EXPECT_THAT(t.log[0].text,
                testing::HasSubstr("node a that is left over from VM 000000000000004d can't be removed: device"));
}

TEST(BrokerCleanup, NeverLetsADeletedVmReturn) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId id = t.running("box", "a");
    t.act(Verb::remove, {"box"});
    t.obey("a", Verb::vm_remove, ContainerState::absent);
    t.restart();
    t.node_register("a");
    t.inventory("a", {BrokerHarness::report(id, ContainerState::running)});
    EXPECT_FALSE(t.vm("box"));
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 1u) << "ordered at once, no grace period";
}

TEST(BrokerDelete, RemovesAfterTheSilentNodeIsBack) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.advance(6s);
    const auto id = t.act(Verb::remove, {"box"});
    EXPECT_EQ(t.code(id), ErrorCode::node_unreachable);
    EXPECT_EQ(t.vm("box")->state, VmState::deleting);
    t.to_workers.clear();
    t.node_register("a");
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 1u);
    t.obey("a", Verb::vm_remove, ContainerState::absent);
    EXPECT_FALSE(t.vm("box"));
}

TEST(BrokerDelete, TakesThePlaceOfACreateUnderWay) {
    BrokerHarness t;
    t.node_ready("a");
    const auto creation = t.create("box");
    const auto removal = t.act(Verb::remove, {"box"});
    EXPECT_EQ(t.code(creation), ErrorCode::cancelled);
    const auto late = t.order("a", Verb::vm_create);
    t.obey("a", Verb::vm_remove, ContainerState::absent);
    EXPECT_EQ(t.code(removal), ErrorCode::ok);
    // The create's own late answer changes nothing.
    t.from_worker("a", Kind::reply, Verb::vm_create, late->header.id,
                  encode(BrokerHarness::report(VmId{1}, ContainerState::running)));
    EXPECT_FALSE(t.vm("box"));
}

TEST(BrokerDelete, TriesAgainWhenTheEngineFails) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    const auto id = t.act(Verb::remove, {"box"});
    t.disobey("a", Verb::vm_remove, ErrorCode::engine_failed, "device busy");
    EXPECT_EQ(t.code(id), ErrorCode::engine_failed);
    EXPECT_EQ(t.vm("box")->state, VmState::deleting);
    t.advance_alive(7s, {"a"});
    EXPECT_GE(t.orders("a", Verb::vm_remove), 2u);
    t.obey("a", Verb::vm_remove, ContainerState::absent);
    EXPECT_FALSE(t.vm("box"));
}

TEST(BrokerDelete, TellsEachTargetApart) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    const auto id = t.act(Verb::remove, {"nobody", "box"});
    t.obey("a", Verb::vm_remove, ContainerState::absent);
    ASSERT_EQ(t.items(id).size(), 2u);
    EXPECT_EQ(t.items(id)[0].code, ErrorCode::not_found);
    EXPECT_EQ(t.items(id)[1].code, ErrorCode::ok);
    EXPECT_EQ(t.code(t.act(Verb::remove, {})), ErrorCode::invalid_argument);
}

// A stop may have happened though its answer said otherwise: a start that was
// waved through would leave the VM stopped, and cleanup would take it.
TEST(BrokerActions, StartsAVmThatOnlySeemsToRun) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.act(Verb::stop, {"box"});
    t.disobey("a", Verb::vm_stop, ErrorCode::engine_failed, "no answer");
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    const auto start = t.act(Verb::start, {"box"});
    EXPECT_EQ(t.orders("a", Verb::vm_start), 1u);
    t.obey("a", Verb::vm_start);
    EXPECT_EQ(t.code(start), ErrorCode::ok);
}

TEST(BrokerActions, StopsStartsAndRestarts) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.act(Verb::stop, {"box"});
    EXPECT_EQ(t.code(t.act(Verb::start, {"box"})), ErrorCode::busy);
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    EXPECT_EQ(t.vm("box")->state, VmState::stopped);
    const auto again = t.act(Verb::stop, {"box"});
    EXPECT_EQ(t.orders("a", Verb::vm_stop), 2u) << "its worker knows whether it is stopped already";
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    EXPECT_EQ(t.code(again), ErrorCode::ok);
    t.act(Verb::start, {"box"});
    t.obey("a", Verb::vm_start);
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    t.act(Verb::restart, {"box"});
    t.obey("a", Verb::vm_restart);
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    EXPECT_EQ(t.code(t.act(Verb::start, {"nobody"})), ErrorCode::not_found);
}

// Goal: an engine that carries out a person's stop after its job had failed must not
// make the VM one that stopped by itself. Found by the simulator, seed 26.
TEST(BrokerCore, KeepsAVmWhoseStopFailedAndHappenedLater) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId vm = t.running("vm-1", "a");
    t.act(Verb::stop, {"vm-1"});
    t.disobey("a", Verb::vm_stop, ErrorCode::engine_failed, "the engine did not answer");
    t.inventory("a", {t.report(vm, protocol::ContainerState::exited)});
    t.advance_alive(70s, {"a"});
    ASSERT_TRUE(t.vm("vm-1"));
    EXPECT_EQ(t.vm("vm-1")->state, VmState::stopped);
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 0U);
}

TEST(BrokerNodes, AreShownWithWhatTheirWorkersLastSaidOfTheirEngines) {
    BrokerHarness t;
    t.node_ready("a");
    const auto shown = [&] {
        const auto id = t.send(Verb::nodes, {});
        return decode<protocol::NodesReply>(t.answer(id)->body)->nodes.at(0).engine;
    };
    EXPECT_EQ(shown(), protocol::EngineFacts()) << "an older worker says nothing";
    const protocol::EngineFacts facts{protocol::Fact::no, protocol::Fact::yes, protocol::Fact::no, {5, 10}};
    t.nodes["a"].status.engine = facts;
    t.heartbeat("a");
    EXPECT_EQ(shown(), facts);
    t.advance(6s);
    EXPECT_EQ(shown(), facts) << "it is silent";
}

}  // namespace
}  // namespace mc::broker::test

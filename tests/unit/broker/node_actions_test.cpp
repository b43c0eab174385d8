#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "broker_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::ContainerState;
using protocol::OnLost;

protocol::NodeView node_view(BrokerHarness& t, const std::string& name) {
    const auto id = t.send(Verb::nodes, {});
    const auto reply = decode<protocol::NodesReply>(t.answer(id)->body);
    for (const auto& view : reply->nodes) {
        if (view.name == name) return view;
    }
    return {};
}

RequestId act_on_node(BrokerHarness& t, Verb verb, const std::string& node, std::uint64_t deadline_seconds = 0,
                      bool with_vms = false) {
    return t.send(verb, encode(protocol::NodeActionRequest{{node}, deadline_seconds, with_vms}));
}

protocol::Bytes create_body(const std::string& name, OnLost policy, const std::string& node = "") {
    protocol::CreateRequest create;
    create.spec.name = name;
    create.node = node;
    create.on_lost = policy;
    return encode(create);
}

VmId running(BrokerHarness& t, const std::string& name, const std::string& node, OnLost policy) {
    t.send(Verb::create, create_body(name, policy, node));
    return t.obey(node, Verb::vm_create);
}

/// Orders that are not each other's repeats.
std::size_t distinct_orders(const BrokerHarness& t, const std::string& node, Verb verb) {
    std::set<RequestId> ids;
    for (const auto& out : t.to_workers) {
        if (out.to == PeerId{"w:" + node} && out.message.header.verb == verb) ids.insert(out.message.header.id);
    }
    return ids.size();
}

/// Node a, which runs `box`, is lost, and b, with so many slots, failed to make it anew. The try's id.
VmId failed_replacement(BrokerHarness& t, std::uint32_t slots = 8) {
    t.node_ready("a");
    t.node_ready("b", slots);
    running(t, "box", "a", OnLost::replace);
    t.advance_alive(30s, {"b"});
    const VmId tried = decode<protocol::CreateOrder>(t.order("b", Verb::vm_create)->body)->vm;
    t.disobey("b", Verb::vm_create, ErrorCode::engine_failed, "the disk is full");
    return tried;
}

BrokerConfig short_lost() {
    BrokerConfig config;
    config.lost_after = 20s;
    return config;
}

// Goal: an operator takes a node out of use without harm to what runs there. Spec: docs/architecture.md "Cordon and
// drain".

TEST(BrokerNodeActions, PlacesNothingOnACordonedNodeUntilItIsUncordoned) {
    BrokerHarness t;
    t.node_ready("a");
    EXPECT_EQ(t.code(act_on_node(t, Verb::cordon, "a")), ErrorCode::ok);
    EXPECT_EQ(t.code(act_on_node(t, Verb::cordon, "a")), ErrorCode::ok);
    EXPECT_EQ(t.count_events("node.cordoned"), 1u) << "once is enough";
    EXPECT_TRUE(node_view(t, "a").cordoned);
    EXPECT_EQ(t.code(t.create("box")), ErrorCode::no_capacity);
    EXPECT_EQ(t.code(t.create("box", 1, "a")), ErrorCode::no_capacity);
    EXPECT_EQ(t.code(act_on_node(t, Verb::uncordon, "a")), ErrorCode::ok);
    t.create("box");
    EXPECT_EQ(t.orders("a", Verb::vm_create), 1u);
}

TEST(BrokerNodeActions, KeepsACordonOverRestartsOfBrokerAndWorker) {
    BrokerHarness t;
    t.node_ready("a");
    act_on_node(t, Verb::cordon, "a");
    t.restart();
    t.node_ready("a");
    EXPECT_TRUE(node_view(t, "a").cordoned);
    EXPECT_EQ(t.code(t.create()), ErrorCode::no_capacity);
}

TEST(BrokerNodeActions, RefusesUnknownNodesNoNodesAndEndlessDrains) {
    BrokerHarness t;
    t.node_ready("a");
    EXPECT_EQ(t.items(act_on_node(t, Verb::drain, "z"))[0].code, ErrorCode::not_found);
    EXPECT_EQ(t.code(t.send(Verb::cordon, encode(protocol::NodeActionRequest{}))), ErrorCode::invalid_argument);
    const auto longest = static_cast<std::uint64_t>(limits::drain_deadline_max.count());
    EXPECT_EQ(t.code(act_on_node(t, Verb::drain, "a", longest + 1)), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(act_on_node(t, Verb::drain, "a", longest)), ErrorCode::ok);
}

TEST(BrokerNodeActions, StopsKeptVmsAtTheDeadlineOfADrainAndNotBefore) {
    BrokerHarness t;
    t.node_ready("a");
    t.node_ready("b");
    const VmId id = running(t, "box", "a", OnLost::keep);
    const auto drain = act_on_node(t, Verb::drain, "a", 30);
    t.advance_alive(20s, {"a", "b"});
    EXPECT_EQ(t.orders("a", Verb::vm_stop), 0u);
    EXPECT_FALSE(t.answer(drain)) << "it is under way";
    EXPECT_EQ(decode<protocol::JobReply>(t.answer(t.send(Verb::job, encode(protocol::JobRequest{drain})))->body)
                  ->job.items[0]
                  .target,
              "a");
    t.advance_alive(11s, {"a", "b"});
    EXPECT_EQ(t.orders("a", Verb::vm_stop), 1u);
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    t.advance_alive(2s, {"a", "b"});
    EXPECT_EQ(t.code(drain), ErrorCode::ok);
    EXPECT_EQ(t.count_events("node.drained"), 1u);
    EXPECT_EQ(t.vm("box")->id, id);
    EXPECT_EQ(t.vm("box")->state, VmState::stopped);
    t.advance_alive(120s, {"a", "b"});
    EXPECT_TRUE(t.vm("box")) << "a drain deletes nothing";
}

TEST(BrokerNodeActions, TriesAStopAgainThatFailedInADrain) {
    BrokerHarness t;
    t.node_ready("a");
    running(t, "box", "a", OnLost::keep);
    act_on_node(t, Verb::drain, "a");
    t.disobey("a", Verb::vm_stop, ErrorCode::engine_failed, "no");
    t.advance_alive(30s, {"a"});
    EXPECT_EQ(distinct_orders(t, "a", Verb::vm_stop), 2u);
}

TEST(BrokerNodeActions, GoesOnWithADrainAfterARestart) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId id = running(t, "box", "a", OnLost::keep);
    const auto drain = act_on_node(t, Verb::drain, "a", 10);
    t.restart();
    t.node_register("a");
    t.inventory("a", {BrokerHarness::report(id, ContainerState::running)});
    t.send(Verb::drain, encode(protocol::NodeActionRequest{{"a"}, 10, false}), drain);
    t.advance_alive(12s, {"a"});
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    t.advance_alive(2s, {"a"});
    EXPECT_EQ(t.code(drain), ErrorCode::ok);
}

TEST(BrokerNodeActions, EndsADrainThatIsCancelledOrUncordoned) {
    for (const bool cancelled : {true, false}) {
        BrokerHarness t;
        t.node_ready("a");
        running(t, "box", "a", OnLost::keep);
        const auto drain = act_on_node(t, Verb::drain, "a", 30);
        if (cancelled) {
            EXPECT_EQ(t.code(t.send(Verb::cancel, encode(protocol::JobRequest{drain}))), ErrorCode::ok);
        } else {
            act_on_node(t, Verb::uncordon, "a");
        }
        EXPECT_EQ(t.code(drain), ErrorCode::cancelled);
        EXPECT_EQ(node_view(t, "a").cordoned, cancelled);
        EXPECT_EQ(node_view(t, "a").drain_deadline.unix_ms, 0);
        t.advance_alive(40s, {"a"});
        EXPECT_EQ(t.orders("a", Verb::vm_stop), 0u);
    }
}

TEST(BrokerNodeActions, StartsNothingOnANodeThatIsDrained) {
    BrokerHarness t;
    t.node_ready("a");
    running(t, "box", "a", OnLost::keep);
    act_on_node(t, Verb::drain, "a", 30);
    EXPECT_EQ(t.items(t.act(Verb::restart, {"box"}))[0].code, ErrorCode::wrong_state);
    t.act(Verb::stop, {"box"});
    EXPECT_EQ(t.orders("a", Verb::vm_stop), 1u);
}

// One that its engine stopped, and that waits to be started again.
TEST(BrokerNodeActions, LeavesNothingBehindThatWouldBeStartedOnADrainedNode) {
    for (const OnLost policy : {OnLost::keep, OnLost::replace}) {
        BrokerHarness t;
        t.node_ready("a");
        t.node_ready("b");
        const VmId id = running(t, "box", "a", policy);
        auto report = BrokerHarness::report(id, ContainerState::exited);
        report.ended = protocol::Ended::with_engine;
        t.nodes["a"].status.ready = false;
        t.heartbeat("a");
        t.inventory("a", {report});
        EXPECT_EQ(t.vm("box")->state, VmState::stopped);
        EXPECT_EQ(t.code(act_on_node(t, Verb::drain, "a")), ErrorCode::ok);
        t.nodes["a"].status.ready = true;
        t.heartbeat("a");
        t.inventory("a", {report});
        t.advance_alive(30s, {"a", "b"});
        EXPECT_EQ(t.orders("a", Verb::vm_start), 0u);
        EXPECT_EQ(t.vm("box")->node, policy == OnLost::keep ? "a" : "b");
    }
}

TEST(BrokerNodeActions, EndADrainThoughAReplacementWaitsForRoom) {
    BrokerHarness t{short_lost()};
    t.node_ready("a");
    t.node_ready("b");
    running(t, "box", "a", OnLost::replace);
    t.advance_alive(30s, {"b"});
    t.disobey("b", Verb::vm_create, ErrorCode::image_not_found, "there is no image");
    EXPECT_EQ(t.code(act_on_node(t, Verb::drain, "b")), ErrorCode::ok);
    EXPECT_TRUE(t.vm("box")) << "it waits for another node";
}

TEST(BrokerNodeActions, KeepACordonForTheNodeThatTakesOverTheName) {
    BrokerHarness t;
    t.node_ready("a");
    act_on_node(t, Verb::cordon, "a");
    t.advance(6s);
    t.nodes["a"].id = NodeId{999};  // the machine was installed anew
    t.node_ready("a");
    EXPECT_TRUE(node_view(t, "a").cordoned);
}

TEST(BrokerNodeActions, MovesVmsThatMayBeReplacedAtOnce) {
    BrokerHarness t;
    t.node_ready("a");
    t.node_ready("b");
    const VmId old = running(t, "box", "a", OnLost::replace);
    const auto drain = act_on_node(t, Verb::drain, "a", 3600);
    EXPECT_EQ(t.code(drain), ErrorCode::ok) << "nothing is left there";
    const VmId fresh = t.obey("b", Verb::vm_create);
    EXPECT_NE(fresh, old);
    EXPECT_EQ(t.vm("box")->id, fresh);
    EXPECT_EQ(t.vm("box")->node, "b");
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    t.inventory("a", {BrokerHarness::report(old, ContainerState::running)});
    EXPECT_EQ(decode<protocol::VmOrder>(t.order("a", Verb::vm_remove)->body)->vm, old);
    EXPECT_EQ(t.count_events("vm.replaced"), 1u);
}

// Goal: a VM is made a second time only where its owner said so, and only when its node is lost; what comes
// back is removed by proof. Spec: docs/architecture.md "Lost node".

TEST(BrokerLostNodes, ReplaceOnlyWhatMayBeReplaced) {
    BrokerHarness t{short_lost()};
    t.node_ready("a");
    t.node_ready("b");
    const VmId kept = running(t, "kept", "a", OnLost::keep);
    const VmId old = running(t, "spare", "a", OnLost::replace);
    EXPECT_EQ(t.vm("spare")->on_lost, OnLost::replace);
    t.advance_alive(20s, {"b"});
    EXPECT_EQ(t.orders("b", Verb::vm_create), 0u) << "silent is not lost";
    t.advance_alive(10s, {"b"});
    EXPECT_TRUE(node_view(t, "a").lost);
    ASSERT_EQ(distinct_orders(t, "b", Verb::vm_create), 1u);
    const VmId fresh = t.obey("b", Verb::vm_create);
    EXPECT_NE(fresh, old);
    EXPECT_EQ(t.vm("kept")->id, kept);
    EXPECT_EQ(t.vm("kept")->state, VmState::unknown);
    EXPECT_EQ(t.vm("spare")->id, fresh);

    t.node_register("a");
    t.inventory("a", {BrokerHarness::report(kept, ContainerState::running),
                      BrokerHarness::report(old, ContainerState::running)});
    EXPECT_FALSE(node_view(t, "a").lost);
    EXPECT_EQ(t.vm("kept")->state, VmState::running);
    ASSERT_EQ(t.orders("a", Verb::vm_remove), 1u);
    EXPECT_EQ(decode<protocol::VmOrder>(t.order("a", Verb::vm_remove)->body)->vm, old);
    const auto cleanup = std::find_if(t.published.begin(), t.published.end(),
                                      [](const protocol::Event& event) { return event.kind == "vm.cleanup"; });
    ASSERT_NE(cleanup, t.published.end());
    EXPECT_EQ(cleanup->name, "spare");
    EXPECT_EQ(cleanup->vm, old);
}

TEST(BrokerLostNodes, LeaveAStoppedVmWhereItIs) {
    BrokerHarness t{short_lost()};
    t.node_ready("a");
    t.node_ready("b");
    running(t, "box", "a", OnLost::replace);
    t.act(Verb::stop, {"box"});
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    t.advance_alive(40s, {"b"});
    EXPECT_EQ(t.orders("b", Verb::vm_create), 0u);
}

TEST(BrokerLostNodes, MakeNothingAnewWhoseTimeToLiveIsOver) {
    BrokerHarness t{short_lost()};
    t.node_ready("a");
    t.node_ready("b");
    for (const std::uint64_t ttl_seconds : {10, 3600}) {
        protocol::CreateRequest create;
        create.spec.name = "box-" + std::to_string(ttl_seconds);
        create.spec.ttl_seconds = ttl_seconds;
        create.node = "a";
        create.on_lost = OnLost::replace;
        t.send(Verb::create, encode(create));
        t.obey("a", Verb::vm_create);
    }
    t.advance_alive(40s, {"b"});
    ASSERT_EQ(distinct_orders(t, "b", Verb::vm_create), 1u);
    EXPECT_EQ(decode<protocol::CreateOrder>(t.order("b", Verb::vm_create)->body)->spec.name, "box-3600");
}

TEST(BrokerLostNodes, HandACreateUnderWayToAnotherNode) {
    BrokerHarness t{short_lost()};
    t.node_ready("a");
    const auto id = t.send(Verb::create, create_body("box", OnLost::replace));
    const VmId old = decode<protocol::CreateOrder>(t.order("a", Verb::vm_create)->body)->vm;
    t.node_ready("b");
    t.advance_alive(30s, {"b"});
    const VmId fresh = t.obey("b", Verb::vm_create);
    ASSERT_NE(fresh, old);
    EXPECT_EQ(t.items(id)[0].vm->id, fresh) << "who asked gets the one that is there";
    t.restart();
    t.send(Verb::create, create_body("box", OnLost::replace), id);
    EXPECT_EQ(t.items(id)[0].vm->id, fresh);
}

// Simulator, seed 1463: the request stayed under way for good.
TEST(BrokerLostNodes, LetACreateFailThatNobodyHasAnAnswerTo) {
    BrokerHarness t{short_lost()};
    t.node_ready("a");
    const auto id = t.send(Verb::create, create_body("box", OnLost::replace));
    t.node_ready("b");
    t.advance_alive(30s, {"b"});
    t.disobey("b", Verb::vm_create, ErrorCode::vm_exited, "it exited");
    EXPECT_EQ(t.items(id)[0].code, ErrorCode::vm_exited);
    EXPECT_FALSE(t.vm("box"));
}

TEST(BrokerLostNodes, KeepTryingAReplacementUnderANewId) {
    BrokerHarness t{short_lost()};
    const VmId first = failed_replacement(t);
    ASSERT_TRUE(t.vm("box")) << "its owner has it: it is not given up";
    EXPECT_EQ(t.vm("box")->reason, "the disk is full");
    t.inventory("b");
    EXPECT_TRUE(t.vm("box"));
    t.advance_alive(12s, {"b"});
    EXPECT_EQ(distinct_orders(t, "b", Verb::vm_create), 2u);
    EXPECT_NE(t.obey("b", Verb::vm_create), first);
    EXPECT_EQ(t.vm("box")->state, VmState::running);
}

TEST(BrokerLostNodes, TryAReplacementLessOftenTheMoreItFails) {
    BrokerHarness t{short_lost()};
    t.node_ready("a");
    t.node_ready("b");
    running(t, "box", "a", OnLost::replace);
    t.advance_alive(30s, {"b"});
    for (int i = 0; i < 600; ++i) {
        t.disobey("b", Verb::vm_create, ErrorCode::image_not_found, "there is no image");
        t.inventory("b");
        t.advance_alive(1s, {"b"});
    }
    // After 10, 20, 40, 80, 160 and 320 s.
    EXPECT_LE(distinct_orders(t, "b", Verb::vm_create), 7u);
    EXPECT_GE(distinct_orders(t, "b", Verb::vm_create), 6u);
}

TEST(BrokerLostNodes, WaitForRoomElsewhere) {
    BrokerHarness t{short_lost()};
    t.node_ready("a");
    running(t, "box", "a", OnLost::replace);
    t.advance(40s);
    EXPECT_EQ(t.vm("box")->state, VmState::unknown);
    t.node_ready("b");
    t.advance_alive(12s, {"b"});
    EXPECT_EQ(distinct_orders(t, "b", Verb::vm_create), 1u);
}

// Simulator, seed 208627: it waited for ever for the slot that it held itself.
TEST(BrokerLostNodes, TryAReplacementAgainInTheOnlySlotThereIs) {
    BrokerHarness t{short_lost()};
    const VmId first = failed_replacement(t, 1);
    t.inventory("b");
    t.create("other");
    EXPECT_FALSE(t.vm("other")) << "its slot is kept for it";
    t.advance_alive(12s, {"b"});
    ASSERT_EQ(distinct_orders(t, "b", Verb::vm_create), 2u);
    EXPECT_NE(t.obey("b", Verb::vm_create), first);
    EXPECT_EQ(t.vm("box")->state, VmState::running);
}

// Simulator, seed 200997: it stayed unknown when the node was back.
TEST(BrokerLostNodes, SayOfAReplacementThatIsStillToBeMadeWhyItIsNot) {
    BrokerHarness t{short_lost()};
    failed_replacement(t);
    t.advance(6s);
    ASSERT_EQ(node_view(t, "b").state, protocol::NodeState::silent);
    EXPECT_EQ(t.vm("box")->state, VmState::creating);
    EXPECT_EQ(t.vm("box")->reason, "the disk is full");
}

TEST(BrokerLostNodes, AreForgottenWhenAPersonSaysSo) {
    BrokerHarness t{short_lost()};
    t.node_ready("a");
    const VmId id = running(t, "box", "a", OnLost::keep);
    EXPECT_EQ(t.items(act_on_node(t, Verb::forget, "a"))[0].code, ErrorCode::wrong_state) << "it is alive";
    t.advance(6s);
    EXPECT_EQ(t.items(act_on_node(t, Verb::forget, "a"))[0].code, ErrorCode::wrong_state) << "it has a VM";
    EXPECT_EQ(t.items(act_on_node(t, Verb::forget, "a", 0, true))[0].code, ErrorCode::ok);
    EXPECT_FALSE(t.vm("box"));
    EXPECT_EQ(node_view(t, "a").name, "");
    t.restart();
    EXPECT_EQ(node_view(t, "a").name, "");
    t.node_register("a");
    t.inventory("a", {BrokerHarness::report(id, ContainerState::running)});
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 1u) << "it comes back as a new node with a dead VM's container";
}

// A client of an older release can't read verbs that it does not know.
TEST(BrokerNodeActions, AreNotListedForClientsThatDoNotKnowThem) {
    BrokerHarness t;
    t.node_ready("a");
    act_on_node(t, Verb::cordon, "a");
    const auto jobs = [&](protocol::Bytes body) {
        return decode<protocol::JobsReply>(t.answer(t.send(Verb::jobs, std::move(body)))->body)->jobs.size();
    };
    EXPECT_EQ(jobs({}), 0u);
    EXPECT_EQ(jobs(encode(protocol::JobsRequest{static_cast<std::uint16_t>(Verb::forget)})), 1u);
}

}  // namespace
}  // namespace mc::broker::test

#include <gtest/gtest.h>

#include "broker_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::ContainerState;

// Goal: a node silent past its deadline shows its VMs as unknown, and nothing is
// created twice. Spec: docs/architecture.md "Silent node".
TEST(BrokerSilence, KeepsVmUnknownWhileItsNodeIsSilent) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.create("half", 1, "a");
    t.node_ready("b");
    t.advance_alive(6s, {"b"});
    EXPECT_EQ(t.vm("box")->state, VmState::unknown);
    EXPECT_EQ(t.vm("half")->state, VmState::unknown);
    EXPECT_EQ(t.orders("b", Verb::vm_create), 0u);
    EXPECT_EQ(t.count_events("node.silent"), 1u);
}

TEST(BrokerSilence, BringsVmsBackWithTheirNode) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId id = t.running("box", "a");
    t.advance(6s);
    t.heartbeat("a");
    t.inventory("a", {BrokerHarness::report(id, ContainerState::running)});
    EXPECT_EQ(t.vm("box")->state, VmState::running);
}

// Simulator, seed 131: a report in front of its heartbeat, then the network was cut again. Its
// VMs were shown as running for as long as it was away.
TEST(BrokerSilence, SeesTheNextSilenceOfANodeOfWhichOnlyAReportCame) {
    BrokerHarness t;
    t.node_ready("a");
    const VmId id = t.running("box", "a");
    t.advance(6s);
    t.inventory("a", {BrokerHarness::report(id, ContainerState::running)});
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    t.advance(6s);
    EXPECT_EQ(t.vm("box")->state, VmState::unknown);
    EXPECT_EQ(t.count_events("node.silent"), 2u);
}

// Goal: a large part of a cloud that falls silent at once is not one commit, during which nobody is heard.
TEST(BrokerSilence, IsToldOfTenThousandVmsInATick) {
    BrokerHarness t;
    constexpr std::uint32_t vms_of_node = 1000;
    for (int i = 0; i < 12; ++i) {
        const std::string name = "node-" + std::to_string(i);
        t.node_ready(name, vms_of_node);
        t.create("", vms_of_node, name);
    }
    ASSERT_EQ(t.core->vm_count(), 12 * vms_of_node);
    while (t.count_events("node.silent") == 0) t.advance(100ms);
    EXPECT_EQ(t.count_events("node.silent"), 10u);
    t.advance(200ms);
    EXPECT_EQ(t.count_events("node.silent"), 12u);
}

/// Three nodes that are to send a heartbeat every three seconds.
struct Crowded {
    Crowded() : t(config()) {
        for (const auto* name : {"a", "b", "c"}) t.node_ready(name);
        box = t.running("box", "a");
        t.advance(100ms);
        for (const auto* name : {"a", "b", "c"}) t.heartbeat(name);
    }
    static BrokerConfig config() {
        BrokerConfig config;
        config.heartbeats_per_second_max = 1;
        return config;
    }
    [[nodiscard]] std::uint32_t told(const std::string& node) const {
        return decode<protocol::Heartbeat>(t.order(node, Verb::node_heartbeat)->body)->interval_ms;
    }

    BrokerHarness t;
    VmId box;
};

// Goal: what a broker does in which nothing happens does not grow with the nodes for ever.
TEST(BrokerHeartbeats, ComeFromFartherApartWhereThereAreManyNodes) {
    Crowded f;
    EXPECT_EQ(f.told("a"), 3000u);
    f.t.to_workers.clear();
    f.t.advance_alive(30s, {"a", "b", "c"});
    EXPECT_EQ(f.t.orders("a", Verb::node_heartbeat), 10u);
    f.t.advance(11900ms - 500ms);
    EXPECT_EQ(f.t.vm("box")->state, VmState::running);
    f.t.advance(700ms);
    EXPECT_EQ(f.t.vm("box")->state, VmState::unknown);
    EXPECT_EQ(f.t.count_events("node.silent"), 3u);
}

TEST(BrokerHeartbeats, GoToAnOlderWorkerAsOftenAsItExpectsThem) {
    Crowded f;
    f.t.verb_max = static_cast<std::uint16_t>(Verb::job_cancel);
    f.t.node_register("a");
    f.t.inventory("a", {BrokerHarness::report(f.box, ContainerState::running)});
    f.t.advance(100ms);
    f.t.to_workers.clear();
    f.t.advance_alive(6s, {"a", "b", "c"});
    EXPECT_EQ(f.t.orders("a", Verb::node_heartbeat), 6u);
    EXPECT_EQ(f.t.orders("b", Verb::node_heartbeat), 2u);
    f.t.advance_alive(4s, {"b", "c"});
    EXPECT_EQ(f.t.vm("box")->state, VmState::unknown);
}

// One that has sent its last by the longer interval has not heard yet of the shorter one.
TEST(BrokerHeartbeats, AreAwaitedAsLongAsBeforeUntilOneHasCome) {
    Crowded f;
    f.t.heartbeat("a");
    f.t.advance_alive(13s, {"a"});
    f.t.heartbeat("a");
    ASSERT_EQ(f.t.code(f.t.send(Verb::forget, encode(protocol::NodeActionRequest{{"b", "c"}}))), ErrorCode::ok);
    f.t.advance(6s);
    EXPECT_EQ(f.told("a"), 1000u);
    EXPECT_EQ(f.t.vm("box")->state, VmState::running) << "three seconds more than one would have now";
    f.t.heartbeat("a");
    f.t.advance(4s);
    EXPECT_EQ(f.t.vm("box")->state, VmState::unknown);
}

// They had longer than four seconds before the broker died, and have not heard from this one.
TEST(BrokerHeartbeats, AreAwaitedAfterARestartAsLongAsBefore) {
    Crowded f;
    f.t.restart();
    f.t.advance(11s);
    EXPECT_EQ(f.t.vm("box")->state, VmState::running);
    f.t.advance(1100ms);
    EXPECT_EQ(f.t.vm("box")->state, VmState::unknown);
}

// A large commit, or SIGSTOP: what the nodes sent meanwhile has not been read.
TEST(BrokerSilence, AreNotSilentForTheTimeThatTheBrokerStoodStill) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.now.instant = t.now.instant + 10s;
    t.advance(1s);
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    t.advance(4s);
    EXPECT_EQ(t.vm("box")->state, VmState::unknown);
}

// Goal: a broker that is behind with reading takes nobody for silent whose heartbeat it has not come to read; but not
// for ever, as one worker could see to that.
TEST(BrokerSilence, AreNotSilentWhileTheBrokerIsBehindWithReading) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.core->note_backlog(t.now, false);
    t.advance(3s);
    // What it has not read may have come at any time since.
    t.core->note_backlog(t.now, true);
    t.advance(27s);
    t.core->note_backlog(t.now, true);
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    t.advance(31s);
    EXPECT_EQ(t.vm("box")->state, VmState::unknown) << "a minute is too long";
    t.heartbeat("a");
    t.core->note_backlog(t.now, false);
    t.core->note_backlog(t.now, true);
    t.advance(6s);
    t.core->note_backlog(t.now, false);
    t.advance(1s);
    EXPECT_EQ(t.core->shown("a")->state, protocol::NodeState::silent) << "all was read, and nothing was there of it";
}

// Goal: the minute that a broker may be behind for is one in which it could have read.
TEST(BrokerSilence, AreNotSilentWhenTheBrokerStoodStillAndIsBehindAfterwards) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.core->note_backlog(t.now, false);
    t.core->note_backlog(t.now, true);
    t.now.instant = t.now.instant + 59s;
    t.advance(20s);
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    t.advance(45s);
    EXPECT_EQ(t.vm("box")->state, VmState::unknown);
}

// Goal: a restarted broker that has read nothing yet is behind since its start.
TEST(BrokerSilence, AreNotSilentWhileARestartedBrokerHasNotReadThem) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.restart();
    t.core->note_backlog(t.now, true);
    t.advance(40s);
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    t.advance(25s);
    EXPECT_EQ(t.vm("box")->state, VmState::unknown);
}

// Goal: who was silent by the time when all had been read is silent, however far behind the broker is.
TEST(BrokerSilence, AreSilentThoughTheBrokerIsBehindIfTheyWereBefore) {
    BrokerHarness t;
    t.node_ready("a");
    for (int i = 0; i < 4; ++i) {
        t.core->note_backlog(t.now, false);
        EXPECT_NE(t.core->shown("a")->state, protocol::NodeState::silent) << i;
        t.advance(1s);
    }
    t.core->note_backlog(t.now, false);
    t.core->note_backlog(t.now, true);
    t.advance(1s);
    EXPECT_EQ(t.core->shown("a")->state, protocol::NodeState::silent);
}

}  // namespace
}  // namespace mc::broker::test

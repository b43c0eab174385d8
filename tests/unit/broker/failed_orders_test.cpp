#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/broker/broker_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::ContainerState;
using protocol::VmIntent;

// Goal: what a VM is wanted to be and what it is come together, also after an order that failed.

struct FailedOrdersHarness : BrokerHarness {
    FailedOrdersHarness() {
        node_ready("a");
        id = running("box", "a");
        runs();
        to_workers.clear();
    }
    void runs() { inventory("a", {report(id, ContainerState::running)}); }
    void refuse_to(Verb order, ErrorCode code = ErrorCode::engine_failed) { disobey("a", order, code, "it says why"); }

    VmId id;
};

TEST(BrokerFailedOrders, AVmWhoseStopFailedAndThatRunsOnIsWanted) {
    FailedOrdersHarness t;
    const auto stop = t.act(Verb::stop, {"box"});
    t.refuse_to(Verb::vm_stop);
    EXPECT_EQ(t.code(stop), ErrorCode::engine_failed);
    t.runs();
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    EXPECT_EQ(t.vm("box")->intent, VmIntent::running);
    EXPECT_EQ(t.orders("a", Verb::vm_stop), 1u);
}

TEST(BrokerFailedOrders, AnInventoryDuringAStopSaysNothing) {
    FailedOrdersHarness t;
    t.act(Verb::stop, {"box"});
    t.runs();
    EXPECT_EQ(t.vm("box")->intent, VmIntent::stopped);
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    EXPECT_EQ(t.vm("box")->state, VmState::stopped);
    EXPECT_EQ(t.vm("box")->intent, VmIntent::stopped);
}

TEST(BrokerFailedOrders, AFailedStopOfADrainIsTriedAgain) {
    FailedOrdersHarness t;
    t.send(Verb::drain, encode(protocol::NodeActionRequest{{"a"}, 0, false}));
    const auto first = t.order("a", Verb::vm_stop);
    t.refuse_to(Verb::vm_stop);
    t.runs();
    t.advance_alive(15s, {"a"});
    EXPECT_NE(t.order("a", Verb::vm_stop)->header.id, first->header.id);
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    EXPECT_EQ(t.vm("box")->intent, VmIntent::stopped);
}

TEST(BrokerFailedOrders, AStartThatComesAboutLateIsWanted) {
    FailedOrdersHarness t;
    t.act(Verb::stop, {"box"});
    t.obey("a", Verb::vm_stop, ContainerState::exited);
    t.act(Verb::start, {"box"});
    t.refuse_to(Verb::vm_start);
    EXPECT_EQ(t.vm("box")->intent, VmIntent::stopped);
    t.runs();
    EXPECT_EQ(t.vm("box")->state, VmState::running);
    EXPECT_EQ(t.vm("box")->intent, VmIntent::running);
}

// What a person wants to look into must not be cleaned up meanwhile.
TEST(BrokerFailedOrders, OneThatExitsAtOnceAfterItsRestartIsKept) {
    FailedOrdersHarness t;
    t.act(Verb::restart, {"box"});
    t.refuse_to(Verb::vm_restart, ErrorCode::vm_exited);
    t.inventory("a", {BrokerHarness::report(t.id, ContainerState::exited)});
    t.advance_alive(120s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 0u);
    EXPECT_EQ(t.vm("box")->state, VmState::stopped);
    EXPECT_EQ(t.vm("box")->intent, VmIntent::stopped);
}

}  // namespace
}  // namespace mc::broker::test

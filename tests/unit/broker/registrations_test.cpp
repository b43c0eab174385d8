#include <gtest/gtest.h>

#include "broker_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::ContainerState;

/// A broker that awaits the inventory of one node at a time.
struct Throng {
    Throng() : t(config()) {
        t.node_ready("a");
        t.node_ready("b");
        box = t.running("box", "b");
        t.restart();
    }
    static BrokerConfig config() {
        BrokerConfig config;
        config.inventories_awaited_max = 1;
        return config;
    }
    /// How a registration of that node is answered.
    Kind registers(const std::string& node) {
        t.to_workers.clear();
        t.node_register(node);
        return t.order(node, Verb::node_register)->header.kind;
    }
    /// How many of them were answered since the last call of registers().
    [[nodiscard]] std::size_t admitted(const std::string& node) const {
        return t.orders(node, Verb::node_register) - 1;
    }

    BrokerHarness t;
    VmId box;
};

// Goal: the inventories of ten thousand nodes, which all come when the broker is back, are not all in its memory at
// once.
TEST(BrokerRegistrations, WaitUntilTheInventoriesOfOthersHaveCome) {
    Throng f;
    EXPECT_EQ(f.registers("a"), Kind::reply);
    EXPECT_EQ(f.registers("b"), Kind::progress);
    EXPECT_EQ(f.t.core->shown("b")->state, protocol::NodeState::silent) << "it can be told nothing yet";
    f.t.inventory("a");
    ASSERT_EQ(f.admitted("b"), 1u);
    EXPECT_EQ(f.t.order("b", Verb::node_register)->header.kind, Kind::reply);
    f.t.inventory("b", {BrokerHarness::report(f.box, ContainerState::running)});
    EXPECT_EQ(f.t.vm("box")->state, VmState::running);
}

TEST(BrokerRegistrations, OfOneNodeWaitOnce) {
    Throng f;
    EXPECT_EQ(f.registers("a"), Kind::reply);
    EXPECT_EQ(f.registers("a"), Kind::reply) << "that its answer was lost is not another node";
    EXPECT_EQ(f.registers("b"), Kind::progress);
    EXPECT_EQ(f.registers("b"), Kind::progress);
    f.t.inventory("a");
    EXPECT_EQ(f.admitted("b"), 1u);
    EXPECT_EQ(f.t.order("b", Verb::node_register)->header.id, f.t.nodes["b"].registration) << "the last one";
}

// They wait in the order in which they came, whoever repeats what it said.
TEST(BrokerRegistrations, KeepTheirPlace) {
    Throng f;
    f.t.node_ready("c");
    EXPECT_EQ(f.registers("a"), Kind::reply);
    EXPECT_EQ(f.registers("c"), Kind::progress);
    EXPECT_EQ(f.registers("b"), Kind::progress);
    EXPECT_EQ(f.registers("c"), Kind::progress);
    f.t.inventory("a");
    EXPECT_EQ(f.admitted("c"), 1u);
    f.t.inventory("c");
    EXPECT_EQ(f.t.order("b", Verb::node_register)->header.kind, Kind::reply);
}

TEST(BrokerRegistrations, DoNotWaitForANodeThatSaysNothing) {
    Throng f;
    EXPECT_EQ(f.registers("a"), Kind::reply);
    f.t.advance(2s);
    EXPECT_EQ(f.registers("b"), Kind::progress);
    f.t.advance(900ms);
    EXPECT_EQ(f.admitted("b"), 0u);
    f.t.advance(200ms);
    EXPECT_EQ(f.admitted("b"), 1u);
}

// Simulator, seed 10030376: the registration of a worker that was gone made its node look alive.
TEST(BrokerRegistrations, OfAWorkerThatIsGoneAreDropped) {
    Throng f;
    EXPECT_EQ(f.registers("a"), Kind::reply);
    EXPECT_EQ(f.registers("b"), Kind::progress);
    f.t.advance(3100ms);
    EXPECT_EQ(f.admitted("b"), 0u);
    f.t.inventory("a");
    EXPECT_EQ(f.admitted("b"), 0u);
    EXPECT_EQ(f.registers("b"), Kind::reply);
}

// Simulator, seed 10030267: as if it had been heard when its turn came.
TEST(BrokerRegistrations, AreHeardWhenTheyCome) {
    Throng f;
    EXPECT_EQ(f.registers("a"), Kind::reply);
    EXPECT_EQ(f.registers("b"), Kind::progress);
    f.t.advance(2s);
    f.t.inventory("a");
    ASSERT_EQ(f.admitted("b"), 1u);
    f.t.advance(2100ms);
    EXPECT_EQ(f.t.core->shown("b")->state, protocol::NodeState::silent);
    EXPECT_EQ(f.t.vm("box")->state, VmState::unknown);
}

TEST(BrokerRegistrations, DoNotWaitForOneThatIsRefused) {
    Throng f;
    f.t.nodes["b"].id = NodeId{77};
    EXPECT_EQ(f.registers("b"), Kind::reply);
    EXPECT_EQ(f.t.order("b", Verb::node_register)->header.code, ErrorCode::node_name_taken);
    EXPECT_EQ(f.registers("a"), Kind::reply);
    EXPECT_EQ(f.t.order("a", Verb::node_register)->header.code, ErrorCode::ok);
}

// Each VM of it would be written down as unknown, and again as running.
TEST(BrokerRegistrations, ThatWaitAreSignsOfLife) {
    Throng f;
    for (int i = 0; i < 5; ++i) {
        ASSERT_EQ(f.registers("a"), Kind::reply);
        ASSERT_EQ(f.registers("b"), Kind::progress);
        f.t.advance(2s);
    }
    EXPECT_EQ(f.t.vm("box")->state, VmState::running);
    f.t.advance(8s);
    EXPECT_EQ(f.t.vm("box")->state, VmState::unknown);
}

// What a worker had repeated before the answer came, and is read after its inventory.
TEST(BrokerRegistrations, ThatAreRepeatedLateChangeNothing) {
    Throng f;
    f.t.node_register("b");
    f.t.inventory("b", {BrokerHarness::report(f.box, ContainerState::running)});
    f.t.to_workers.clear();
    const auto& node = f.t.nodes["b"];
    f.t.from_worker("b", Kind::request, Verb::node_register, node.registration, node.registered_with);
    EXPECT_EQ(f.t.order("b", Verb::node_register)->header.code, ErrorCode::ok);
    EXPECT_EQ(f.t.core->shown("b")->state, protocol::NodeState::ready);
    EXPECT_EQ(f.registers("a"), Kind::reply) << "nobody waits for it";
}

// What an older process or connection had sent and is read late.
TEST(BrokerRegistrations, ThatAnotherTookThePlaceOfWhileTheyWaitedAreLate) {
    Throng f;
    EXPECT_EQ(f.registers("a"), Kind::reply);
    EXPECT_EQ(f.registers("b"), Kind::progress);
    const auto before = f.t.nodes["b"];
    EXPECT_EQ(f.registers("b"), Kind::progress);
    const auto late = [&] {
        f.t.to_workers.clear();
        f.t.from_worker("b", Kind::request, Verb::node_register, before.registration, before.registered_with);
        return f.t.orders("b", Verb::node_register);
    };
    EXPECT_EQ(late(), 0u);
    f.t.inventory("a");
    EXPECT_EQ(f.t.order("b", Verb::node_register)->header.id, f.t.nodes["b"].registration);
    EXPECT_EQ(late(), 0u);
    f.t.inventory("b", {BrokerHarness::report(f.box, ContainerState::running)});
    EXPECT_EQ(f.t.core->shown("b")->state, protocol::NodeState::ready) << "of the process that there is";
}

TEST(BrokerRegistrations, ThatAreRepeatedAreSignsOfLife) {
    Throng f;
    f.t.node_register("b");
    for (int i = 0; i < 8; ++i) {
        f.t.advance(1s);
        const auto& node = f.t.nodes["b"];
        f.t.from_worker("b", Kind::request, Verb::node_register, node.registration, node.registered_with);
    }
    EXPECT_EQ(f.t.vm("box")->state, VmState::running);
    EXPECT_EQ(f.t.count_events("node.silent"), 1u) << "a, of which nothing came";
}

// The network is back, and the worker of a node that was ready is at another connection.
TEST(BrokerRegistrations, ThatWaitTakeTheirNodeFromItsLastConnection) {
    Throng f;
    f.t.node_register("b");
    f.t.inventory("b", {BrokerHarness::report(f.box, ContainerState::running)});
    EXPECT_EQ(f.registers("a"), Kind::reply);
    EXPECT_EQ(f.registers("b"), Kind::progress);
    EXPECT_EQ(f.t.core->shown("b")->state, protocol::NodeState::silent);
    f.t.create("next");
    EXPECT_EQ(f.t.orders("b", Verb::vm_create), 0u) << "it would go nowhere";
    f.t.inventory("a");
    EXPECT_EQ(f.t.orders("a", Verb::vm_create), 1u);
}

TEST(BrokerRegistrations, DoNotPassThoseThatWait) {
    Throng f;
    f.t.node_ready("c");
    EXPECT_EQ(f.registers("a"), Kind::reply);
    f.t.advance(2100ms);
    EXPECT_EQ(f.registers("b"), Kind::progress);
    f.t.now.instant = f.t.now.instant + 900ms;  // a is awaited no longer, which no tick has seen
    EXPECT_EQ(f.registers("c"), Kind::progress);
    f.t.advance(100ms);
    EXPECT_EQ(f.t.order("b", Verb::node_register)->header.kind, Kind::reply);
    EXPECT_EQ(f.t.order("c", Verb::node_register)->header.kind, Kind::progress);
}

// It says what it has when its engine answers.
TEST(BrokerRegistrations, DoNotWaitForAWorkerWithoutItsEngine) {
    Throng f;
    f.t.node_register("a");
    protocol::RegisterRequest request = *decode<protocol::RegisterRequest>(f.t.nodes["a"].registered_with);
    request.status.ready = false;
    f.t.from_worker("a", Kind::request, Verb::node_register, RequestId{2, 2}, encode(request));
    EXPECT_EQ(f.registers("b"), Kind::reply);
}

// A large commit, or SIGSTOP: who waits could not be heard, and nobody's inventory was read.
TEST(BrokerRegistrations, WaitOnWhenTheBrokerStoodStill) {
    Throng f;
    EXPECT_EQ(f.registers("a"), Kind::reply);
    EXPECT_EQ(f.registers("b"), Kind::progress);
    f.t.now.instant = f.t.now.instant + 10s;
    f.t.advance(100ms);
    EXPECT_EQ(f.admitted("b"), 0u) << "a's inventory may lie in the socket";
    f.t.inventory("a");
    EXPECT_EQ(f.admitted("b"), 1u);
}

}  // namespace
}  // namespace mc::broker::test

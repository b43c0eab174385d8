#include <gtest/gtest.h>

#include "broker_harness.hpp"

namespace mc::broker::test {
namespace {

constexpr VmId spare{0x5AAE};
constexpr VmId other{0x5AAF};

protocol::CreateRequest request(const std::string& name = "") {
    protocol::CreateRequest create;
    create.spec.name = name;
    return create;
}

VmId ordered(const BrokerHarness& t, const std::string& node = "a") {
    return decode<protocol::CreateOrder>(t.order(node, Verb::vm_create)->body)->vm;
}

// Goal: a VM becomes what its node has started already. Spec: ADR 35.
TEST(Spares, GiveTheirVmIdToTheNextVm) {
    BrokerHarness t;
    t.node_ready("a");
    t.inventory("a", {}, {{spare, defaults::image}});
    t.create("box");
    EXPECT_EQ(ordered(t), spare);
    EXPECT_EQ(t.vm("box")->id, spare);
    t.create("other");
    EXPECT_NE(ordered(t), spare) << "there is one only";
}

TEST(Spares, AreNotListed) {
    BrokerHarness t;
    t.node_ready("a");
    t.inventory("a", {}, {{spare, defaults::image}});
    EXPECT_EQ(t.core->open().orphans, 0U);
    t.advance(10min);
    EXPECT_EQ(t.orders("a", Verb::vm_remove), 0U);
}

TEST(Spares, ServeOnlyWhatTheyCanBecome) {
    BrokerHarness t;
    t.node_ready("a", 32);
    t.inventory("a", {}, {{spare, defaults::image}});
    auto with_env = request("env");
    with_env.spec.env = {"A=1"};
    auto with_password = request("password");
    with_password.spec.password_hash = "$6$salt$hash";
    auto with_setup = request("setup");
    with_setup.setup = "#!/bin/sh\n";
    auto of_image = request("image");
    of_image.spec.image = "plain:1";
    for (const auto& create : {with_env, with_password, with_setup, of_image}) {
        t.send(Verb::create, encode(create));
        EXPECT_NE(ordered(t), spare) << create.spec.name;
    }
    t.create("box");
    EXPECT_EQ(ordered(t), spare);
}

TEST(Spares, AreOfTheNodeThatTheVmIsPutOn) {
    BrokerHarness t;
    t.node_ready("a");
    t.node_ready("b");
    t.inventory("b", {}, {{spare, defaults::image}});
    t.create("one", 1, "a");
    EXPECT_NE(ordered(t, "a"), spare);
    t.create("two", 1, "b");
    EXPECT_EQ(ordered(t, "b"), spare);
}

// An inventory may have begun before the order came, and a worker may lie.
TEST(Spares, AreNobodysOrNotUsed) {
    BrokerHarness t;
    t.node_ready("a");
    t.node_ready("b");
    t.inventory("a", {}, {{spare, defaults::image}});
    t.create("box", 1, "a");
    t.inventory("a", {}, {{spare, defaults::image}});
    t.inventory("b", {}, {{spare, defaults::image}, {VmId{}, defaults::image}});
    t.create("again", 1, "a");
    EXPECT_NE(ordered(t, "a"), spare);
    t.create("there", 1, "b");
    EXPECT_NE(ordered(t, "b"), spare);
    EXPECT_NE(ordered(t, "b"), VmId{});
}

/// A cloud in which the spare was a VM, which is deleted.
struct AfterItsVm : BrokerHarness {
    AfterItsVm() {
        node_ready("a");
        inventory("a", {}, {{spare, defaults::image}});
        create("box");
        obey("a", Verb::vm_create);
        act(Verb::remove, {"box"});
        obey("a", Verb::vm_remove, protocol::ContainerState::absent);
    }
};

TEST(Spares, OfADeletedVmsIdAreNotUsed) {
    AfterItsVm t;
    t.inventory("a", {}, {{spare, defaults::image}, {other, defaults::image}});
    t.create("box");
    EXPECT_EQ(ordered(t), other);
    t.create("more");
    EXPECT_NE(ordered(t), spare);
}

TEST(Spares, WhoseVmIsGoneAreRemoved) {
    AfterItsVm t;
    const auto removals = t.orders("a", Verb::vm_remove);
    t.inventory("a", {}, {{spare, defaults::image}});
    ASSERT_EQ(t.orders("a", Verb::vm_remove), removals + 1);
    EXPECT_EQ(decode<protocol::VmOrder>(t.order("a", Verb::vm_remove)->body)->vm, spare);
}

TEST(Spares, ThatANodeNoLongerTellsOfAreNotUsed) {
    BrokerHarness t;
    t.node_ready("a");
    t.inventory("a", {}, {{spare, defaults::image}});
    t.inventory("a");
    t.create("box");
    EXPECT_NE(ordered(t), spare);
}

TEST(Orders, OfAStartCarryTheVmsName) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.act(Verb::restart, {"box"});
    EXPECT_EQ(decode<protocol::VmOrder>(t.order("a", Verb::vm_restart)->body)->name, "box");
}

}  // namespace
}  // namespace mc::broker::test

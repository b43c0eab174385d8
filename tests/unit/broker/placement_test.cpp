#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "key_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::Label;
using protocol::Placement;
using protocol::PlacementPolicy;
using testing::ElementsAre;
using testing::HasSubstr;

// Goal: a VM goes to the node that its placement says, and where that would be is told beforehand, with the reasons.
// Spec: docs/protocol.md "Placement", "placement"; ADR 32.

protocol::CreateRequest create_of(const std::string& name, Placement placement, std::uint32_t count = 1) {
    protocol::CreateRequest request;
    request.spec.name = name;
    request.count = count;
    request.placement = std::move(placement);
    return request;
}

/// Where each of `count` VMs went that were asked for one after the other.
std::string nodes_of(BrokerHarness& t, const Placement& placement, int count, std::uint32_t cpus_milli = 0) {
    std::string out;
    static int number = 0;
    for (int i = 0; i < count; ++i) {
        auto request = create_of("p" + std::to_string(++number), placement);
        request.spec.cpus_milli = cpus_milli;
        t.send(Verb::create, encode(request));
        const auto vm = t.vm(request.spec.name);
        out += vm ? vm->node : "-";
    }
    return out;
}

protocol::PlacementReply placement(BrokerHarness& t, const protocol::PlacementRequest& request) {
    const auto id = t.send(Verb::placement, encode(request));
    EXPECT_EQ(t.code(id), ErrorCode::ok);
    return *protocol::decode<protocol::PlacementReply>(t.answer(id)->body);
}

TEST(Placement, TakesTurnsByDefault) {
    BrokerHarness t;
    for (const auto* name : {"a", "b", "c"}) t.node_ready(name);
    EXPECT_EQ(nodes_of(t, {}, 5), "abcab");
}

TEST(Placement, ByLoadGoesByWhatIsScarcest) {
    BrokerHarness t;
    t.node_ready("a", 8);
    t.node_ready("b", 2);
    const Placement least{PlacementPolicy::least_loaded, {}, {}};
    // 4 cores each: a core is a quarter of a node, a slot an eighth of a, and a half of b.
    EXPECT_EQ(nodes_of(t, least, 3), "aba") << "with one VM more both would be half full, and it is b's turn";
    EXPECT_EQ(nodes_of(t, least, 1, 4000), "b") << "5 of its 4 cores are promised then, where a would have 6";
    EXPECT_EQ(nodes_of(t, least, 1), "a") << "b has no slot left";
}

TEST(Placement, PackFillsOneNodeAfterTheOther) {
    BrokerHarness t;
    t.node_ready("a", 3);
    t.node_ready("b", 3);
    EXPECT_EQ(nodes_of(t, {PlacementPolicy::pack, {}, {}}, 5), "aaabb");
}

// Goal: a placement costs the same among ten thousand nodes as among ten. Spec: ADR 32.
TEST(Placement, ByLoadComparesTheEightLeastLoaded) {
    const auto first_of = [](int small) {
        BrokerHarness t;
        for (int i = 1; i <= small; ++i) t.node_ready("s" + std::to_string(i), 2);
        t.node_ready("large", 100);
        return nodes_of(t, {PlacementPolicy::least_loaded, {}, {}}, 1);
    };
    EXPECT_EQ(first_of(7), "large") << "a VM is less of it";
    EXPECT_EQ(first_of(8), "s1") << "it is empty as the eight that came before it, and is not looked at";
}

TEST(Placement, ByLoadPassesOverNodesThatCantTakeIt) {
    BrokerHarness t;
    t.labels["z"] = {{"disk", "ssd"}};
    for (int i = 0; i < 12; ++i) t.node_ready("n" + std::to_string(i), 2);
    t.node_ready("z", 2);
    for (const auto policy : {PlacementPolicy::least_loaded, PlacementPolicy::pack}) {
        EXPECT_EQ(nodes_of(t, {policy, {{"disk", "ssd"}}, {}}, 1), "z");
    }
    EXPECT_EQ(nodes_of(t, {PlacementPolicy::pack, {}, {}}, 3), "n0n0n1") << "z is full";
}

TEST(Placement, SpreadGoesToWhereTheOwnerHasFewest) {
    BrokerHarness t;
    for (const auto* name : {"a", "b", "c"}) t.node_ready(name);
    for (const auto* name : {"x1", "x2", "x3"}) t.create(name, 1, "a");
    t.create("y1", 1, "b");
    t.create("y2", 1, "b");
    EXPECT_EQ(nodes_of(t, {PlacementPolicy::spread, {}, {}}, 5), "ccbca");
}

TEST(Placement, IsAsItWasTold) {
    for (const auto policy : {PlacementPolicy::round_robin, PlacementPolicy::least_loaded, PlacementPolicy::pack,
                              PlacementPolicy::spread}) {
        BrokerHarness t;
        for (const auto* name : {"a", "b", "c"}) t.node_ready(name, 3);
        nodes_of(t, {policy, {}, {}}, 2);
        const auto told = placement(t, {create_of("", {policy, {}, {}}, 6), {}});
        std::string nodes;
        for (const auto& item : told.items) nodes += item.node;
        EXPECT_EQ(nodes_of(t, {policy, {}, {}}, 6), nodes);
    }
}

TEST(Placement, SpreadCountsTheOwnersVmsOnly) {
    KeyHarness t;
    t.admit("ada", 'U', protocol::Role::user);
    t.admit("bob", 'B', protocol::Role::user);
    t.node_ready("a");
    t.node_ready("b");
    const Placement packed{PlacementPolicy::pack, {}, {}};
    const Placement spread{PlacementPolicy::spread, {}, {}};
    for (const auto* name : {"x1", "x2"}) t.ask('U', Verb::create, encode(create_of(name, packed)));
    t.ask('B', Verb::create, encode(create_of("y1", spread)));
    t.ask('B', Verb::create, encode(create_of("y2", spread)));
    EXPECT_EQ(t.orders("a", Verb::vm_create), 3U) << "ada's two, and one of bob's, to whom both nodes were empty";
    EXPECT_EQ(t.orders("b", Verb::vm_create), 1U);
}

TEST(Placement, RequiresAndPrefersLabels) {
    BrokerHarness t;
    t.labels["b"] = {{"disk", "ssd"}};
    t.labels["c"] = {{"disk", "ssd"}, {"room", "2"}};
    for (const auto* name : {"a", "b", "c"}) t.node_ready(name, 2);
    EXPECT_EQ(nodes_of(t, {PlacementPolicy::round_robin, {}, {{"room", "2"}}}, 3), "cca")
        << "the preferred one while it has room";
    EXPECT_EQ(nodes_of(t, {PlacementPolicy::round_robin, {{"disk", "ssd"}}, {}}, 2), "bb");
    const auto id = t.send(Verb::create, encode(create_of("late", {{}, {{"disk", "ssd"}}, {}})));
    EXPECT_EQ(t.code(id), ErrorCode::no_capacity);
    EXPECT_THAT(t.items(id)[0].message, HasSubstr("a: it has no label disk=ssd; b: all its 2 slots are used"));
    auto pinned = create_of("pinned", {{}, {{"disk", "ssd"}}, {}});
    pinned.node = "a";
    EXPECT_THAT(t.items(t.send(Verb::create, encode(pinned)))[0].message,
                HasSubstr("node a can't take it: it has no label disk=ssd"));
}

TEST(Placement, HoldsForAReplacementAndAfterARestart) {
    BrokerHarness t;
    t.labels["a"] = t.labels["c"] = {{"disk", "ssd"}};
    for (const auto* name : {"a", "b", "c"}) t.node_ready(name);
    auto request = create_of("box", {{}, {{"disk", "ssd"}}, {}});
    request.on_lost = protocol::OnLost::replace;
    request.setup = "#!/bin/sh\ntrue\n";
    t.send(Verb::create, encode(request));
    t.obey("a", Verb::vm_create);
    t.restart();
    for (const auto* name : {"a", "b", "c"}) t.node_register(name);
    t.inventory("a", {BrokerHarness::report(t.vm("box")->id, protocol::ContainerState::running)});
    t.inventory("b");
    t.inventory("c");
    t.to_workers.clear();
    t.send(Verb::drain, encode(protocol::NodeActionRequest{{"a"}, 3600, false}));
    ASSERT_EQ(t.orders("c", Verb::vm_create), 1U) << "it was b's turn";
    EXPECT_EQ(protocol::decode<protocol::CreateOrder>(t.order("c", Verb::vm_create)->body)->setup, request.setup);
}

// Goal: a VM with a set-up script is never made without it. Spec: docs/protocol.md "create".
TEST(Placement, WithASetUpScriptIsForWorkersThatKnowThem) {
    BrokerHarness t;
    t.verb_max = static_cast<std::uint16_t>(Verb::node_images) - 1;
    t.node_ready("old");
    auto request = create_of("web", {});
    const auto told = [&] { return placement(t, {request, {}}); };
    EXPECT_EQ(told().items[0].node, "old");
    request.setup = "#!/bin/sh\n";
    EXPECT_EQ(told().items[0].code, ErrorCode::no_capacity);
    EXPECT_THAT(told().nodes[0].reason, HasSubstr("an older release that knows no set-up scripts: update it"));
    const auto refused = t.send(Verb::create, encode(request));
    EXPECT_EQ(t.code(refused), ErrorCode::no_capacity);
    const auto items = protocol::decode<protocol::ItemsReply>(t.answer(refused)->body)->items;
    EXPECT_THAT(items.at(0).message, HasSubstr("update those workers, or create it without a set-up script"));
    EXPECT_EQ(t.orders("old", Verb::vm_create), 0U);

    t.verb_max = static_cast<std::uint16_t>(Verb::node_images);
    t.node_ready("new");
    for (int turn = 0; turn < 2; ++turn) EXPECT_EQ(told().items[0].node, "new");
    request.on_lost = protocol::OnLost::replace;
    t.send(Verb::create, encode(request));
    EXPECT_EQ(t.vm("web")->node, "new");
    EXPECT_EQ(t.orders("old", Verb::vm_create), 0U);

    t.advance_alive(BrokerConfig().lost_after + 10s, {"old"});
    EXPECT_EQ(t.vm("web")->node, "new") << "it waits for a node that may take its place";
    EXPECT_EQ(t.orders("old", Verb::vm_create), 0U);
}

TEST(Placement, IsToldBeforehandAndReservesNothing) {
    BrokerHarness t;
    t.labels["a"] = t.labels["b"] = {{"disk", "ssd"}};
    t.node_ready("a", 2);
    t.node_ready("b", 1);
    t.node_ready("c");
    t.node_register("d");
    t.create("x", 1, "a");
    const protocol::PlacementRequest request{create_of("", {{}, {{"disk", "ssd"}}, {}}, 3), {"p", "x", "r"}};
    for (int again = 0; again < 2; ++again) {
        const auto told = placement(t, request);
        ASSERT_EQ(told.items.size(), 3U);
        EXPECT_EQ(told.items[0].node + told.items[2].node, "ab") << "x is there, and takes nobody's turn";
        EXPECT_EQ(told.items[1].code, ErrorCode::already_exists);
        ASSERT_EQ(told.nodes.size(), 4U);
        EXPECT_EQ(told.nodes[0], (protocol::PlacementNode{"a", 1, "all its 2 slots are used"}));
        EXPECT_EQ(told.nodes[1], (protocol::PlacementNode{"b", 1, "all its 1 slots are used"}));
        EXPECT_EQ(told.nodes[2], (protocol::PlacementNode{"c", 0, "it has no label disk=ssd"}));
        EXPECT_EQ(told.nodes[3].reason, "it is not ready");
    }
    auto full = request;
    full.create.count = 4;
    full.names.push_back("s");
    EXPECT_EQ(placement(t, full).items[3].code, ErrorCode::no_capacity);
}

TEST(Placement, CountsTheQuotaAsItGoes) {
    KeyHarness t;
    t.admit("ada", 'U', protocol::Role::user, {.vms = 2});
    t.node_ready("a");
    const auto id = t.ask('U', Verb::placement, encode(protocol::PlacementRequest{create_of("", {}, 3), {}}));
    const auto told = *protocol::decode<protocol::PlacementReply>(t.answer(id, t.client('U'))->body);
    EXPECT_EQ(told.items[1].code, ErrorCode::ok);
    EXPECT_EQ(told.items[2].code, ErrorCode::quota_exceeded);
}

TEST(Placement, RefusesWhatCreateWould) {
    BrokerHarness t;
    t.node_ready("a");
    const auto code = [&](const protocol::PlacementRequest& request) {
        return t.code(t.send(Verb::placement, encode(request)));
    };
    EXPECT_EQ(code({create_of("", {}, 0), {}}), ErrorCode::invalid_argument);
    EXPECT_EQ(code({create_of("", {}, 2), {"one"}}), ErrorCode::invalid_argument);
    EXPECT_EQ(code({create_of("", {}, 1), {"No"}}), ErrorCode::invalid_argument);
    EXPECT_EQ(code({create_of("", {{}, {{"a b", ""}}, {}}), {}}), ErrorCode::invalid_argument);
    auto setup = create_of("", {});
    setup.setup = "no shebang";
    EXPECT_EQ(code({setup, {}}), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(t.send(Verb::create, encode(setup))), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace mc::broker::test

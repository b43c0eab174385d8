#include <gtest/gtest.h>

#include "key_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::Role;
using protocol::VmUsage;

// Goal: workers measure while somebody asks, and only then; everybody is told of the VMs that list shows him.

/// ada (key a) with VMs `one` and `two`, bob (key b) with `web`, all on n; boss (A), eve (V, a viewer).
class Usage : public testing::Test {
protected:
    Usage() {
        t.node_ready("n", 100);
        t.admit("ada", 'a', Role::user);
        t.admit("bob", 'b', Role::user);
        t.admit("boss", 'A', Role::admin);
        t.admit("eve", 'V', Role::viewer);
        one = made('a', "one");
        two = made('a', "two");
        web = made('b', "web");
        t.to_workers.clear();
    }

    VmId made(char key, const std::string& name) {
        t.create_as(key, name);
        return t.obey("n", Verb::vm_create);
    }
    static VmUsage use(VmId vm, std::uint32_t cpu_milli = 500) {
        return {.vm = vm, .memory_bytes = 4096, .span_ms = 2000, .cpu_milli = cpu_milli};
    }
    void tell(std::vector<VmUsage> vms, const std::string& node = "n") {
        t.from_worker(node, Kind::notice, Verb::node_usage, {},
                      encode(protocol::NodeUsage{t.nodes[node].boot, std::move(vms)}));
    }
    protocol::UsageReply ask(char key, const std::string& after = "", std::uint32_t limit = 1000) {
        const auto id = t.ask(key, Verb::usage, encode(protocol::ListRequest{after, limit}));
        const auto message = t.answer(id, t.client(key));
        EXPECT_TRUE(message && message->header.code == ErrorCode::ok);
        return message ? *decode<protocol::UsageReply>(message->body) : protocol::UsageReply{};
    }
    [[nodiscard]] bool wanted(const std::string& node = "n") const {
        const auto heartbeat = t.order(node, Verb::node_heartbeat);
        return heartbeat && decode<protocol::Heartbeat>(heartbeat->body)->usage_wanted;
    }

    KeyHarness t;
    VmId one;
    VmId two;
    VmId web;
};

TEST_F(Usage, IsWantedAtOnceWhenSomebodyAsksAndForAWhile) {
    t.advance_alive(2s, {"n"});
    EXPECT_FALSE(wanted());
    EXPECT_TRUE(ask('a').vms.empty());
    EXPECT_TRUE(wanted()) << "the next heartbeat would be later";
    t.advance_alive(9s, {"n"});
    EXPECT_TRUE(wanted());
    t.advance_alive(2s, {"n"});
    EXPECT_FALSE(wanted());
}

TEST_F(Usage, ManyWhoAskMakeNoMoreOfIt) {
    for (int i = 0; i < 50; ++i) {
        ask('a');
        ask('A');
    }
    EXPECT_EQ(t.orders("n", Verb::node_heartbeat), 1U);
}

TEST_F(Usage, IsOfTheVmsThatListShows) {
    ask('A');
    tell({use(one), use(two), use(web)});
    const auto seen = [&](char key) {
        std::vector<VmId> ids;
        for (const auto& vm : ask(key).vms) ids.push_back(vm.vm);
        return ids;
    };
    EXPECT_EQ(seen('a'), (std::vector{one, two}));
    EXPECT_EQ(seen('b'), (std::vector{web}));
    EXPECT_EQ(seen('A'), (std::vector{one, two, web}));
    EXPECT_EQ(seen('V'), (std::vector{one, two, web}));
    EXPECT_EQ(ask('b').vms.at(0), use(web));
}

TEST_F(Usage, ComesInPages) {
    ask('A');
    tell({use(one), use(web)});
    auto page = ask('A', "", 2);
    EXPECT_EQ(page.vms.size(), 1U) << "of two there is nothing to tell";
    EXPECT_EQ(page.next, "ada/two");
    page = ask('A', page.next, 2);
    EXPECT_EQ(page.vms.size(), 1U);
    EXPECT_EQ(page.next, "");
    EXPECT_EQ(ask('a', "", 1).next, "one");
    EXPECT_TRUE(ask('a', "bob/", 10).vms.size() <= 2) << "no way to another's";
    for (const auto& vm : ask('a', "bob/", 10).vms) EXPECT_NE(vm.vm, web);
}

TEST_F(Usage, IsMeasuredOnlyWhereTheVmsOfWhoAsksAre) {
    t.node_ready("m", 100);
    ask('a');
    EXPECT_TRUE(wanted("n"));
    EXPECT_FALSE(wanted("m"));
    tell({use(one)}, "m");
    EXPECT_TRUE(ask('a').vms.empty()) << "another node's VM is not its to speak of";
}

TEST_F(Usage, IsNotKeptWhenNobodyAsksNorWhenItIsOld) {
    tell({use(one)});
    EXPECT_TRUE(ask('a').vms.empty()) << "nobody had asked";
    tell({use(one)});
    for (int i = 0; i < 28; ++i) {
        EXPECT_EQ(ask('a').vms.size(), 1U);
        t.advance_alive(1s, {"n"});
    }
    t.advance_alive(2s, {"n"});
    EXPECT_TRUE(ask('a').vms.empty()) << "said 30 s ago";
}

TEST_F(Usage, OfASilentOrNewlyRegisteredNodeIsNotShown) {
    ask('a');
    tell({use(one)});
    EXPECT_EQ(ask('a').vms.size(), 1U);
    t.advance(5s);
    EXPECT_TRUE(ask('a').vms.empty());
    t.node_register("n", 100);
    t.inventory("n", {BrokerHarness::report(one, protocol::ContainerState::running)});
    EXPECT_TRUE(ask('a').vms.empty());
}

TEST_F(Usage, OfAStoppedVmIsNotShown) {
    ask('a');
    tell({use(one), use(two)});
    t.act_as('a', Verb::stop, {"one"});
    t.obey("n", Verb::vm_stop, protocol::ContainerState::exited);
    ASSERT_EQ(ask('a').vms.size(), 1U);
    EXPECT_EQ(ask('a').vms[0].vm, two);
}

TEST_F(Usage, OfAnotherProcessOrUnreadableIsCountedAndPassedOver) {
    ask('a');
    const auto before = t.core->bad_messages();
    t.from_worker("n", Kind::notice, Verb::node_usage, {}, encode(protocol::NodeUsage{BootId{9}, {use(one)}}));
    t.from_worker("n", Kind::notice, Verb::node_usage, {}, "\xc1");
    EXPECT_EQ(t.core->bad_messages(), before + 2);
    EXPECT_TRUE(ask('a').vms.empty());
}

TEST_F(Usage, IsAskedForAnewAfterARestartOfTheBroker) {
    ask('a');
    t.restart();
    t.node_register("n", 100);
    t.inventory("n", {BrokerHarness::report(one, protocol::ContainerState::running)});
    EXPECT_FALSE(wanted());
    EXPECT_TRUE(ask('a').vms.empty());
    EXPECT_TRUE(wanted());
}

}  // namespace
}  // namespace mc::broker::test

#include <gtest/gtest.h>

#include "key_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::Expiry;
using protocol::Role;
using protocol::UpdateRequest;

RequestId update(BrokerHarness& t, std::vector<std::string> targets, std::string name, Expiry expiry = Expiry::keep,
                 std::uint64_t seconds = 0) {
    return t.send(Verb::update, encode(UpdateRequest{std::move(targets), std::move(name), expiry, seconds}));
}

RequestId extend(BrokerHarness& t, const std::string& target, Expiry expiry, std::uint64_t seconds = 0) {
    return update(t, {target}, "", expiry, seconds);
}

VmId create_for(BrokerHarness& t, const std::string& name, std::uint64_t ttl_seconds) {
    protocol::CreateRequest request;
    request.spec.name = name;
    request.spec.ttl_seconds = ttl_seconds;
    t.send(Verb::create, encode(request));
    return t.obey("n", Verb::vm_create);
}

/// The broker's next life, in which the node is back with that VM.
void restart_with(BrokerHarness& t, VmId vm) {
    t.restart();
    t.node_register("n");
    t.inventory("n", {BrokerHarness::report(vm, protocol::ContainerState::running)});
}

std::int64_t seconds_left(BrokerHarness& t, const std::string& name) {
    return (t.vm(name)->expires.unix_ms - t.now.wall.unix_ms) / 1000;
}

// Goal: what the broker alone decides of a VM can be changed while it is there. Spec: docs/protocol.md "update".

TEST(BrokerUpdates, MovesTheEndOfAVm) {
    BrokerHarness t;
    t.node_ready("n");
    const VmId id = create_for(t, "box", 60);
    EXPECT_EQ(t.code(extend(t, "box", Expiry::later, 30)), ErrorCode::ok);
    EXPECT_EQ(seconds_left(t, "box"), 90);
    t.advance_alive(70s, {"n"});
    EXPECT_EQ(t.orders("n", Verb::vm_remove), 0u) << "it would have ended 10 s ago";
    EXPECT_EQ(t.code(extend(t, "box", Expiry::from_now, 40)), ErrorCode::ok);
    EXPECT_EQ(seconds_left(t, "box"), 40);
    EXPECT_EQ(t.count_events("vm.extended"), 2u);
    restart_with(t, id);
    EXPECT_EQ(seconds_left(t, "box"), 40) << "it is stored";
    t.advance_alive(41s, {"n"});
    EXPECT_GT(t.orders("n", Verb::vm_remove), 0u);
    EXPECT_EQ(t.code(extend(t, "box", Expiry::later, 40)), ErrorCode::wrong_state) << "it is being deleted";
}

TEST(BrokerUpdates, TakesAndGivesAnEnd) {
    BrokerHarness t;
    t.node_ready("n");
    create_for(t, "box", 60);
    EXPECT_EQ(t.code(extend(t, "box", Expiry::never)), ErrorCode::ok);
    EXPECT_EQ(t.vm("box")->expires.unix_ms, 0);
    EXPECT_EQ(t.code(extend(t, "box", Expiry::later, 30)), ErrorCode::wrong_state) << "later than never";
    t.advance_alive(10s, {"n"});
    EXPECT_EQ(t.code(extend(t, "box", Expiry::from_now, 5)), ErrorCode::ok);
    EXPECT_EQ(seconds_left(t, "box"), 5);
}

TEST(BrokerUpdates, KeepsWithinLimitsAndQuotas) {
    KeyHarness t;
    t.node_ready("n");
    create_for(t, "box", 60);
    EXPECT_EQ(t.code(extend(t, "box", Expiry::from_now, 0)), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(extend(t, "box", Expiry::from_now, limits::ttl_seconds_max + 1)), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(extend(t, "box", Expiry::later, limits::ttl_seconds_max)), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(extend(t, "box", Expiry::from_now, limits::ttl_seconds_max)), ErrorCode::ok);
    t.admit("ada", 'a', Role::user, {0, 0, 0, 3600});
    t.create_as('a', "own");
    t.obey("n", Verb::vm_create);
    const auto ask = [&](Expiry expiry, std::uint64_t seconds) {
        return t.code_of('a', t.ask('a', Verb::update, encode(UpdateRequest{{"own"}, "", expiry, seconds})));
    };
    EXPECT_EQ(ask(Expiry::later, 1), ErrorCode::quota_exceeded);
    EXPECT_EQ(ask(Expiry::never, 0), ErrorCode::quota_exceeded);
    EXPECT_EQ(ask(Expiry::from_now, 1800), ErrorCode::ok) << "also sooner";
    EXPECT_EQ(t.code(extend(t, "ada/own", Expiry::never)), ErrorCode::ok) << "an admin may give more";
}

TEST(BrokerUpdates, RenamesAVm) {
    BrokerHarness t;
    t.node_ready("n");
    const VmId id = t.running("box", "n");
    t.running("web", "n");
    EXPECT_EQ(t.code(update(t, {"box"}, "web")), ErrorCode::already_exists);
    EXPECT_EQ(t.code(update(t, {"box"}, "no good")), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(update(t, {"box", "web"}, "db")), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(update(t, {"box"}, "")), ErrorCode::invalid_argument) << "nothing is to change";
    EXPECT_EQ(t.code(update(t, {}, "db")), ErrorCode::invalid_argument);
    const auto done = update(t, {"box"}, "db");
    EXPECT_EQ(t.code(done), ErrorCode::ok);
    EXPECT_EQ(t.items(done)[0].vm->name, "db");
    EXPECT_FALSE(t.vm("box"));
    EXPECT_EQ(t.vm("db")->id, id);
    EXPECT_EQ(t.published.back().kind, "vm.renamed");
    EXPECT_EQ(t.published.back().name, "db");
    EXPECT_EQ(t.published.back().reason, "it was box");
    EXPECT_EQ(t.code(update(t, {"db"}, "db")), ErrorCode::ok);
    EXPECT_EQ(t.count_events("vm.renamed"), 1u) << "it has that name already";
    restart_with(t, id);
    EXPECT_EQ(t.vm("db")->id, id);
    t.create("box");
    EXPECT_NE(t.obey("n", Verb::vm_create), id) << "the old name is free";
    t.act(Verb::remove, {"db"});
    EXPECT_EQ(t.obey("n", Verb::vm_remove, protocol::ContainerState::absent), id);
    EXPECT_FALSE(t.vm("db"));
}

TEST(BrokerUpdates, RenamesOnlyWhatNothingIsDoneTo) {
    BrokerHarness t;
    t.node_ready("n");
    t.create("box");
    EXPECT_EQ(t.code(update(t, {"box"}, "db")), ErrorCode::wrong_state) << "its create may have to be said again";
    EXPECT_EQ(t.code(extend(t, "box", Expiry::from_now, 60)), ErrorCode::ok);
    t.obey("n", Verb::vm_create);
    EXPECT_EQ(seconds_left(t, "box"), 60);
    t.act(Verb::stop, {"box"});
    EXPECT_EQ(t.code(update(t, {"box"}, "db")), ErrorCode::busy);
    EXPECT_EQ(t.code(update(t, {"box"}, "db", Expiry::never)), ErrorCode::busy);
    EXPECT_EQ(seconds_left(t, "box"), 60) << "as a whole or not at all";
}

TEST(BrokerUpdates, AreToldOfOneByOneAndNeverDoneTwice) {
    BrokerHarness t;
    t.node_ready("n");
    create_for(t, "box", 60);
    const auto body = encode(UpdateRequest{{"box", "bax"}, "", Expiry::later, 30});
    const auto id = t.send(Verb::update, body);
    ASSERT_EQ(t.items(id).size(), 2u);
    EXPECT_EQ(t.items(id)[0].code, ErrorCode::ok);
    EXPECT_EQ(t.items(id)[1].code, ErrorCode::not_found);
    t.send(Verb::update, body, id);
    EXPECT_EQ(seconds_left(t, "box"), 90) << "the repeat was answered from memory";
    KeyHarness keys;
    keys.node_ready("n");
    create_for(keys, "box", 60);
    keys.admit("ada", 'a', Role::user);
    const auto theirs = keys.ask('a', Verb::update, encode(UpdateRequest{{"local/box"}, "mine", Expiry::keep, 0}));
    EXPECT_EQ(keys.code_of('a', theirs), ErrorCode::not_found);
}

}  // namespace
}  // namespace mc::broker::test

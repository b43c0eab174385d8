#include <gtest/gtest.h>

#include "key_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::Role;

// Goal: who has no authorised key has nothing; who joins has what the token says, once; who is revoked has
// nothing from that moment on. Spec: docs/security.md, docs/protocol.md "join", "token_create", "revoke".

TEST(BrokerKeys, AnUnknownKeyIsRefused) {
    KeyHarness t;
    const auto id = t.ask('X', Verb::list, {});
    EXPECT_EQ(t.code_of('X', id), ErrorCode::not_authorised);
    for (const Side side : {Side::clients, Side::workers, Side::events}) {
        EXPECT_FALSE(t.core->may_connect(t.now, side, t.key('X')));
    }
    EXPECT_TRUE(t.core->topics_for(t.now, t.key('X')).empty());
}

// A token has both in it, and who makes one may be connected without a key.
TEST(BrokerKeys, OfTheBrokerIsToldWithWhereItTakesClients) {
    const auto hello_of = [](KeyHarness& t) {
        const auto id = t.ask('U', Verb::hello, encode(protocol::HelloRequest{"0.2.0"}));
        return *decode<protocol::HelloReply>(t.answer(id, t.client('U'))->body);
    };
    BrokerConfig config;
    config.key = *PublicKey::from_bytes(std::string(PublicKey::size, 'B'));
    config.endpoints.clients = "tcp://*:7710";
    KeyHarness with(config);
    with.admit("ada", 'U', Role::user);
    EXPECT_EQ(hello_of(with).key, config.key);
    EXPECT_EQ(hello_of(with).clients_endpoint, "tcp://*:7710");
    KeyHarness without;
    without.admit("ada", 'U', Role::user);
    EXPECT_FALSE(hello_of(without).key);
}

TEST(BrokerKeys, ConnectWhereTheirRoleHasBusiness) {
    KeyHarness t;
    t.admit_each_role();
    const auto sides = [&](char key) {
        std::string text;
        if (t.core->may_connect(t.now, Side::clients, t.key(key))) text += "clients ";
        if (t.core->may_connect(t.now, Side::workers, t.key(key))) text += "workers ";
        if (t.core->may_connect(t.now, Side::events, t.key(key))) text += "events ";
        return text;
    };
    EXPECT_EQ(sides('A'), "clients events ");
    EXPECT_EQ(sides('V'), "clients events ");
    EXPECT_EQ(sides('U'), "clients events ");
    EXPECT_EQ(sides('W'), "workers ");
    EXPECT_EQ(sides('T'), "clients ");
    using Topics = std::vector<std::string>;
    EXPECT_EQ(t.core->topics_for(t.now, t.key('U')), (Topics{"event/ada/", "beacon"}));
    EXPECT_EQ(t.core->topics_for(t.now, t.key('V')), (Topics{"events", "event/", "beacon"}));
    EXPECT_EQ(t.core->topics_for(t.now, t.key('A')), (Topics{"events", "event/", "beacon"}));
    EXPECT_EQ(t.core->topics_for(t.now, std::nullopt), (Topics{"events", "event/", "beacon"}));
    EXPECT_EQ(t.core->topics_for(t.now, t.key('W')), Topics{});
    EXPECT_EQ(t.core->topics_for(t.now, t.key('T')), Topics{});
}

TEST(BrokerKeys, FirstAdminIsMadeOnceOnly) {
    KeyHarness t;
    const auto is_admin = [&](char key) { return t.core->ensure_admin(t.now, t.key(key), "local").value(); };
    EXPECT_TRUE(is_admin('A'));
    EXPECT_TRUE(is_admin('A')) << "it is one";
    EXPECT_FALSE(is_admin('B')) << "there is one";
    t.advance(1s);
    t.restart();
    EXPECT_TRUE(t.core->may_connect(t.now, Side::clients, t.key('A'))) << "it is in the store";
    EXPECT_FALSE(t.core->may_connect(t.now, Side::clients, t.key('B')));
}

// Goal: a cloud that nobody could administer is not served.
TEST(BrokerKeys, FirstAdminIsNotMadeWhereNothingCanBeKept) {
    KeyHarness t;
    t.disk_full = true;
    EXPECT_TRUE(t.core->ensure_admin(t.now, t.key('A'), "local").value());
    t.advance(1s);
    ASSERT_TRUE(t.core->read_only());
    const auto again = t.core->ensure_admin(t.now, t.key('A'), "local");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::store_failed);
    EXPECT_EQ(again.error().message, "can't make the first admin's key: " + t.core->read_only_why());
    t.disk_full = false;
    t.advance(1s);
    EXPECT_TRUE(t.core->ensure_admin(t.now, t.key('A'), "local").value());
}

TEST(BrokerTokens, AdmitAsManyKeysAsTheySay) {
    KeyHarness t;
    ASSERT_EQ(t.token('T', Role::user, "", 2), ErrorCode::ok);
    EXPECT_EQ(t.join('T', 'a', "ada"), ErrorCode::ok);
    EXPECT_EQ(t.join('T', 'b', "bob"), ErrorCode::ok);
    EXPECT_EQ(t.join('T', 'c', "cyd"), ErrorCode::not_authorised);
    EXPECT_TRUE(t.core->may_connect(t.now, Side::clients, t.key('a')));
    EXPECT_FALSE(t.core->may_connect(t.now, Side::clients, t.key('c')));
}

TEST(BrokerTokens, AdmitTheSameKeyAgainWithoutAnotherUse) {
    KeyHarness t;
    ASSERT_EQ(t.token('T', Role::user, "ada"), ErrorCode::ok);
    EXPECT_EQ(t.join('T', 'a'), ErrorCode::ok);
    EXPECT_EQ(t.join('T', 'a'), ErrorCode::ok) << "the answer was lost";
    t.restart();
    EXPECT_EQ(t.join('T', 'a'), ErrorCode::ok) << "and the broker came back";
    EXPECT_EQ(t.join('T', 'b'), ErrorCode::not_authorised);
}

TEST(BrokerTokens, NeverAdmitAKeyThatWasRevoked) {
    KeyHarness t;
    ASSERT_EQ(t.token('T', Role::user, "", 5), ErrorCode::ok);
    ASSERT_EQ(t.join('T', 'a', "ada"), ErrorCode::ok);
    ASSERT_EQ(t.code(t.send(Verb::revoke, encode(protocol::RevokeRequest{{"ada"}}))), ErrorCode::ok);
    EXPECT_EQ(t.join('T', 'a', "ada"), ErrorCode::not_authorised) << "a repeat that comes late";
    EXPECT_FALSE(t.core->may_connect(t.now, Side::clients, t.key('a')));
}

TEST(BrokerTokens, Expire) {
    KeyHarness t;
    ASSERT_EQ(t.token('T', Role::user, "ada", 1, {}, 60), ErrorCode::ok);
    t.advance(59s);
    EXPECT_TRUE(t.core->may_connect(t.now, Side::clients, t.key('T')));
    t.advance(2s);
    EXPECT_FALSE(t.core->may_connect(t.now, Side::clients, t.key('T')));
    EXPECT_EQ(t.join('T', 'a'), ErrorCode::not_authorised);
}

TEST(BrokerTokens, DoNotGiveANameThatSomebodyHas) {
    KeyHarness t;
    t.node_ready("a");
    t.admit_with_vm("ada", 'a', "a");
    ASSERT_EQ(t.token('T', Role::user, "", 9), ErrorCode::ok);
    EXPECT_EQ(t.join('T', 'b', "ada"), ErrorCode::already_exists);
    EXPECT_EQ(t.join('T', 'b', "local"), ErrorCode::invalid_argument);
    EXPECT_EQ(t.join('T', 'b', t.key('A').fingerprint()), ErrorCode::invalid_argument)
        << "it could be revoked in the stead of that";
    EXPECT_EQ(t.join('T', 'b', "../etc"), ErrorCode::invalid_argument);
    EXPECT_EQ(t.join('T', 'b', ""), ErrorCode::invalid_argument);
    ASSERT_EQ(t.code(t.send(Verb::revoke, encode(protocol::RevokeRequest{{"ada"}}))), ErrorCode::ok);
    EXPECT_EQ(t.join('T', 'b', "ada"), ErrorCode::already_exists) << "ada's VM is still there";
    EXPECT_EQ(t.token('S', Role::user, "ada"), ErrorCode::ok) << "an admin may say that it is ada again";
    EXPECT_EQ(t.join('S', 'c'), ErrorCode::ok);
    EXPECT_EQ(t.list_as('c'), "ada/web ");
}

// Whoever has a name is told what was done under it.
TEST(BrokerTokens, DoNotGiveANameThatSomebodyHadAndOfWhichThereIsATrace) {
    KeyHarness t;
    t.node_ready("a");
    t.admit("ada", 'a', Role::user);
    t.admit("bob", 'c', Role::user);
    t.create_as('a', "web");
    t.obey("a", Verb::vm_create);
    t.act_as('a', Verb::remove, {"web"});
    t.obey("a", Verb::vm_remove, protocol::ContainerState::absent);
    ASSERT_EQ(t.list_as('a'), "");
    ASSERT_EQ(t.code(t.send(Verb::revoke, encode(protocol::RevokeRequest{{"ada", "bob"}}))), ErrorCode::ok);
    ASSERT_EQ(t.token('T', Role::user, "", 9), ErrorCode::ok);
    EXPECT_EQ(t.join('T', 'b', "ada"), ErrorCode::already_exists);
    EXPECT_EQ(t.join('T', 'b', "bob"), ErrorCode::ok) << "who did nothing has left nothing";
}

TEST(BrokerTokens, AreRefusedWithValuesOutOfRange) {
    KeyHarness t;
    EXPECT_EQ(t.token('T', Role::joiner), ErrorCode::invalid_argument);
    EXPECT_EQ(t.token('\0', Role::user), ErrorCode::invalid_argument) << "no key";
    EXPECT_EQ(t.token('T', Role::user, "", 0), ErrorCode::invalid_argument);
    EXPECT_EQ(t.token('T', Role::user, "", limits::token_uses_max + 1), ErrorCode::invalid_argument);
    EXPECT_EQ(t.token('T', Role::user, "", 1, {}, 0), ErrorCode::invalid_argument);
    EXPECT_EQ(t.token('T', Role::user, "", 1, {}, limits::token_ttl_seconds_max + 1), ErrorCode::invalid_argument);
    EXPECT_EQ(t.token('T', Role::user, "local"), ErrorCode::invalid_argument);
    EXPECT_EQ(t.token('T', Role::user, "ada", limits::token_uses_max, {}, limits::token_ttl_seconds_max),
              ErrorCode::ok);
    EXPECT_EQ(t.token('T', Role::user, "bob"), ErrorCode::already_exists) << "one key is one token";
    EXPECT_EQ(t.token('S', Role::admin, "ada"), ErrorCode::already_exists) << "ada is a user";
}

TEST(BrokerTokens, AreMadeOncePerRequest) {
    KeyHarness t;
    protocol::TokenCreateRequest request;
    request.key = t.key('T');
    request.role = Role::user;
    request.name = "ada";
    const auto id = t.send(Verb::token_create, encode(request));
    EXPECT_EQ(t.code(id), ErrorCode::ok);
    t.send(Verb::token_create, encode(request), id);
    EXPECT_EQ(t.code(id), ErrorCode::ok) << "a repeat has the outcome of the first";
    request.role = Role::admin;
    t.send(Verb::token_create, encode(request), id);
    EXPECT_EQ(t.code(id), ErrorCode::request_conflict);
}

TEST(BrokerRevoke, EndsWhatIsOpenAtOnce) {
    KeyHarness t;
    t.node_ready("a");
    t.admit_with_vm("ada", 'a', "a");
    const auto stream = t.ask('a', Verb::exec, encode(protocol::StreamRequest{"web", 65536}));
    const auto waits = t.act_as('a', Verb::stop, {"web"});
    ASSERT_FALSE(t.answer(waits, t.client('a')));
    const auto rebinds = t.rebinds;
    ASSERT_EQ(t.code(t.send(Verb::revoke, encode(protocol::RevokeRequest{{t.key('a').fingerprint()}}))), ErrorCode::ok);
    EXPECT_EQ(t.code_of('a', stream), ErrorCode::not_authorised);
    EXPECT_EQ(t.code_of('a', waits), ErrorCode::not_authorised);
    EXPECT_EQ(t.core->open().streams, 0u);
    EXPECT_EQ(t.core->open().waiters, 0u);
    EXPECT_EQ(t.rebinds, rebinds + 1);
    EXPECT_EQ(t.code_of('a', t.ask('a', Verb::list, {})), ErrorCode::not_authorised);
    EXPECT_TRUE(t.vm("ada/web")) << "the VM stays";
}

TEST(BrokerRevoke, NamesWhatItCanNotDo) {
    KeyHarness t;
    t.admit("boss", 'A', Role::admin);
    const auto revoke = [&](std::vector<std::string> targets) {
        return t.code_of('A', t.ask('A', Verb::revoke, encode(protocol::RevokeRequest{std::move(targets)})));
    };
    EXPECT_EQ(revoke({"nobody"}), ErrorCode::not_found);
    EXPECT_EQ(revoke({"boss"}), ErrorCode::invalid_argument) << "it would lock itself out";
    EXPECT_EQ(revoke({}), ErrorCode::invalid_argument) << "an empty list is not all";
    EXPECT_EQ(revoke({""}), ErrorCode::not_found);
}

TEST(BrokerRevoke, CutsAWorkerOff) {
    KeyHarness t;
    t.admit("node-a", 'W', Role::worker);
    t.keys["w:a"] = t.key('W');
    t.node_ready("a");
    ASSERT_EQ(t.core->shown("a")->state, protocol::NodeState::ready);
    ASSERT_EQ(t.code(t.send(Verb::revoke, encode(protocol::RevokeRequest{{"node-a"}}))), ErrorCode::ok);
    t.heartbeat("a");
    EXPECT_EQ(t.to_workers.back().message.header.code, ErrorCode::not_authorised);
    t.advance(5s);
    EXPECT_EQ(t.core->shown("a")->state, protocol::NodeState::silent);
    t.node_register("a");
    EXPECT_EQ(t.core->shown("a")->state, protocol::NodeState::silent);
}

// Goal: people's VMs and what is in their specifications go to the machine whose name they say. Issue 4.
TEST(BrokerRevoke, ANodesNameIsNotForAnotherKeyWhileItIsSilent) {
    KeyHarness t;
    t.admit("node-a", 'W', Role::worker);
    t.admit("node-m", 'M', Role::worker);
    t.keys["w:a"] = t.key('W');
    t.node_ready("a");
    t.advance(6s);
    ASSERT_EQ(t.core->shown("a")->state, protocol::NodeState::silent);
    t.keys["w:m"] = t.key('M');
    const auto registered = [&] {
        protocol::RegisterRequest request;
        request.name = "a";
        request.node = NodeId{999};
        request.boot = BootId{999};
        request.advertise = "192.0.2.1";
        t.from_worker("m", protocol::Kind::request, Verb::node_register, RequestId{1, 1}, encode(request));
        return t.to_workers.back().message.header.code;
    };
    EXPECT_EQ(registered(), ErrorCode::node_name_taken);
    ASSERT_EQ(t.code(t.send(Verb::forget, encode(protocol::NodeActionRequest{{"a"}, 0, false}))), ErrorCode::ok);
    EXPECT_EQ(registered(), ErrorCode::ok);
}

TEST(BrokerKeys, ExpireAsIfRevoked) {
    KeyHarness t;
    protocol::TokenCreateRequest request;
    request.key = t.key('T');
    request.role = Role::user;
    request.name = "ada";
    request.key_ttl_seconds = 100;
    ASSERT_EQ(t.code(t.send(Verb::token_create, encode(request))), ErrorCode::ok);
    ASSERT_EQ(t.join('T', 'a'), ErrorCode::ok);
    t.advance(99s);
    EXPECT_TRUE(t.core->may_connect(t.now, Side::clients, t.key('a')));
    const auto rebinds = t.rebinds;
    t.advance(3s);
    EXPECT_FALSE(t.core->may_connect(t.now, Side::clients, t.key('a')));
    EXPECT_EQ(t.rebinds, rebinds + 1);
}

TEST(BrokerKeys, AreListedInPages) {
    KeyHarness t;
    t.admit("ada", 'a', Role::user, {3, 4000, 1ULL << 30, 3600});
    t.token('T', Role::worker, "", 4);
    protocol::KeysRequest request;
    request.limit = 1;
    std::map<std::string, protocol::KeyView> seen;
    do {
        const auto reply = *decode<protocol::KeysReply>(t.answer(t.send(Verb::keys, encode(request)))->body);
        ASSERT_EQ(reply.keys.size(), 1u);
        seen[reply.keys[0].fingerprint] = reply.keys[0];
        request.after = reply.next;
    } while (!request.after.empty());
    ASSERT_EQ(seen.size(), 3u) << "ada's key, the token that it came with, and the other token";
    const auto ada = seen.at(t.key('a').fingerprint());
    EXPECT_EQ(ada.name, "ada");
    EXPECT_EQ(ada.role, Role::user);
    EXPECT_EQ(ada.quota, (protocol::Quota{3, 4000, 1ULL << 30, 3600}));
    const auto token = seen.at(t.key('T').fingerprint());
    EXPECT_EQ(token.role, Role::joiner);
    EXPECT_EQ(token.grants, Role::worker);
    EXPECT_EQ(token.uses_left, 4u);
    EXPECT_EQ(seen.at(ada.made_by).uses_left, 0u) << "used up";
}

// Where the broker keeps its state is nobody's business who does not see to it.
TEST(BrokerKeys, OfUsersAreNotToldOfTheBrokersDisk) {
    KeyHarness t;
    t.core->on_disk({5, 10});
    const auto told = [&](char letter) {
        const auto id = t.ask(letter, Verb::hello, encode(protocol::HelloRequest{"0.2.0"}));
        return *decode<protocol::HelloReply>(t.answer(id, t.client(letter))->body);
    };
    t.admit("ada", 'U', Role::user);
    t.admit("eve", 'V', Role::viewer);
    EXPECT_EQ(told('U').disk, DiskSpace());
    EXPECT_EQ(told('V').disk, (DiskSpace{5, 10}));
    EXPECT_EQ(told('U').verb_max, static_cast<std::uint16_t>(Verb::images));
}

}  // namespace
}  // namespace mc::broker::test

#include <algorithm>

#include <gtest/gtest.h>

#include "broker/core/records.hpp"
#include "key_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::Role;

// Goal: what is another's is not there: not in a list, not by its name or id, not in an event, and a guess at it
// is answered as one at nothing. Spec: docs/security.md "Owners".

/// ada (key a) and bob (key b), each with a VM `web`; boss (A) and eve (V, a viewer).
class Ownership : public testing::Test {
protected:
    Ownership() {
        t.node_ready("n", 100);
        t.admit("ada", 'a', Role::user);
        t.admit("bob", 'b', Role::user);
        t.admit("boss", 'A', Role::admin);
        t.admit("eve", 'V', Role::viewer);
        t.create_as('a', "web");
        ada_web = t.obey("n", Verb::vm_create);
        create_of_bob = t.create_as('b', "web");
        bob_web = t.obey("n", Verb::vm_create);
        t.create_as('b', "db");
        t.obey("n", Verb::vm_create);
    }

    KeyHarness t;
    VmId ada_web;
    VmId bob_web;
    RequestId create_of_bob;
};

TEST_F(Ownership, NamesArePerOwner) {
    EXPECT_EQ(t.list_as('a'), "ada/web ");
    EXPECT_EQ(t.list_as('b'), "bob/db bob/web ");
    EXPECT_EQ(t.list_as('A'), "ada/web bob/db bob/web ");
    EXPECT_EQ(t.list_as('V'), "ada/web bob/db bob/web ");
    EXPECT_EQ(t.code_of('a', t.create_as('a', "web")), ErrorCode::already_exists);
}

TEST_F(Ownership, ANameThatIsAnIdDoesNotTakeWhatIsMeantForThatVm) {
    t.create_as('b', ada_web.str());
    const VmId decoy = t.obey("n", Verb::vm_create);
    const auto shown = [&](char key) { return t.vm_as(key, ada_web.str())->id; };
    EXPECT_EQ(shown('A'), ada_web);
    EXPECT_EQ(shown('a'), ada_web);
    EXPECT_EQ(shown('b'), decoy) << "another's is not there: its own has the name";
}

TEST_F(Ownership, AnothersVmIsAnsweredLikeOneThatIsNotThere) {
    for (const std::string& target : {std::string("db"), std::string("bob/web"), bob_web.str()}) {
        std::string not_there = target;
        not_there.back() = not_there.back() == '0' ? '1' : '0';
        const auto same = [&](Verb verb, auto body) {
            auto there = body;
            auto missing = body;
            const auto ask = [&](auto& request, const std::string& name) {
                if constexpr (requires { request.target; }) {
                    request.target = name;
                } else {
                    request.targets = {name};
                }
                return t.ask('a', verb, encode(request));
            };
            const auto one = ask(there, target);
            const auto other = ask(missing, not_there);
            EXPECT_EQ(t.code_of('a', one), ErrorCode::not_found) << name_of(verb) << " " << target;
            EXPECT_EQ(t.code_of('a', other), ErrorCode::not_found) << name_of(verb) << " " << not_there;
            std::string told = t.sentence('a', other);
            const auto at = told.find(not_there);
            ASSERT_NE(at, std::string::npos) << told;
            EXPECT_EQ(t.sentence('a', one), told.replace(at, not_there.size(), target));
        };
        same(Verb::info, protocol::InfoRequest{});
        for (const Verb verb : {Verb::start, Verb::stop, Verb::restart, Verb::remove}) {
            same(verb, protocol::ActionRequest{});
        }
        for (const Verb verb : {Verb::exec, Verb::logs, Verb::tunnel}) same(verb, protocol::StreamRequest{});
    }
    EXPECT_EQ(t.list_as('b'), "bob/db bob/web ");
}

TEST_F(Ownership, AnothersRequestIsAnsweredLikeOneThatIsNotThere) {
    for (const Verb verb : {Verb::job, Verb::cancel}) {
        EXPECT_EQ(t.code_of('a', t.ask('a', verb, encode(protocol::JobRequest{create_of_bob}))), ErrorCode::not_found);
        EXPECT_EQ(t.code_of('a', t.ask('a', verb, encode(protocol::JobRequest{RequestId{9, 9}}))),
                  ErrorCode::not_found);
    }
    EXPECT_EQ(t.code_of('b', t.ask('b', Verb::job, encode(protocol::JobRequest{create_of_bob}))), ErrorCode::ok);
    const auto jobs = [&](char key) {
        const auto id = t.ask(key, Verb::jobs, {});
        return decode<protocol::JobsReply>(t.answer(id, t.client(key))->body)->jobs.size();
    };
    EXPECT_EQ(jobs('a'), 1u);
    EXPECT_EQ(jobs('b'), 2u);
    EXPECT_EQ(jobs('A'), 3u);
}

TEST_F(Ownership, ARequestIdOfAnotherIsNoWayToItsOutcome) {
    protocol::CreateRequest request;
    request.spec.name = "web";
    t.ask('a', Verb::create, encode(request), create_of_bob);
    EXPECT_EQ(t.code_of('a', create_of_bob), ErrorCode::request_conflict);
}

TEST_F(Ownership, AnAdminSaysWhose) {
    EXPECT_EQ(t.vm_as('A', "db")->owner, "bob") << "only one has it";
    EXPECT_EQ(t.vm_as('A', "ada/web")->id, ada_web);
    EXPECT_EQ(t.vm_as('V', "bob/web")->id, bob_web);
    EXPECT_EQ(t.vm_as('b', "bob/web")->id, bob_web) << "its own, in full";
    const auto id = t.ask('A', Verb::info, encode(protocol::InfoRequest{"web"}));
    EXPECT_EQ(t.code_of('A', id), ErrorCode::invalid_argument);
    EXPECT_NE(t.sentence('A', id).find("ada/web, bob/web"), std::string::npos) << t.sentence('A', id);
    t.create_as('A', "web");
    EXPECT_EQ(t.vm_as('A', "web")->owner, "boss") << "its own comes first";
}

TEST_F(Ownership, PagesGoOnWhereTheyEndedForEverybody) {
    for (const char key : {'b', 'A', 'V'}) {
        std::string seen;
        protocol::ListRequest request{"", 1};
        do {
            const auto id = t.ask(key, Verb::list, encode(request));
            const auto reply = *decode<protocol::ListReply>(t.answer(id, t.client(key))->body);
            ASSERT_EQ(reply.vms.size(), 1u);
            seen += reply.vms[0].owner + "/" + reply.vms[0].name + " ";
            request.after = reply.next;
        } while (!request.after.empty());
        EXPECT_EQ(seen, t.list_as(key));
    }
    const auto id = t.ask('a', Verb::list, encode(protocol::ListRequest{"bob/a", 10}));
    EXPECT_EQ(decode<protocol::ListReply>(t.answer(id, t.client('a'))->body)->vms.size(), 1u)
        << "its own, from the start";
}

TEST_F(Ownership, EventsOfOthersAreLeftOut) {
    const auto replay = [&](char key, std::uint64_t after, std::uint32_t limit) {
        const auto id = t.ask(key, Verb::events, encode(protocol::EventsRequest{EventSeq{after}, limit}));
        return *decode<protocol::EventsReply>(t.answer(id, t.client(key))->body);
    };
    const std::uint64_t last = t.published.back().seq.value;
    std::uint64_t after = 0;
    std::size_t seen = 0;
    for (int page = 0; page < 100 && after < last; ++page) {
        const auto reply = replay('a', after, 1);
        EXPECT_EQ(reply.last.value, last);
        ASSERT_GT(reply.through.value, after) << "a page gets on, also past what is not ada's";
        for (const auto& event : reply.events) {
            EXPECT_EQ(event.owner, "ada");
            EXPECT_LE(event.seq, reply.through);
            ++seen;
        }
        after = reply.through.value;
    }
    EXPECT_EQ(after, last);
    EXPECT_EQ(seen, 2u) << "creating, running";
    EXPECT_EQ(replay('A', 0, 1000).events, t.published);
    EXPECT_EQ(replay('A', 0, 1000).through.value, last);
    for (const auto& event : t.published) {
        EXPECT_EQ(protocol::topic_of(event.owner), "event/" + event.owner + "/");
        EXPECT_EQ(event.owner.empty(), !event.vm);
    }
}

// The simulator's seed 1 with identities: whoever had the VM was never told of the cleanup.
TEST_F(Ownership, WhatIsLeftOfAVmIsCleanedUpAsItsOwners) {
    t.act_as('a', Verb::remove, {"web"});
    t.obey("n", Verb::vm_remove, protocol::ContainerState::absent);
    t.restart();
    t.node_ready("n", 100);
    t.inventory("n", {KeyHarness::report(ada_web, protocol::ContainerState::running)});
    ASSERT_FALSE(t.published.empty());
    const protocol::Event& cleanup = t.published.back();
    EXPECT_EQ(cleanup.kind, protocol::event_kind::vm_cleanup);
    EXPECT_EQ(cleanup.owner + "/" + cleanup.name, "ada/web");
    const auto id = t.ask('a', Verb::events, encode(protocol::EventsRequest{EventSeq{cleanup.seq.value - 1}, 10}));
    EXPECT_EQ(decode<protocol::EventsReply>(t.answer(id, t.client('a'))->body)->events.size(), 1u);
}

TEST_F(Ownership, AStreamOfAnotherCanNotBeCancelled) {
    const auto stream = t.ask('b', Verb::exec, encode(protocol::StreamRequest{"db", 65536}));
    EXPECT_EQ(t.code_of('a', t.ask('a', Verb::cancel, encode(protocol::JobRequest{stream}))), ErrorCode::not_found);
    EXPECT_EQ(t.core->open().streams, 1u);
    EXPECT_EQ(t.code_of('A', t.ask('A', Verb::cancel, encode(protocol::JobRequest{stream}))), ErrorCode::ok);
    EXPECT_EQ(t.core->open().streams, 0u);
}

TEST(BrokerQuota, HoldsForVmsCpusMemoryAndTime) {
    KeyHarness t;
    t.node_ready("n", 100);
    t.admit("ada", 'a', Role::user, {2, 0, 0, 0});
    const auto id = t.create_as('a', "", 3);
    t.obey("n", Verb::vm_create);
    const auto waits = t.create_as('a', "four");
    EXPECT_EQ(t.code_of('a', waits), ErrorCode::quota_exceeded) << "what is being made counts";
    EXPECT_EQ(t.sentence('a', waits), "over your quota of VMs: 2 used, 1 asked for, 2 allowed");
    EXPECT_EQ(t.list_as('a'), "ada/vm-1 ada/vm-2 ");
    static_cast<void>(id);
    t.admit("bob", 'b', Role::user, {0, 1500, 600ULL << 20, 3600});
    const auto create = [&](std::uint32_t cpus, std::uint64_t memory, std::uint64_t ttl) {
        protocol::CreateRequest request;
        request.spec.cpus_milli = cpus;
        request.spec.memory_bytes = memory;
        request.spec.ttl_seconds = ttl;
        return t.ask('b', Verb::create, encode(request));
    };
    EXPECT_EQ(t.code_of('b', create(2000, 64ULL << 20, 60)), ErrorCode::quota_exceeded);
    EXPECT_EQ(t.code_of('b', create(100, 601ULL << 20, 60)), ErrorCode::quota_exceeded);
    EXPECT_EQ(t.code_of('b', create(100, 64ULL << 20, 3601)), ErrorCode::quota_exceeded);
    const auto one = create(0, 64ULL << 20, 0);
    t.obey("n", Verb::vm_create);
    EXPECT_EQ(t.code_of('b', one), ErrorCode::ok);
    EXPECT_EQ(t.vm_as('b', "vm-3")->expires.unix_ms, t.now.wall.unix_ms + 3600'000) << "the longest it may have";
    EXPECT_EQ(t.code_of('b', create(0, 64ULL << 20, 60)), ErrorCode::quota_exceeded) << "the default counts: one core";
}

TEST(BrokerQuota, ComesFromTheBrokerWhereTheTokenSaysNothing) {
    BrokerConfig config;
    config.quota.vms = 1;
    KeyHarness t(config);
    t.node_ready("n", 100);
    t.admit("ada", 'a', Role::user);
    t.admit("bob", 'b', Role::user, {2, 0, 0, 0});
    t.admit("boss", 'A', Role::admin);
    const auto made = [&](char key) {
        t.create_as(key, "", 3);
        const std::string names = t.list_as(key);
        return std::count(names.begin(), names.end(), ' ');
    };
    EXPECT_EQ(made('a'), 1);
    EXPECT_EQ(made('b'), 2);
    EXPECT_EQ(made('A'), 6) << "an admin has no quota, and sees all";
}

TEST(BrokerQuota, IsFreeAgainWhenAVmIsGone) {
    KeyHarness t;
    t.node_ready("n", 100);
    t.admit("ada", 'a', Role::user, {1, 0, 0, 0});
    t.create_as('a', "one");
    t.obey("n", Verb::vm_create);
    EXPECT_EQ(t.code_of('a', t.create_as('a', "two")), ErrorCode::quota_exceeded);
    t.act_as('a', Verb::remove, {"one"});
    EXPECT_EQ(t.code_of('a', t.create_as('a', "two")), ErrorCode::quota_exceeded) << "it is not gone yet";
    t.obey("n", Verb::vm_remove, protocol::ContainerState::absent);
    t.create_as('a', "two");
    t.obey("n", Verb::vm_create);
    EXPECT_EQ(t.list_as('a'), "ada/two ");
}

TEST(BrokerIdentity, ARoutingIdWithAnotherKeyIsAnotherConnection) {
    KeyHarness t;
    t.node_ready("n");
    t.admit("ada", 'a', Role::user);
    t.admit("bob", 'b', Role::user);
    t.keys["same"] = t.key('a');
    protocol::CreateRequest request;
    request.spec.name = "web";
    const auto create = t.send(Verb::create, encode(request), {}, "same");
    ASSERT_EQ(t.core->open().waiters, 1u);
    t.keys["same"] = t.key('b');
    const auto list = t.send(Verb::list, {}, {}, "same");
    EXPECT_EQ(t.answer(list, "same")->header.code, ErrorCode::not_authorised);
    EXPECT_EQ(t.core->open().waiters, 0u);
    t.obey("n", Verb::vm_create);
    EXPECT_FALSE(t.answer(create, "same")) << "ada's outcome is not for bob";
}

TEST(BrokerIdentity, AWorkersRoutingIdWithAnotherKeyIsAnotherConnection) {
    KeyHarness t;
    t.admit("node-a", 'W', Role::worker);
    t.admit("node-b", 'X', Role::worker);
    t.keys["w:a"] = t.key('W');
    t.node_ready("a");
    t.running("web", "a");
    // Somebody else's key on that connection: neither what it says counts, nor is it given what is for node a.
    t.keys["w:a"] = t.key('X');
    t.to_workers.clear();
    t.from_worker("a", protocol::Kind::notice, Verb::node_inventory, {},
                  encode(protocol::Inventory{t.nodes["a"].boot, {}, {}}));
    EXPECT_EQ(t.vm("web")->state, protocol::VmState::running) << "an empty inventory would have it deleted";
    t.send(Verb::restart, encode(protocol::ActionRequest{{"web"}, 10}));
    for (const auto& out : t.to_workers) EXPECT_NE(out.message.header.verb, Verb::vm_restart);
    t.node_register("a");
    EXPECT_EQ(t.to_workers.back().message.header.code, ErrorCode::not_authorised);
    // The node is there again for whom it is.
    t.keys["w:a"] = t.key('W');
    t.node_register("a");
    EXPECT_EQ(t.to_workers.front().message.header.code, ErrorCode::not_authorised);
    const auto registered = std::find_if(t.to_workers.begin(), t.to_workers.end(), [&](const Outgoing& out) {
        return out.message.header.id == t.nodes["a"].registration;
    });
    ASSERT_NE(registered, t.to_workers.end());
    EXPECT_EQ(registered->message.header.code, ErrorCode::ok);
}

TEST(BrokerIdentity, AWorkersKeyIsOneNodes) {
    KeyHarness t;
    t.admit("node-a", 'W', Role::worker);
    t.admit("node-b", 'X', Role::worker);
    t.keys["w:a"] = t.key('W');
    t.keys["w:b"] = t.key('X');
    t.node_ready("a");
    t.node_ready("b");
    ASSERT_TRUE(t.core->shown("b"));
    // b's worker says that it is a's node; and a's worker that it is a third one.
    t.nodes["b"].id = t.nodes["a"].id;
    t.node_register("b");
    EXPECT_EQ(t.to_workers.back().message.header.code, ErrorCode::not_authorised);
    t.nodes["a"].id = NodeId{999};
    t.node_register("a");
    EXPECT_EQ(t.to_workers.back().message.header.code, ErrorCode::not_authorised);
    t.restart();
    t.nodes["c"].id = t.nodes["b"].id;
    t.keys["w:c"] = t.key('X');
    t.node_register("c");
    EXPECT_EQ(t.to_workers.back().message.header.code, ErrorCode::not_authorised) << "also after a restart";
}

TEST(BrokerIdentity, AWorkerCanNotSpeakForAnotherNodesVm) {
    KeyHarness t;
    t.node_ready("a");
    t.node_ready("b");
    const VmId vm = t.running("web", "a");
    const auto stop = t.act(Verb::stop, {"web"});
    const auto order = t.order("a", Verb::vm_stop);
    ASSERT_TRUE(order);
    t.from_worker("b", Kind::reply, Verb::vm_stop, order->header.id,
                  encode(t.report(vm, protocol::ContainerState::exited)));
    EXPECT_FALSE(t.answer(stop)) << "the reply is not of the node that has the order";
    auto lie = t.report(vm, protocol::ContainerState::running);
    lie.ssh_port = 6666;
    lie.host_key = "ssh-ed25519 EVIL";
    t.inventory("b", {lie});
    EXPECT_EQ(t.vm("web")->ssh_port, 32768);
    EXPECT_EQ(t.vm("web")->host_key, "ssh-ed25519 AAAA");
    t.inventory("b", {});
    EXPECT_TRUE(t.vm("web")) << "nor is it gone because another node has it not";
}

TEST(BrokerStore, OfBeforeKeysIsRead) {
    KeyHarness t;
    t.node_ready("a");
    t.running("web", "a");
    const auto create = t.create("db");
    t.obey("a", Verb::vm_create);
    // As release 0.1.0 wrote them: shorter rows, no keys, no audit log.
    std::erase_if(t.store, [](const auto& row) {
        return row.first.first == static_cast<std::uint8_t>(Table::keys) ||
               row.first.first == static_cast<std::uint8_t>(Table::audit);
    });
    for (auto& [key, value] : t.store) {
        if (key.first == static_cast<std::uint8_t>(Table::requests)) {
            ASSERT_EQ(value[0], '\x9a') << "ten fields";
            value[0] = '\x98';
            value.resize(value.size() - 2);  // the key's fingerprint, empty, and that its rows lie by age
        }
    }
    // And by nothing but their ids.
    const auto rename = [&](Table table, std::size_t id_bytes) {
        const auto number = static_cast<std::uint8_t>(table);
        auto row = t.store.lower_bound({number, ""});
        ASSERT_TRUE(row != t.store.end() && row->first.first == number);
        while (row != t.store.end() && row->first.first == number) {
            const auto next = std::next(row);
            auto moved = t.store.extract(row);
            moved.key().second = moved.key().second.substr(moved.key().second.size() - id_bytes);
            t.store.insert(std::move(moved));
            row = next;
        }
    };
    rename(Table::requests, 16);
    rename(Table::request_items, 24);
    t.restart();
    EXPECT_EQ(t.vm("web")->owner, "local");
    EXPECT_EQ(t.vm("local/web")->name, "web");
    const auto outcome = [&] { return t.send(Verb::job, encode(protocol::JobRequest{create})); };
    EXPECT_EQ(t.code(outcome()), ErrorCode::ok);
    EXPECT_TRUE(decode<protocol::JobReply>(t.answer(outcome())->body)->job.done);
    t.admit("ada", 'a', Role::user);
    EXPECT_EQ(t.list_as('a'), "");
    t.now.instant = t.now.instant + std::chrono::hours(25);
    t.advance_alive(61s, {"a"});
    for (const auto& [key, value] : t.store) {
        EXPECT_NE(key.first, static_cast<std::uint8_t>(Table::requests));
        EXPECT_NE(key.first, static_cast<std::uint8_t>(Table::request_items));
    }
}

}  // namespace
}  // namespace mc::broker::test

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "key_harness.hpp"

namespace mc::broker::test {
namespace {

protocol::Bytes create_body(const std::string& name) {
    protocol::CreateRequest request;
    request.spec.name = name;
    return encode(request);
}

std::uint32_t advice(const BrokerHarness& t, RequestId id) {
    const auto answer = t.answer(id);
    const auto body = answer ? decode<protocol::ErrorBody>(answer->body) : fail(ErrorCode::internal, "");
    return body ? body->retry_after_ms : 0;
}

/// A request that ends at once: there is nothing to delete.
RequestId ended(BrokerHarness& t) {
    return t.act(Verb::remove, {"nobody"});
}

// Goal: a repeat never runs a second time because the broker has forgotten. Issue 3.
TEST(BrokerRequests, RefusesNewOnesRatherThanForgetYoungOutcomes) {
    BrokerHarness t{{.results_max = 3}};
    const RequestId first = ended(t);
    ended(t);
    ended(t);
    const RequestId fourth = ended(t);
    EXPECT_EQ(t.code(fourth), ErrorCode::busy);
    EXPECT_GT(advice(t, fourth), 0u);
    t.to_clients.clear();
    t.send(Verb::remove, encode(protocol::ActionRequest{{"nobody"}, 10}), first);
    EXPECT_EQ(t.code(first), ErrorCode::not_found) << "the outcome of before";

    t.now.instant = t.now.instant + std::chrono::hours(24) + 1s;
    t.send(Verb::remove, encode(protocol::ActionRequest{{"nobody"}, 10}), fourth);
    EXPECT_EQ(t.code(fourth), ErrorCode::not_found) << "there is room for it now";
}

RequestId in_vain(KeyHarness& t, char byte, std::size_t targets) {
    return t.act_as(byte, Verb::remove, std::vector<std::string>(targets, "nobody"));
}

// Goal: nobody can have all the others refused by asking for what ends at once. Issue 4.
TEST(BrokerRequests, OneUserHasATenthOfTheRoom) {
    KeyHarness t{{.results_max = 100}};
    t.admit("ada", 'a', protocol::Role::user);
    t.admit("bob", 'b', protocol::Role::user);
    EXPECT_EQ(t.code_of('a', in_vain(t, 'a', 9)), ErrorCode::not_found) << "results count, not requests";
    EXPECT_EQ(t.code_of('a', in_vain(t, 'a', 1)), ErrorCode::not_found);
    const RequestId over = in_vain(t, 'a', 1);
    EXPECT_EQ(t.code_of('a', over), ErrorCode::busy);
    EXPECT_EQ(t.sentence('a', over),
              "the broker remembers as many results of requests of ada as of one user, each for 24 hours; an admin can "
              "raise the broker's --requests-kept");
    EXPECT_EQ(t.code_of('b', in_vain(t, 'b', 10)), ErrorCode::not_found);

    t.restart();
    EXPECT_EQ(t.code_of('a', in_vain(t, 'a', 1)), ErrorCode::busy) << "counted over restarts";
    t.now.instant = t.now.instant + std::chrono::hours(24) + 1s;
    EXPECT_EQ(t.code_of('a', in_vain(t, 'a', 10)), ErrorCode::not_found) << "there is room again";
}

TEST(BrokerRequests, AVmsLabelsAreNotRememberedForWhoAskedInVain) {
    BrokerHarness t;
    t.node_ready("a");
    protocol::CreateRequest request;
    request.spec.name = "box";
    request.spec.labels = {{"a", std::string(255, 'x')}};
    t.send(Verb::create, encode(request));
    t.obey("a", Verb::vm_create);
    t.act(Verb::stop, {"box"});
    const RequestId in_vain = t.act(Verb::stop, {"box"});
    const auto items = decode<protocol::ItemsReply>(t.answer(in_vain)->body)->items;
    EXPECT_EQ(items.at(0).code, ErrorCode::busy);
    ASSERT_TRUE(items.at(0).vm);
    EXPECT_EQ(items.at(0).vm->labels.size(), 0u);
    ASSERT_TRUE(t.vm("box"));
    EXPECT_EQ(t.vm("box")->labels.size(), 1u);
}

TEST(BrokerRequests, TheLastRoomIsTheAdmins) {
    KeyHarness t{{.results_max = 100}};
    t.admit("ada", 'a', protocol::Role::user);  // a result: the token's
    const auto local = [&](std::size_t targets) {
        return t.code(t.act(Verb::remove, std::vector<std::string>(targets, "nobody")));
    };
    EXPECT_EQ(local(89), ErrorCode::not_found);
    const RequestId over = in_vain(t, 'a', 1);
    EXPECT_EQ(t.code_of('a', over), ErrorCode::busy);
    EXPECT_EQ(t.sentence('a', over),
              "the broker remembers as many results of requests as it may, each for 24 hours; an admin can raise the "
              "broker's --requests-kept");
    EXPECT_EQ(t.code(t.send(Verb::revoke, encode(protocol::RevokeRequest{{"ada"}}))), ErrorCode::ok);
    EXPECT_EQ(local(9), ErrorCode::not_found);
    EXPECT_EQ(local(1), ErrorCode::busy);
}

TEST(BrokerRequests, AClockThatJumpsMakesNothingForgotten) {
    BrokerHarness t;
    const RequestId id = ended(t);
    t.now.wall.unix_ms += milliseconds(std::chrono::hours(25)).count();
    t.advance(2min);
    EXPECT_EQ(t.code(t.send(Verb::job, encode(protocol::JobRequest{id}))), ErrorCode::ok);
    t.restart();
    t.advance(2min);
    EXPECT_EQ(t.code(t.send(Verb::job, encode(protocol::JobRequest{id}))), ErrorCode::ok);
    t.now.wall.unix_ms -= milliseconds(std::chrono::hours(50)).count();
    t.now.instant = t.now.instant + std::chrono::hours(25);
    t.advance(2min);
    EXPECT_EQ(t.code(t.send(Verb::job, encode(protocol::JobRequest{id}))), ErrorCode::not_found);
}

TEST(BrokerRequests, AgeIsCountedOnOverRestarts) {
    BrokerHarness t;
    const RequestId id = ended(t);
    for (int i = 0; i < 5; ++i) {
        t.now.instant = t.now.instant + std::chrono::hours(5);
        t.advance(1s);
        EXPECT_EQ(t.code(t.send(Verb::job, encode(protocol::JobRequest{id}))),
                  i < 4 ? ErrorCode::ok : ErrorCode::not_found);
        t.restart();
    }
}

TEST(BrokerRequests, OneConnectionWaitsForABoundedNumber) {
    BrokerHarness t{{.requests_per_client_max = 2}};
    t.node_ready("a", 20);
    t.create();
    const RequestId second = t.create();
    const RequestId third = t.create();
    EXPECT_EQ(t.code(third), ErrorCode::busy);
    EXPECT_GT(advice(t, third), 0u);
    const RequestId other = t.send(Verb::create, create_body("x"), {}, "another");
    EXPECT_TRUE(t.answer(other, "another", Kind::progress)) << "others are not concerned";
    t.send(Verb::create, encode(protocol::CreateRequest{}), second);  // a repeat is not one more
    t.obey("a", Verb::vm_create);                                     // that of the other
    t.core->on_client_gone(t.now, PeerId{"c"});
    EXPECT_TRUE(t.answer(t.create(), "c", Kind::progress)) << "who waits no more is not counted";
}

TEST(BrokerRequests, ManyConnectionsMayRepeatOneRequest) {
    BrokerHarness t;
    t.node_ready("a");
    const RequestId id = t.send(Verb::create, create_body("box"), {}, "c0");
    for (int i = 1; i <= 20; ++i) t.send(Verb::create, create_body("box"), id, "c" + std::to_string(i));
    t.obey("a", Verb::vm_create);
    EXPECT_TRUE(t.answer(id, "c20"));
    EXPECT_FALSE(t.answer(id, "c0")) << "16 wait, the newest";
}

TEST(BrokerPressure, AConnectionThatIsBehindIsToldSo) {
    BrokerHarness t;
    protocol::Header header;
    header.verb = Verb::list;
    header.id = RequestId{9, 9};
    auto frames = protocol::to_frames({header, encode(protocol::ListRequest{}), {}});
    t.core->on_client_frames(t.now, Caller{PeerId{"slow"}, {}}, frames, true);
    const Effects effects = t.core->take_effects();
    ASSERT_EQ(effects.to_clients.size(), 1u);
    EXPECT_EQ(effects.to_clients[0].message.header.code, ErrorCode::busy);
}

TEST(BrokerPressure, SaysWhetherWhatItWouldTellMustBeCommittedFirst) {
    BrokerHarness t;
    t.node_ready("a");
    protocol::Header header;
    const auto take = [&](Verb verb, const protocol::Bytes& body) {
        header.verb = verb;
        header.id = RequestId{9, header.id.low + 1};
        auto frames = protocol::to_frames({header, body, {}});
        t.core->on_client_frames(t.now, Caller{PeerId{"c"}, {}}, frames);
    };
    EXPECT_FALSE(t.core->has_changes());
    take(Verb::list, encode(protocol::ListRequest{}));
    EXPECT_FALSE(t.core->has_changes()) << "an answer alone";
    take(Verb::create, create_body("box"));
    EXPECT_TRUE(t.core->has_changes());
    static_cast<void>(t.core->take_effects());
    EXPECT_FALSE(t.core->has_changes());
}

TEST(BrokerPressure, CountsTheBytesOfATurn) {
    BrokerHarness t;
    EXPECT_EQ(t.core->output_bytes(), 0u);
    protocol::Header header;
    header.verb = Verb::hello;
    header.id = RequestId{9, 9};
    for (int i = 1; i <= 3; ++i) {
        auto frames = protocol::to_frames({header, encode(protocol::HelloRequest{}), {}});
        t.core->on_client_frames(t.now, Caller{PeerId{"c"}, {}}, frames);
    }
    const std::size_t bytes = t.core->output_bytes();
    EXPECT_GT(bytes, 3 * limits::header_bytes);
    std::size_t counted = 0;
    for (const auto& out : t.core->take_effects().to_clients) {
        counted += limits::header_bytes + out.message.body.size() + out.message.data.size();
    }
    EXPECT_EQ(bytes, counted);
    EXPECT_EQ(t.core->output_bytes(), 0u);
}

// Goal: a worker that is busy has not failed the create; nothing happened there.
TEST(BrokerPressure, KeepsAnOrderThatItsWorkerIsTooBusyFor) {
    BrokerHarness t;
    t.node_ready("a");
    const RequestId id = t.create("box");
    const auto order = t.order("a", Verb::vm_create);
    t.from_worker("a", Kind::reply, Verb::vm_create, order->header.id, encode(protocol::ErrorBody{"full", 5000}),
                  ErrorCode::busy);
    EXPECT_FALSE(t.answer(id));
    t.advance_alive(4s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_create), 1u) << "not before it was told to";
    t.advance_alive(2s, {"a"});
    EXPECT_EQ(t.orders("a", Verb::vm_create), 2u);
    t.obey("a", Verb::vm_create);
    EXPECT_EQ(t.code(id), ErrorCode::ok);
}

TEST(BrokerStop, SaysSoToEverybody) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    const RequestId stream = t.send(Verb::exec, encode(protocol::StreamRequest{"box"}), {}, "c", 0, "x");
    const RequestId waiting = t.create("other");
    t.core->stop(t.now);
    const Effects effects = t.core->take_effects();
    EXPECT_EQ(effects.events.back().kind, "broker.stopping");
    bool ended_stream = false;
    bool told = false;
    for (const auto& out : effects.to_clients) {
        const auto& header = out.message.header;
        ended_stream = ended_stream || (header.id == stream && header.kind == Kind::reply);
        told = told || (header.id == waiting && header.kind == Kind::progress &&
                        decode<protocol::Progress>(out.message.body)->stage == "stopping");
    }
    EXPECT_TRUE(ended_stream);
    EXPECT_TRUE(told);
    EXPECT_FALSE(effects.changes.empty()) << "the event is in the log";
}

// Spec: ADR 23.
TEST(BrokerStreams, OfOneUserLeaveOthersTheirs) {
    KeyHarness t{{.streams_per_owner_max = 2}};
    t.node_ready("n");
    t.admit_with_vm("ada", 'a', "n");
    t.admit_with_vm("bob", 'b', "n");
    const auto is_refused = [&](char who) {
        const auto id = t.ask(who, Verb::exec, encode(protocol::StreamRequest{"web", 65536}));
        return t.code_of(who, id) == ErrorCode::busy;
    };
    for (int i = 0; i < 2; ++i) {
        EXPECT_FALSE(is_refused('a'));
        EXPECT_FALSE(is_refused('a'));
        EXPECT_TRUE(is_refused('a'));
        EXPECT_FALSE(is_refused('b'));
        t.core->on_client_gone(t.now, PeerId{t.client('a')});
    }
    EXPECT_FALSE(is_refused('a'));
    EXPECT_TRUE(is_refused('b'));
}

}  // namespace
}  // namespace mc::broker::test

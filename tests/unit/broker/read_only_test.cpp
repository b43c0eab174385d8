#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::ContainerState;
using ::testing::HasSubstr;

/// One VM that runs, and a disk that takes nothing more.
struct FullDisk {
    BrokerHarness t;
    VmId box;
    Epoch epoch;

    FullDisk() {
        t.node_ready("a");
        box = t.running("box", "a");
        epoch = t.core->epoch();
        t.disk_full = true;
        t.create("lost");  // this is the turn whose commit fails
    }

    void expect_refused(RequestId id, const std::string& what) {
        const auto answer = t.answer(id);
        ASSERT_TRUE(answer) << what;
        EXPECT_EQ(answer->header.code, ErrorCode::store_failed) << what;
        const auto body = decode<protocol::ErrorBody>(answer->body);
        ASSERT_TRUE(body);
        EXPECT_THAT(body->message, HasSubstr("the disk is full")) << what;
        EXPECT_GT(body->retry_after_ms, 0u) << what;
    }

    void expect_warned(RequestId id, const std::string& what) {
        const auto answer = t.answer(id);
        ASSERT_TRUE(answer) << what;
        EXPECT_EQ(answer->header.code, ErrorCode::ok) << what;
        EXPECT_EQ(answer->header.value, protocol::reply_value::warning) << what;
        EXPECT_THAT(answer->data, HasSubstr("the disk is full")) << what;
    }
};

// Goal: what could not be committed is neither acknowledged nor ordered nor published.
TEST(ReadOnlyBroker, TellsNothingOfTheTurnThatFailed) {
    FullDisk f;
    const auto orders = f.t.orders("a", Verb::vm_create);
    EXPECT_EQ(orders, 1u) << "that of box";
    EXPECT_EQ(f.t.count_events("vm.creating"), 1u);
    EXPECT_TRUE(f.t.core->read_only());
    EXPECT_FALSE(f.t.vm("lost"));
    EXPECT_EQ(f.t.vm("box")->state, VmState::running);
    EXPECT_EQ(f.t.core->epoch(), f.epoch) << "an epoch that is not in the store must not be seen";
}

TEST(ReadOnlyBroker, AnswersWhatOnlyReadsAndSaysWhyItDoesNoMore) {
    FullDisk f;
    f.expect_warned(f.t.send(Verb::hello, encode(protocol::HelloRequest{})), "hello");
    f.expect_warned(f.t.send(Verb::list, encode(protocol::ListRequest{})), "list");
    f.expect_warned(f.t.send(Verb::info, encode(protocol::InfoRequest{"box"})), "info");
    f.expect_warned(f.t.send(Verb::usage, encode(protocol::ListRequest{})), "usage");
    f.expect_warned(f.t.send(Verb::nodes, {}), "nodes");
    f.expect_warned(f.t.send(Verb::events, encode(protocol::EventsRequest{})), "events");
    f.expect_warned(f.t.send(Verb::beacon, {}), "beacon");
    f.expect_warned(f.t.send(Verb::job, encode(protocol::JobRequest{RequestId{7, 1}})), "job");
    f.expect_warned(f.t.send(Verb::jobs, {}), "jobs");
}

TEST(ReadOnlyBroker, RefusesEveryOtherVerb) {
    FullDisk f;
    f.expect_refused(f.t.create("other"), "create");
    for (const Verb verb : {Verb::start, Verb::stop, Verb::restart, Verb::remove}) {
        f.expect_refused(f.t.act(verb, {"box"}), std::string(name_of(verb)));
    }
    for (const Verb verb : {Verb::exec, Verb::logs, Verb::tunnel}) {
        f.expect_refused(f.t.send(verb, encode(protocol::StreamRequest{"box"}), {}, "c", 0, "x"),
                         std::string(name_of(verb)));
    }
    f.expect_refused(f.t.send(Verb::cancel, encode(protocol::JobRequest{RequestId{7, 1}})), "cancel");
}

TEST(ReadOnlyBroker, ChangesPublishesAndOrdersNothingHoweverLong) {
    FullDisk f;
    const auto store = f.t.store;
    const auto events = f.t.published.size();
    const auto orders = f.t.to_workers.size();
    const auto beacons = f.t.beacons;
    f.t.advance(60s);  // its node would be silent by now
    f.t.heartbeat("a");
    f.t.inventory("a", {});
    EXPECT_EQ(f.t.store, store);
    EXPECT_EQ(f.t.published.size(), events);
    EXPECT_EQ(f.t.to_workers.size(), orders);
    EXPECT_GE(f.t.beacons, beacons + 59) << "watchers are to know that the broker lives";
    EXPECT_EQ(f.t.vm("box")->state, VmState::running);
}

TEST(ReadOnlyBroker, TellsWorkersToRegisterAgainSoon) {
    FullDisk f;
    f.t.to_workers.clear();
    f.t.node_register("a");
    ASSERT_EQ(f.t.to_workers.size(), 1u);
    const auto& header = f.t.to_workers[0].message.header;
    EXPECT_EQ(header.kind, Kind::reply);
    EXPECT_EQ(header.code, ErrorCode::store_failed);
    const auto body = decode<protocol::ErrorBody>(f.t.to_workers[0].message.body);
    EXPECT_GT(body->retry_after_ms, 0u);
    EXPECT_LE(body->retry_after_ms, 1000u);
}

// Goal: "nothing happened" is never said of a request that was accepted.
TEST(ReadOnlyBroker, StillAnswersTheRepeatOfAnAcceptedRequest) {
    BrokerHarness t;
    t.node_ready("a");
    protocol::CreateRequest create;
    create.spec.name = "done";
    const RequestId done = t.send(Verb::create, encode(create));
    t.obey("a", Verb::vm_create);
    create.spec.name = "open";
    const RequestId open = t.send(Verb::create, encode(create));
    t.disk_full = true;
    t.create("lost");
    ASSERT_TRUE(t.core->read_only());
    t.to_clients.clear();

    t.send(Verb::create, encode(create), open);
    EXPECT_FALSE(t.answer(open));
    EXPECT_TRUE(t.answer(open, "c", Kind::progress));
    create.spec.name = "done";
    t.send(Verb::create, encode(create), done);
    EXPECT_EQ(t.code(done), ErrorCode::ok);
    create.spec.name = "else";
    t.send(Verb::create, encode(create), done);
    EXPECT_EQ(t.code(done), ErrorCode::request_conflict);
}

TEST(ReadOnlyBroker, GoesOnAsAfterARestartWhenThereIsRoom) {
    FullDisk f;
    f.t.advance(10s);
    f.t.disk_full = false;
    f.t.advance(2s);
    EXPECT_FALSE(f.t.core->read_only());
    EXPECT_EQ(f.t.core->epoch().value, f.epoch.value + 1);
    EXPECT_EQ(f.t.count_events("broker.started"), 2u);
    f.t.node_register("a");
    f.t.inventory("a", {BrokerHarness::report(f.box, ContainerState::running)});
    const auto id = f.t.create("after");
    f.t.obey("a", Verb::vm_create);
    EXPECT_EQ(f.t.code(id), ErrorCode::ok);
    EXPECT_EQ(f.t.answer(id)->header.value, protocol::reply_value::own);
    f.t.restart();
    EXPECT_TRUE(f.t.vm("after"));
    EXPECT_FALSE(f.t.vm("lost"));
}

// Goal: the disk is tried by writing, so that the broker does not come and go at a disk with no room.
TEST(ReadOnlyBroker, LeavesNothingBehindOfItsTries) {
    FullDisk f;
    f.t.disk_full = false;
    f.t.advance(2s);
    for (const auto& [key, value] : f.t.store) EXPECT_NE(key.first, static_cast<std::uint8_t>(Table::probe));
    f.t.store[{static_cast<std::uint8_t>(Table::probe), ""}] = "killed in between";
    f.t.restart();
    EXPECT_TRUE(f.t.vm("box"));
}

// Goal: a disk that takes a try and not the start is no reason to read a whole store each second.
TEST(ReadOnlyBroker, ReadsTheStoreRarelyWhenItCantStartFromIt) {
    FullDisk f;
    f.t.takes_probes = true;
    const std::size_t before = f.t.loads;
    f.t.advance(59s);
    EXPECT_TRUE(f.t.core->read_only());
    EXPECT_EQ(f.t.loads, before + 2);
    f.t.disk_full = false;
    f.t.advance(31s);
    EXPECT_FALSE(f.t.core->read_only());
}

TEST(ReadOnlyBroker, StartsReadOnlyWhenTheStoreCanOnlyBeRead) {
    FullDisk f;
    f.t.restart();
    EXPECT_TRUE(f.t.core->read_only());
    f.expect_warned(f.t.send(Verb::list, encode(protocol::ListRequest{})), "list");
    f.expect_refused(f.t.create(), "create");
    f.t.disk_full = false;
    f.t.advance(2s);
    EXPECT_FALSE(f.t.core->read_only());
}

TEST(ReadOnlyBroker, EndsStreamsAtBothEnds) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    const auto id = t.send(Verb::exec, encode(protocol::StreamRequest{"box"}), {}, "c", 0, "x");
    t.disk_full = true;
    t.create("lost");
    ASSERT_TRUE(t.core->read_only());
    EXPECT_EQ(t.code(id), ErrorCode::cancelled);
    EXPECT_TRUE(t.order("a", Verb::job_cancel));
}

TEST(ReadOnlyBroker, TellsWhoWaitsToAskAgainBothTimesTheCoreChanges) {
    BrokerHarness t;
    t.node_ready("a");
    protocol::CreateRequest create;
    create.spec.name = "open";
    const RequestId open = t.send(Verb::create, encode(create));
    const auto told = [&] {
        const auto progress = t.answer(open, "c", Kind::progress);
        return progress ? decode<protocol::Progress>(progress->body)->stage : "nothing";
    };
    t.disk_full = true;
    const auto lost = t.create("lost");
    ASSERT_TRUE(t.core->read_only());
    EXPECT_EQ(told(), "stopping");
    EXPECT_FALSE(t.answer(lost, "c", Kind::progress)) << "it was never accepted";

    t.send(Verb::create, encode(create), open);
    EXPECT_NE(told(), "stopping");
    t.disk_full = false;
    t.advance(1s);
    ASSERT_FALSE(t.core->read_only());
    EXPECT_EQ(told(), "stopping");
}

// Goal: of what may never have been committed no outcome is told. ADR 10.
TEST(ReadOnlyBroker, SaysNoOutcomeWhenTheStoreCantBeReadEither) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.disk_full = t.unreadable = true;
    protocol::CreateRequest create;
    create.spec.name = "doubtful";
    const auto id = t.send(Verb::create, encode(create));
    ASSERT_TRUE(t.core->read_only());
    t.send(Verb::create, encode(create), id);
    EXPECT_EQ(t.code(id), ErrorCode::deadline_exceeded);
    EXPECT_EQ(t.code(t.send(Verb::events, encode(protocol::EventsRequest{}))), ErrorCode::store_failed);
    EXPECT_EQ(t.code(t.send(Verb::list, encode(protocol::ListRequest{}))), ErrorCode::ok);
    const auto beacons = t.beacons;
    t.advance(3s);
    EXPECT_EQ(t.beacons, beacons);

    t.disk_full = t.unreadable = false;
    t.advance(40s);
    EXPECT_FALSE(t.core->read_only());
    EXPECT_FALSE(t.vm("doubtful"));
    EXPECT_TRUE(t.vm("box"));
}

TEST(ReadOnlyBroker, DoesNotStartFromWhatItCantRead) {
    BrokerHarness t;
    t.unreadable = true;
    EXPECT_THROW(t.restart(), std::runtime_error);
    t.unreadable = false;
    t.store.erase({static_cast<std::uint8_t>(Table::meta), ""});
    EXPECT_THROW(t.restart(), std::runtime_error) << "rows, but no record of the cloud: it would be another one";
}

}  // namespace
}  // namespace mc::broker::test

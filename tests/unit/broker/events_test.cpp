#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/core/topics.hpp"
#include "broker_harness.hpp"

namespace mc::broker::test {
namespace {

protocol::EventsReply replay(BrokerHarness& t, std::uint64_t after, std::uint32_t limit = 1000) {
    const auto id = t.send(Verb::events, encode(protocol::EventsRequest{EventSeq{after}, limit}));
    return *decode<protocol::EventsReply>(t.answer(id)->body);
}

TEST(GrantedTopics, AreWhatIsWantedAndAllowed) {
    using Topics = std::vector<std::string>;
    const Topics user{"event/ada/", "beacon"};
    EXPECT_EQ(granted_topics("", user), user);
    EXPECT_EQ(granted_topics("event", user), Topics{"event/ada/"});
    EXPECT_EQ(granted_topics("event/", user), Topics{"event/ada/"});
    EXPECT_EQ(granted_topics("event/ada/", user), Topics{"event/ada/"});
    EXPECT_EQ(granted_topics("event/bob/", user), Topics{});
    EXPECT_EQ(granted_topics("event/a", user), Topics{"event/ada/"});
    const Topics admin{"events", "event/", "beacon"};
    EXPECT_EQ(granted_topics("", admin), (Topics{"events", "beacon"})) << "each event once";
    EXPECT_EQ(granted_topics("event", admin), Topics{"events"});
    EXPECT_EQ(granted_topics("event/", admin), Topics{"event/"});
    EXPECT_EQ(granted_topics("event/bob/", admin), Topics{"event/bob/"});
    EXPECT_EQ(granted_topics("", {}), Topics{});
}

TEST(BrokerEvents, AreNumberedWithoutAHoleAcrossRestarts) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    t.restart();
    t.node_ready("a");
    for (std::size_t i = 0; i < t.published.size(); ++i) EXPECT_EQ(t.published[i].seq.value, i + 1);
    EXPECT_EQ(replay(t, 0).events, t.published);
}

TEST(BrokerEvents, TellTheLifeOfAVm) {
    BrokerHarness t;
    t.node_ready("a");
    const auto id = t.create("box");
    t.obey("a", Verb::vm_create);
    t.act(Verb::remove, {"box"});
    t.obey("a", Verb::vm_remove, protocol::ContainerState::absent);
    std::vector<std::string> kinds;
    for (const auto& event : t.published) {
        if (event.vm) kinds.push_back(event.kind);
    }
    EXPECT_THAT(kinds, testing::ElementsAre("vm.creating", "vm.running", "vm.deleting", "vm.deleted"));
    EXPECT_EQ(t.published[3].request, id);
    EXPECT_EQ(t.published[3].node, "a");
}

TEST(BrokerEvents, AreReplayedInPages) {
    BrokerHarness t;
    t.node_ready("a");
    t.running("box", "a");
    const auto last = t.published.size();
    const auto first = replay(t, 0, 2);
    ASSERT_EQ(first.events.size(), 2u);
    EXPECT_EQ(first.last.value, last);
    EXPECT_EQ(replay(t, 2, 2).events[0].seq.value, 3u);
    EXPECT_TRUE(replay(t, last).events.empty());
    EXPECT_TRUE(replay(t, last + 100).events.empty());
}

TEST(BrokerEvents, TellWhichAreNoLongerKept) {
    BrokerConfig config;
    config.events_kept_max = 3;
    BrokerHarness t(config);
    for (const auto* name : {"a", "b", "c", "d"}) t.node_ready(name);
    const auto last = t.published.size();
    const auto kept = replay(t, 1);
    EXPECT_EQ(kept.first_kept.value, last - 2);
    EXPECT_EQ(kept.events.size(), 3u);
    std::size_t stored = 0;
    for (const auto& [key, value] : t.store) stored += key.first == static_cast<std::uint8_t>(Table::events);
    EXPECT_EQ(stored, 3u);
}

TEST(BrokerEvents, PageFitsOneFrame) {
    BrokerHarness t;
    t.node_ready("a");
    for (int i = 0; i < 1200; ++i) {
        t.create("box");
        t.disobey("a", Verb::vm_create, ErrorCode::engine_failed, std::string(1000, 'x'));
    }
    const auto id = t.send(Verb::events, encode(protocol::EventsRequest{EventSeq{0}, 1000}));
    EXPECT_LE(t.answer(id)->body.size(), limits::message_bytes_max);
    std::uint64_t seen = 0;
    while (seen < t.published.size()) {
        const auto page = replay(t, seen);
        ASSERT_FALSE(page.events.empty());
        ASSERT_EQ(page.events.front().seq.value, seen + 1);
        seen = page.events.back().seq.value;
    }
}

TEST(BrokerEvents, BeaconComesWhenAsked) {
    BrokerHarness t;
    t.advance(1s);
    protocol::Header header;
    header.verb = Verb::beacon;
    header.id = RequestId{1, 2};
    auto frames = protocol::to_frames({header, {}, {}});
    t.core->on_client_frames(t.now, Caller{PeerId{"c"}, {}}, frames);
    EXPECT_TRUE(t.core->take_effects().beacon);
}

TEST(BrokerList, ComesInPagesByName) {
    BrokerHarness t;
    t.node_ready("a", 100);
    for (int i = 0; i < 5; ++i) t.create("n" + std::to_string(i));
    const auto page = [&](const std::string& after, std::uint32_t limit) {
        const auto id = t.send(Verb::list, encode(protocol::ListRequest{after, limit}));
        return *decode<protocol::ListReply>(t.answer(id)->body);
    };
    const auto first = page("", 2);
    ASSERT_EQ(first.vms.size(), 2u);
    EXPECT_EQ(first.next, "local/n1");
    EXPECT_EQ(page(first.next, 2).vms[0].name, "n2");
    EXPECT_EQ(page("n1", 2).vms[0].name, "n2") << "its own, as an older client says it";
    EXPECT_EQ(page("n3", 2).vms.size(), 1u);
    EXPECT_EQ(page("n3", 2).next, "");
}

TEST(BrokerBadMessages, AreAnsweredAndChangeNothing) {
    BrokerHarness t;
    t.node_ready("a");
    const auto stored = t.store;
    const auto throw_at_it = [&](std::vector<std::string> frames) {
        t.core->on_client_frames(t.now, Caller{PeerId{"c"}, {}}, frames);
        const Effects effects = t.core->take_effects();
        EXPECT_TRUE(effects.changes.empty());
        return effects.to_clients.empty() ? ErrorCode::ok : effects.to_clients[0].message.header.code;
    };
    EXPECT_EQ(throw_at_it({}), ErrorCode::bad_message);
    EXPECT_EQ(throw_at_it({"", ""}), ErrorCode::bad_message);
    EXPECT_EQ(throw_at_it({std::string(32, 'x'), ""}), ErrorCode::bad_message);
    protocol::Header header;
    header.id = RequestId{3, 3};
    header.verb = Verb::create;
    const auto good = protocol::encode_header(header);
    EXPECT_EQ(throw_at_it({good, "garbage"}), ErrorCode::bad_message);
    EXPECT_EQ(throw_at_it({good, "", "", ""}), ErrorCode::bad_message);
    EXPECT_EQ(throw_at_it({good, std::string(2 << 20, 'x')}), ErrorCode::too_large);
    auto old = good;
    old[2] = 9;
    EXPECT_EQ(throw_at_it({old, ""}), ErrorCode::unsupported_version);
    header.verb = Verb::node_register;
    EXPECT_EQ(throw_at_it({protocol::encode_header(header), ""}), ErrorCode::unknown_verb);
    header.verb = Verb::list;
    header.id = {};
    EXPECT_EQ(throw_at_it({protocol::encode_header(header), ""}), ErrorCode::bad_message);
    EXPECT_EQ(t.core->bad_messages(), 8u);
    EXPECT_EQ(t.store, stored);
}

TEST(BrokerJobs, ShowARequestUnderWayAndItsOutcome) {
    BrokerHarness t;
    t.node_ready("a");
    const auto id = t.create("box");
    const auto look = [&] {
        const auto asked = t.send(Verb::job, encode(protocol::JobRequest{id}));
        return decode<protocol::JobReply>(t.answer(asked)->body)->job;
    };
    EXPECT_FALSE(look().done);
    EXPECT_EQ(look().items[0].vm->state, VmState::creating);
    t.obey("a", Verb::vm_create);
    EXPECT_TRUE(look().done);
    EXPECT_EQ(t.code(t.send(Verb::job, encode(protocol::JobRequest{RequestId{8, 8}}))), ErrorCode::not_found);
}

TEST(BrokerJobs, AreForgottenAfterADay) {
    BrokerHarness t;
    t.node_ready("a");
    const auto id = t.create("box");
    t.obey("a", Verb::vm_create);
    t.now.instant = t.now.instant + std::chrono::hours(25);  // of running time: the wall clock may jump
    t.advance_alive(61s, {"a"});
    EXPECT_EQ(t.code(t.send(Verb::job, encode(protocol::JobRequest{id}))), ErrorCode::not_found);
    for (const auto& [key, value] : t.store) EXPECT_NE(key.first, static_cast<std::uint8_t>(Table::requests));
}

}  // namespace
}  // namespace mc::broker::test

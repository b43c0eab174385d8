#include <gtest/gtest.h>

#include "key_harness.hpp"
#include "protocol/image_bodies.hpp"

namespace mc::broker::test {
namespace {

using protocol::ImageAction;
using protocol::ImagesReply;
using protocol::ImagesRequest;
using protocol::NodeImagesOrder;
using protocol::Role;

// Goal: one request reaches the worker of the node that it names, and what that one says reaches who asked; nothing is
// kept. Spec: docs/protocol.md "images", ADR 31.
struct ImagesTest : testing::Test {
    KeyHarness t;

    void SetUp() override {
        t.node_ready("a");
        t.node_ready("b");
    }
    RequestId ask(ImageAction action, const std::string& image = "", const std::string& node = "a",
                  std::uint32_t deadline_ms = 0, std::optional<RequestId> id = {}, const std::string& client = "c") {
        return t.send(Verb::images, encode(ImagesRequest{node, action, image}), id, client, deadline_ms);
    }
    RequestId job() { return t.order("a", Verb::node_images)->header.id; }
    [[nodiscard]] std::string sentence(RequestId id) {
        const auto message = t.answer(id);
        return message ? decode<protocol::ErrorBody>(message->body)->message : "no answer";
    }
    [[nodiscard]] std::vector<std::string> audited() {
        std::vector<std::string> lines;
        for (const auto& entry : t.core->audit_log().kept()) {
            if (entry.action.starts_with("image")) {
                lines.push_back(entry.name + " " + entry.action + " " + entry.target + " " +
                                std::string(name_of(entry.code)) + ", " + entry.detail);
            }
        }
        return lines;
    }
};

TEST_F(ImagesTest, AreAskedOfTheNodeThatIsNamed) {
    const auto id = ask(ImageAction::list);
    EXPECT_FALSE(t.order("b", Verb::node_images));
    const auto order = t.order("a", Verb::node_images);
    ASSERT_TRUE(order);
    EXPECT_EQ(decode<NodeImagesOrder>(order->body), (NodeImagesOrder{t.core->epoch(), ImageAction::list, "", "local"}));
    EXPECT_FALSE(t.answer(id, "c", Kind::progress)) << "a list is answered by one call of the engine";
    ask(ImageAction::list, "", "a", 0, id);
    const auto again = t.answer(id, "c", Kind::progress);
    ASSERT_TRUE(again) << "who asks again is told that somebody is there";
    EXPECT_EQ(decode<protocol::Progress>(again->body)->detail, "already under way");
    EXPECT_EQ(t.orders("a", Verb::node_images), 1u);
    const auto body = encode(ImagesReply{{{"debian:12", "sha256:1", 7, {}}}, 0});
    t.from_worker("a", Kind::reply, Verb::node_images, order->header.id, body);
    EXPECT_EQ(t.code(id), ErrorCode::ok);
    EXPECT_EQ(t.answer(id)->header.verb, Verb::images);
    EXPECT_EQ(t.answer(id)->body, body);
    EXPECT_EQ(t.core->open().streams, 0u);
    EXPECT_TRUE(audited().empty()) << "looking changes nothing";
}

TEST_F(ImagesTest, TellHowFarAPullIsWithItsNode) {
    const auto id = ask(ImageAction::pull, "debian:12");
    t.from_worker("a", Kind::progress, Verb::node_images, job(),
                  encode(protocol::Progress{"pulling", "3 of 7 layers", 43, ""}));
    const auto progress = t.answer(id, "c", Kind::progress);
    ASSERT_TRUE(progress);
    EXPECT_EQ(decode<protocol::Progress>(progress->body), (protocol::Progress{"pulling", "3 of 7 layers", 43, "a"}));
}

TEST_F(ImagesTest, AreInTheAuditLogWhenSomethingIsPulledOrRemoved) {
    ask(ImageAction::pull, "debian:12");
    t.from_worker("a", Kind::reply, Verb::node_images, job(), encode(ImagesReply{}));
    ask(ImageAction::remove, "debian:12");
    t.from_worker("a", Kind::reply, Verb::node_images, job(), encode(protocol::ErrorBody{"it is in use", 0}),
                  ErrorCode::wrong_state);
    EXPECT_EQ(audited(), (std::vector<std::string>{"local image_pull a ok, debian:12: begun",
                                                   "local image_pull a ok, debian:12: ended",
                                                   "local image_remove a ok, debian:12: begun",
                                                   "local image_remove a wrong_state, debian:12: it is in use"}));
}

TEST_F(ImagesTest, AreChangedByAdminsOnly) {
    t.admit_each_role();
    const auto code = [&](char byte, ImageAction action) {
        const auto id = ask(action, "debian:12", "b", 0, {}, t.client(byte));
        const auto message = t.answer(id, t.client(byte));
        return message ? message->header.code : ErrorCode::ok;
    };
    EXPECT_EQ(code('V', ImageAction::list), ErrorCode::ok);
    EXPECT_EQ(code('V', ImageAction::pull), ErrorCode::denied);
    EXPECT_EQ(code('V', ImageAction::remove), ErrorCode::denied);
    EXPECT_EQ(code('U', ImageAction::list), ErrorCode::denied);
    EXPECT_EQ(t.orders("b", Verb::node_images), 1u);
    EXPECT_EQ(audited(), (std::vector<std::string>{"eve image_pull  denied, ", "ada images  denied, "}))
        << "a refusal, not each";
    EXPECT_EQ(code('A', ImageAction::pull), ErrorCode::ok);
    EXPECT_EQ(decode<NodeImagesOrder>(t.order("b", Verb::node_images)->body)->owner, "boss");
}

TEST_F(ImagesTest, AreRefusedWhereThereIsNobodyToAsk) {
    const auto unknown = ask(ImageAction::list, "", "c");
    EXPECT_EQ(t.code(unknown), ErrorCode::not_found);
    EXPECT_EQ(t.code(ask(ImageAction::list, "", "")), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(ask(ImageAction::pull, "")), ErrorCode::invalid_argument);
    EXPECT_EQ(t.code(ask(ImageAction::remove, "../../containers/x")), ErrorCode::invalid_argument);
    t.advance_alive(6s, {"b"});
    const auto silent = ask(ImageAction::list);
    EXPECT_EQ(t.code(silent), ErrorCode::node_unreachable);
    EXPECT_EQ(sentence(silent), "node a is silent");
    EXPECT_EQ(t.orders("a", Verb::node_images), 0u);
}

// Goal: an order that its worker can't read is never answered; so it is not given.
TEST_F(ImagesTest, OfAnOlderWorkerAreRefusedAtOnce) {
    t.verb_max = static_cast<std::uint16_t>(Verb::vm_tunnel);
    t.node_ready("old");
    const auto id = ask(ImageAction::list, "", "old");
    EXPECT_EQ(t.code(id), ErrorCode::unknown_verb);
    EXPECT_NE(sentence(id).find("node old runs mcworker"), std::string::npos) << sentence(id);
    EXPECT_EQ(t.orders("old", Verb::node_images), 0u);
    t.verb_max = static_cast<std::uint16_t>(Verb::job_cancel);
    t.node_ready("older");
    t.running("box", "older");
    EXPECT_EQ(t.code(t.send(Verb::tunnel, encode(protocol::StreamRequest{"box", 1000}))), ErrorCode::unknown_verb);
    EXPECT_EQ(t.orders("older", Verb::vm_tunnel), 0u);
}

TEST_F(ImagesTest, AreGivenUpAtTheirDeadline) {
    const auto id = ask(ImageAction::pull, "debian:12", "a", 20'000);
    t.advance_alive(19s, {"a", "b"});
    EXPECT_FALSE(t.answer(id)) << "its client owes no signs of life";
    t.advance_alive(2s, {"a", "b"});
    EXPECT_EQ(t.code(id), ErrorCode::deadline_exceeded);
    ASSERT_TRUE(t.order("a", Verb::job_cancel));
    EXPECT_EQ(t.order("a", Verb::job_cancel)->header.id, job());
    const auto unasked = ask(ImageAction::list, "", "b");
    t.advance_alive(limits::request_deadline_default + 1s, {"a", "b"});
    EXPECT_EQ(t.code(unasked), ErrorCode::deadline_exceeded);
}

TEST_F(ImagesTest, EndWithTheirClientTheirNodeAndTheirBroker) {
    ask(ImageAction::pull, "debian:12");
    t.core->on_client_gone(t.now, PeerId{"c"});
    t.advance(100ms);
    ASSERT_TRUE(t.order("a", Verb::job_cancel));
    EXPECT_EQ(audited().back(), "local image_pull a cancelled, debian:12: its client is gone");

    const auto registered = ask(ImageAction::pull, "debian:12");
    t.node_ready("a");
    EXPECT_EQ(t.code(registered), ErrorCode::node_unreachable);
    EXPECT_NE(sentence(registered).find("ask again"), std::string::npos) << sentence(registered);

    const auto silent = ask(ImageAction::pull, "debian:12");
    t.advance_alive(6s, {"b"});
    EXPECT_EQ(t.code(silent), ErrorCode::node_unreachable);

    const auto stopped = ask(ImageAction::list, "", "b");
    t.core->stop(t.now);
    t.advance(100ms);
    EXPECT_EQ(t.code(stopped), ErrorCode::cancelled);
}

TEST_F(ImagesTest, CanBeCancelled) {
    const auto id = ask(ImageAction::pull, "debian:12");
    EXPECT_EQ(t.code(t.send(Verb::cancel, encode(protocol::JobRequest{id}))), ErrorCode::ok);
    EXPECT_EQ(t.code(id), ErrorCode::cancelled);
    EXPECT_TRUE(t.order("a", Verb::job_cancel));
}

// Goal: a client that heard nothing asks again over a new connection, and its pull is not begun twice.
TEST_F(ImagesTest, AreTakenUpWhenTheyAreAskedOnceMore) {
    const auto id = ask(ImageAction::pull, "debian:12");
    ask(ImageAction::pull, "debian:12", "a", 0, id);
    ask(ImageAction::pull, "debian:12", "a", 0, id, "again");
    EXPECT_EQ(t.orders("a", Verb::node_images), 1u);
    t.core->on_client_gone(t.now, PeerId{"c"});
    t.advance(100ms);
    EXPECT_FALSE(t.order("a", Verb::job_cancel)) << "who asks now is there";
    t.from_worker("a", Kind::reply, Verb::node_images, job(), encode(ImagesReply{}));
    EXPECT_TRUE(t.answer(id, "again"));
    EXPECT_FALSE(t.answer(id, "c"));
}

TEST_F(ImagesTest, AreNobodyElsesWhenTheIdIsGuessed) {
    t.admit_each_role();
    const auto id = ask(ImageAction::pull, "debian:12");
    ask(ImageAction::list, "", "a", 0, id, t.client('V'));
    EXPECT_EQ(t.orders("a", Verb::node_images), 2u);
    t.from_worker("a", Kind::reply, Verb::node_images, job(), encode(ImagesReply{}));
    EXPECT_TRUE(t.answer(id, t.client('V')));
    EXPECT_FALSE(t.answer(id, "c"));
}

TEST_F(ImagesTest, AreBoundedAsStreamsAre) {
    BrokerConfig config;
    config.streams_per_client_max = 2;
    BrokerHarness few(config);
    few.node_ready("a");
    const auto list = encode(ImagesRequest{"a", ImageAction::list, ""});
    few.send(Verb::images, list);
    few.send(Verb::images, list);
    EXPECT_EQ(few.code(few.send(Verb::images, list)), ErrorCode::busy);
}

TEST_F(ImagesTest, TakeNoBytesFromTheirClient) {
    const auto id = ask(ImageAction::pull, "debian:12");
    protocol::Header header;
    header.kind = Kind::data;
    header.verb = Verb::images;
    header.id = id;
    auto frames = protocol::to_frames({header, {}, "x"});
    t.core->on_client_frames(t.now, Caller{PeerId{"c"}, {}}, frames);
    t.advance(100ms);
    EXPECT_EQ(t.code(id), ErrorCode::too_large);
}

}  // namespace
}  // namespace mc::broker::test

#include "protocol/join_exchange.hpp"

#include <gtest/gtest.h>

#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"
#include "unit/protocol/samples.hpp"

namespace mc::protocol {
namespace {

// Goal: both programs that join ask alike, take no answer but their own, and take nobody for what it is not.
// Spec: docs/protocol.md "join".

constexpr RequestId id{1, 2};

std::vector<Bytes> reply_with(RequestId to, Kind kind, ErrorCode code, Bytes body) {
    Message message;
    message.header.kind = kind;
    message.header.verb = Verb::join;
    message.header.id = to;
    message.header.code = code;
    message.header.value = code == ErrorCode::ok ? reply_value::own : reply_value::error;
    message.body = std::move(body);
    return to_frames(message);
}

Bytes joined_as(Role role) {
    JoinReply reply;
    reply.name = "lab";
    reply.role = role;
    return encode(reply);
}

TEST(JoinExchange, AsksWithTheKeyAndTheName) {
    auto frames = join_request(id, samples::key, "lab");
    const auto message = from_frames(frames);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->header.verb, Verb::join);
    EXPECT_EQ(message->header.id, id);
    EXPECT_EQ(decode<JoinRequest>(message->body), (JoinRequest{samples::key, "lab"}));
}

TEST(JoinExchange, TakesItsOwnAnswer) {
    const auto reply =
        join_reply(id, Joiner::worker, reply_with(id, Kind::reply, ErrorCode::ok, joined_as(Role::worker)));
    ASSERT_TRUE(reply);
    ASSERT_TRUE(*reply);
    EXPECT_EQ((*reply)->name, "lab");
}

TEST(JoinExchange, PassesOverWhatIsNone) {
    const Bytes body = joined_as(Role::user);
    EXPECT_FALSE(join_reply(id, Joiner::client, reply_with({1, 3}, Kind::reply, ErrorCode::ok, body)));
    EXPECT_FALSE(join_reply(id, Joiner::client, reply_with(id, Kind::progress, ErrorCode::ok, body)));
    EXPECT_FALSE(join_reply(id, Joiner::client, {}));
    EXPECT_FALSE(join_reply(id, Joiner::client, {"junk", "more"}));
}

TEST(JoinExchange, TellsWhatTheBrokerRefuses) {
    const auto refused = join_reply(
        id, Joiner::client, reply_with(id, Kind::reply, ErrorCode::denied, encode(ErrorBody{"it is used up", 0})));
    ASSERT_TRUE(refused);
    ASSERT_FALSE(*refused);
    EXPECT_EQ(refused->error().code, ErrorCode::denied);
    EXPECT_EQ(refused->error().message, "it is used up");
    const auto unread = join_reply(id, Joiner::client, reply_with(id, Kind::reply, ErrorCode::ok, "no msgpack"));
    ASSERT_TRUE(unread);
    EXPECT_EQ(unread->error().code, ErrorCode::bad_message);
}

TEST(JoinExchange, KnowsForWhichProgramATokenIs) {
    for (const Role role : {Role::user, Role::viewer, Role::admin}) {
        EXPECT_TRUE(check_joiner(Joiner::client, role));
        const auto wrong = check_joiner(Joiner::worker, role);
        ASSERT_FALSE(wrong);
        EXPECT_NE(wrong.error().message.find("mccli join"), std::string::npos);
    }
    EXPECT_TRUE(check_joiner(Joiner::worker, Role::worker));
    EXPECT_FALSE(check_joiner(Joiner::client, Role::worker));
    for (const Joiner program : {Joiner::client, Joiner::worker}) EXPECT_TRUE(check_joiner(program, Role::joiner));
    // A token of an earlier release does not say for whom it is: the answer does.
    const auto late =
        join_reply(id, Joiner::client, reply_with(id, Kind::reply, ErrorCode::ok, joined_as(Role::worker)));
    ASSERT_TRUE(late);
    EXPECT_EQ(late->error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace mc::protocol

#include "cli/core/request_driver.hpp"

#include <gtest/gtest.h>

#include "protocol/codec.hpp"

namespace mc::cli {
namespace {

using protocol::Kind;
using protocol::Message;
using protocol::Verb;

constexpr RequestId id{1, 2};

Instant at(milliseconds time) {
    return Instant{time};
}

Request create_request() {
    Request request;
    request.verb = Verb::create;
    request.id = id;
    request.body = "body";
    request.timeout = 60s;
    request.reply_timeout = 65s;
    return request;
}

Message from_broker(Kind kind, ErrorCode code = ErrorCode::ok, protocol::Bytes body = {}, std::uint32_t value = 0) {
    Message message;
    message.header.kind = kind;
    message.header.verb = Verb::create;
    message.header.id = id;
    message.header.code = code;
    message.header.value = value;
    message.body = std::move(body);
    return message;
}

Message busy(std::uint32_t retry_after_ms) {
    return from_broker(Kind::reply, ErrorCode::busy, protocol::encode(protocol::ErrorBody{"busy", retry_after_ms}), 1);
}

TEST(RequestDriver, SendsTheRequestOnceAndTakesItsReply) {
    RequestDriver driver(create_request(), at(0ms));
    const auto send = driver.take_send();
    ASSERT_TRUE(send);
    EXPECT_FALSE(send->fresh_socket);
    EXPECT_EQ(send->message.header.id, id);
    EXPECT_EQ(send->message.header.value, 60000U);
    EXPECT_EQ(send->message.body, "body");
    EXPECT_FALSE(driver.take_send());
    driver.on_message(at(5ms), from_broker(Kind::reply));
    EXPECT_TRUE(driver.done());
    EXPECT_TRUE(driver.reply());
    EXPECT_EQ(driver.next_deadline(), Instant::never());
}

TEST(RequestDriver, RepeatsUnderTheSameIdOnAFreshSocketWhenNoWordComes) {
    RequestDriver driver(create_request(), at(0ms));
    static_cast<void>(driver.take_send());
    driver.on_tick(at(1999ms));
    EXPECT_FALSE(driver.take_send());
    driver.on_tick(at(2000ms));
    const auto again = driver.take_send();
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->fresh_socket);
    EXPECT_EQ(again->message.header.id, id);
    EXPECT_EQ(again->message.header.value, 58000U) << "what is left";
    EXPECT_EQ(again->message.body, "body");
}

TEST(RequestDriver, AsksAgainOverANewSocketUntilItHasItsReply) {
    RequestDriver driver(create_request(), at(0ms));
    static_cast<void>(driver.take_send());
    driver.on_message(at(5ms), from_broker(Kind::progress));
    driver.on_fresh_socket(at(3s));
    const auto again = driver.take_send();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->message.header.id, id);
    EXPECT_FALSE(again->fresh_socket) << "it is there already";
    driver.on_message(at(4s), from_broker(Kind::reply));
    driver.on_fresh_socket(at(5s));
    EXPECT_FALSE(driver.take_send());
}

TEST(RequestDriver, CallsTheBrokerUnreachableWhenItNeverSpoke) {
    RequestDriver driver(create_request(), at(0ms));
    driver.on_tick(at(2999ms));
    EXPECT_FALSE(driver.done());
    driver.on_tick(at(3000ms));
    ASSERT_TRUE(driver.error());
    EXPECT_EQ(driver.error()->code, ErrorCode::broker_unreachable);
    EXPECT_FALSE(driver.accepted());
}

TEST(RequestDriver, WaitsThroughABrokerRestartOnceItHasSpoken) {
    RequestDriver driver(create_request(), at(0ms));
    static_cast<void>(driver.take_send());
    driver.on_message(at(10ms), from_broker(Kind::progress, ErrorCode::ok,
                                            protocol::encode(protocol::Progress{"accepted", "", 0, "vm-1"})));
    EXPECT_TRUE(driver.accepted());
    EXPECT_EQ(driver.take_progress()->name, "vm-1");
    EXPECT_FALSE(driver.take_progress());
    int resent = 0;
    Instant now = at(10ms);
    while (now < at(40s)) {
        now = driver.next_deadline();
        driver.on_tick(now);
        if (driver.take_send()) ++resent;
    }
    EXPECT_FALSE(driver.done());
    EXPECT_GE(resent, 3);
    EXPECT_LE(resent, 6);
    driver.on_message(now, from_broker(Kind::reply));
    EXPECT_TRUE(driver.reply());
}

TEST(RequestDriver, EndsAsUnknownAtTheDeadline) {
    RequestDriver driver(create_request(), at(0ms));
    driver.on_message(at(10ms), from_broker(Kind::progress));
    driver.on_tick(at(65s));
    ASSERT_TRUE(driver.error());
    EXPECT_EQ(driver.error()->code, ErrorCode::deadline_exceeded);
}

TEST(RequestDriver, ComesAgainWhenTheBrokerIsBusyAndSaysWhen) {
    RequestDriver driver(create_request(), at(0ms));
    static_cast<void>(driver.take_send());
    driver.on_message(at(10ms), busy(700));
    EXPECT_FALSE(driver.done());
    driver.on_tick(at(709ms));
    EXPECT_FALSE(driver.take_send());
    driver.on_tick(at(710ms));
    EXPECT_TRUE(driver.take_send());
    driver.on_message(at(720ms), from_broker(Kind::reply));
    EXPECT_TRUE(driver.reply());
}

TEST(RequestDriver, TakesBusyForAnAnswerWhenThereIsNoTimeLeft) {
    RequestDriver driver(create_request(), at(0ms));
    driver.on_message(at(64900ms), busy(700));
    ASSERT_TRUE(driver.reply());
    EXPECT_EQ(refusal(*driver.reply())->code, ErrorCode::busy);
}

TEST(RequestDriver, IgnoresOthersReplies) {
    RequestDriver driver(create_request(), at(0ms));
    Message other = from_broker(Kind::reply);
    other.header.id = RequestId{9, 9};
    driver.on_message(at(1ms), other);
    EXPECT_FALSE(driver.done());
    driver.on_tick(at(3s));
    EXPECT_EQ(driver.error()->code, ErrorCode::broker_unreachable);
}

TEST(RequestDriver, TellsARefusalFromItems) {
    const auto refused = refusal(from_broker(Kind::reply, ErrorCode::request_conflict,
                                             protocol::encode(protocol::ErrorBody{"other contents", 0}), 1));
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->message, "other contents");
    EXPECT_FALSE(refusal(from_broker(Kind::reply, ErrorCode::no_capacity)));
    EXPECT_FALSE(refusal(from_broker(Kind::reply)));
}

}  // namespace
}  // namespace mc::cli

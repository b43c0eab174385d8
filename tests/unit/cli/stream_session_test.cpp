#include "cli/core/stream_session.hpp"

#include <gtest/gtest.h>

#include "protocol/codec.hpp"

namespace mc::cli {
namespace {

using protocol::Channel;
using protocol::Kind;
using protocol::Message;
using protocol::Verb;

constexpr RequestId id{1, 2};
constexpr RequestId probe{3, 4};

struct Stream {
    explicit Stream(Verb verb = Verb::exec) : core(verb, id, probe, "vm-1", "spec", 3s, Instant{0ms}) {}

    Message from_vm(Kind kind, std::uint32_t value = 0) {
        Message message;
        message.header.kind = kind;
        message.header.verb = Verb::exec;
        message.header.id = id;
        message.header.value = value;
        return message;
    }
    void data(std::string bytes, Channel channel = Channel::output) {
        Message message = from_vm(Kind::data, static_cast<std::uint32_t>(channel));
        message.header.sequence = sequence++;
        message.data = std::move(bytes);
        core.on_message(now, message);
    }
    void hello(std::uint64_t epoch) {
        Message message;
        message.header.kind = Kind::reply;
        message.header.verb = Verb::hello;
        message.header.id = probe;
        protocol::HelloReply body;
        body.epoch = Epoch{epoch};
        message.body = protocol::encode(body);
        core.on_message(now, message);
    }
    void reply(int exit_code) {
        Message message = from_vm(Kind::reply);
        message.body = protocol::encode(protocol::ExecResult{exit_code});
        core.on_message(now, message);
    }
    /// Writes everything that may be written, as a fast reader would.
    std::string drain() {
        std::string out;
        while (auto* output = core.next_output()) {
            out += output->bytes;
            core.output_written(now);
        }
        return out;
    }
    std::uint32_t credit_sent() {
        std::uint32_t sum = 0;
        for (const auto& message : core.take_sends()) {
            if (message.header.kind == Kind::credit) sum += message.header.value;
        }
        return sum;
    }

    Instant now{0ms};
    std::uint32_t sequence = 0;
    StreamSession core;
};

TEST(StreamSession, AsksWithAWindowAndPassesOnTheExitCode) {
    Stream s;
    const auto sends = s.core.take_sends();
    ASSERT_EQ(sends.size(), 2U);
    EXPECT_EQ(sends[0].header.verb, Verb::hello);
    EXPECT_EQ(sends[1].header.verb, Verb::exec);
    EXPECT_EQ(sends[1].data, "spec");
    const auto body = protocol::decode<protocol::StreamRequest>(sends[1].body);
    EXPECT_EQ(body->target, "vm-1");
    EXPECT_EQ(body->window_bytes, StreamSession::window_bytes);
    s.data("out");
    s.data("err", Channel::error);
    s.reply(7);
    EXPECT_FALSE(s.core.done()) << "there is output to write";
    EXPECT_EQ(s.core.next_output()->channel, Channel::output);
    EXPECT_EQ(s.drain(), "outerr");
    EXPECT_TRUE(s.core.done());
    EXPECT_EQ(s.core.exit_code(), 7);
}

TEST(StreamSession, GivesCreditOnlyForWhatWasWritten) {
    Stream s;
    static_cast<void>(s.core.take_sends());
    for (std::size_t sent = 0; sent < StreamSession::window_bytes; sent += limits::chunk_bytes_max) {
        s.data(std::string(limits::chunk_bytes_max, 'x'));
    }
    EXPECT_EQ(s.credit_sent(), 0U) << "nothing was written yet: the other side must stop";
    static_cast<void>(s.drain());
    EXPECT_EQ(s.credit_sent(), StreamSession::window_bytes);
}

TEST(StreamSession, SendsInputWithinItsCredit) {
    Stream s;
    EXPECT_EQ(s.core.input_bytes_max(), 0U);
    s.core.on_message(s.now, s.from_vm(Kind::progress, 100));
    EXPECT_EQ(s.core.input_bytes_max(), 100U);
    static_cast<void>(s.core.take_sends());
    s.core.input(s.now, std::string(60, 'a'));
    s.core.input(s.now, std::string(40, 'b'));
    EXPECT_EQ(s.core.input_bytes_max(), 0U);
    s.core.on_message(s.now, s.from_vm(Kind::credit, 1'000'000));
    EXPECT_EQ(s.core.input_bytes_max(), limits::chunk_bytes_max);
    s.core.input_ended(s.now);
    s.core.input_ended(s.now);
    EXPECT_EQ(s.core.input_bytes_max(), 0U);
    const auto sends = s.core.take_sends();
    ASSERT_EQ(sends.size(), 3U);
    EXPECT_EQ(sends[0].header.sequence, 0U);
    EXPECT_EQ(sends[1].header.sequence, 1U);
    EXPECT_EQ(sends[1].data, std::string(40, 'b'));
    EXPECT_EQ(sends[2].header.kind, Kind::end);
}

TEST(StreamSession, GivesUpWhenAPartOfTheOutputIsMissing) {
    Stream s;
    s.data("a");
    s.sequence = 2;
    s.data("c");
    ASSERT_TRUE(s.core.error());
    EXPECT_EQ(s.core.error()->code, ErrorCode::internal);
}

TEST(StreamSession, SaysSomethingEveryFiveSeconds) {
    Stream s;
    s.hello(1);
    static_cast<void>(s.core.take_sends());
    s.now = Instant{limits::stream_keepalive};
    s.core.on_tick(s.now);
    bool alive = false;
    for (const auto& message : s.core.take_sends())
        alive = alive || (message.header.id == id && message.header.kind == Kind::credit);
    EXPECT_TRUE(alive);
}

TEST(StreamSession, NoticesThatTheBrokerWasRestarted) {
    Stream s;
    s.hello(1);
    s.hello(1);
    EXPECT_FALSE(s.core.done());
    s.hello(2);
    ASSERT_TRUE(s.core.error());
    EXPECT_EQ(s.core.error()->code, ErrorCode::io_failed);
}

TEST(StreamSession, NoticesABrokerThatNeverSpokeOrFellSilent) {
    Stream never;
    never.core.on_tick(Instant{3s});
    EXPECT_EQ(never.core.error()->code, ErrorCode::broker_unreachable);
    Stream fell;
    fell.hello(1);
    fell.core.on_tick(Instant{19s});
    EXPECT_FALSE(fell.core.done());
    fell.core.on_tick(Instant{20s});
    EXPECT_EQ(fell.core.error()->code, ErrorCode::broker_unreachable);
}

TEST(StreamSession, CancelsAndDoesNotWaitForever) {
    Stream s;
    s.hello(1);
    s.data("unread");
    static_cast<void>(s.core.take_sends());
    s.core.cancel(s.now, RequestId{5, 6});
    const auto sends = s.core.take_sends();
    ASSERT_EQ(sends.size(), 1U);
    EXPECT_EQ(sends[0].header.verb, Verb::cancel);
    EXPECT_EQ(protocol::decode<protocol::JobRequest>(sends[0].body)->request, id);
    s.data("more that nobody wants");
    EXPECT_EQ(s.core.next_output(), nullptr);
    EXPECT_FALSE(s.core.done());
    s.core.on_tick(Instant{1500ms});
    EXPECT_TRUE(s.core.done());
}

TEST(StreamSession, IsDoneWhenItIsOverAndNobodyReadsTheRest) {
    Stream s;
    s.data("unread");
    s.reply(0);
    static_cast<void>(s.core.take_sends());
    EXPECT_FALSE(s.core.done());
    s.core.cancel(s.now, RequestId{5, 6});
    EXPECT_TRUE(s.core.done());
    EXPECT_TRUE(s.core.take_sends().empty()) << "there is nothing to cancel";
}

TEST(StreamSession, PassesOnARefusal) {
    Stream s;
    Message message = s.from_vm(Kind::reply, 1);
    message.header.code = ErrorCode::not_found;
    message.body = protocol::encode(protocol::ErrorBody{"there is no VM named vm-1", 0});
    s.core.on_message(s.now, message);
    EXPECT_EQ(s.core.error()->message, "there is no VM named vm-1");
}

}  // namespace
}  // namespace mc::cli

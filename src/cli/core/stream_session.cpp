#include "cli/core/stream_session.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "cli/core/request_driver.hpp"
#include "protocol/codec.hpp"

namespace mc::cli {
namespace {

using protocol::Channel;
using protocol::Kind;
using protocol::Message;
using protocol::Verb;

// Silence of a command that computes is normal; so now and then the broker is
// asked whether it is there and still the one that has the stream.
constexpr milliseconds probe_interval{5000};
constexpr milliseconds lost_after{20000};
// After Ctrl-C a person wants the prompt back, with or without a reply.
constexpr milliseconds cancel_wait{1500};
constexpr std::size_t credit_bytes_min = StreamSession::window_bytes / 4;

}  // namespace

StreamSession::StreamSession(Verb verb, RequestId id, RequestId probe, std::string target, protocol::Bytes data,
                             milliseconds connect_timeout, Instant now)
    : verb_(verb),
      id_(id),
      probe_(probe),
      target_(std::move(target)),
      remains_(verb == Verb::exec ? "; the command in the VM may still run" : ""),
      connect_timeout_(connect_timeout),
      started_(now),
      keepalive_at_(now + limits::stream_keepalive),
      probe_at_(now),
      lost_at_(now + lost_after) {
    // The probe goes first: its reply says which broker it was that took the stream.
    send_probe(now);
    Message request = message_of(Kind::request);
    request.header.value = static_cast<std::uint32_t>(milliseconds(limits::request_deadline_max).count());
    request.body = protocol::encode(protocol::StreamRequest{target_, window_bytes});
    request.data = std::move(data);
    send(now, std::move(request));
}

Message StreamSession::message_of(Kind kind) const {
    Message message;
    message.header.kind = kind;
    message.header.verb = verb_;
    message.header.id = id_;
    return message;
}

void StreamSession::send(Instant now, Message message) {
    sends_.push_back(std::move(message));
    keepalive_at_ = now + limits::stream_keepalive;
}

void StreamSession::send_probe(Instant now) {
    Message hello;
    hello.header.verb = Verb::hello;
    hello.header.id = probe_;
    hello.body = protocol::encode(protocol::HelloRequest{});
    sends_.push_back(std::move(hello));
    probe_at_ = now + probe_interval;
}

std::vector<Message> StreamSession::take_sends() {
    return std::exchange(sends_, {});
}

void StreamSession::end_with(ErrorCode code, std::string message) {
    if (over_) return;
    over_ = true;
    error_ = Error{code, std::move(message)};
}

void StreamSession::on_message(Instant now, const Message& message) {
    if (over_) return;
    if (message.header.id != id_ && message.header.id != probe_) return;
    heard_ = true;
    lost_at_ = now + lost_after;
    if (message.header.id == probe_) {
        if (message.header.kind == Kind::reply) on_probe_reply(message);
        return;
    }
    switch (message.header.kind) {
        case Kind::progress:
            input_credit_ = std::max<std::size_t>(input_credit_, message.header.value);
            break;
        case Kind::credit:
            input_credit_ += message.header.value;
            break;
        case Kind::data:
            on_data(message);
            break;
        case Kind::reply:
            on_reply(message);
            break;
        default:
            break;
    }
    // A credit over what anyone may grant is a mistake of the other side; reading more than a window would only cost
    // memory.
    input_credit_ = std::min<std::size_t>(input_credit_, limits::window_bytes_max);
}

void StreamSession::on_probe_reply(const Message& message) {
    const auto hello = protocol::decode<protocol::HelloReply>(message.body);
    if (message.header.code != ErrorCode::ok || !hello) return;
    if (!epoch_) epoch_ = hello->epoch;
    if (*epoch_ != hello->epoch) {
        end_with(ErrorCode::io_failed, "the broker was restarted and the stream with " + target_ + " broke" + remains_);
    }
}

void StreamSession::on_data(const Message& message) {
    if (message.header.sequence != next_in_sequence_) {
        // Something was lost on the way: half an output that looks whole is worse than none.
        end_with(ErrorCode::internal, "a part of the output of " + target_ + " was lost on the way");
        return;
    }
    ++next_in_sequence_;
    if (cancelled_ || message.data.empty()) {
        owed_credit_ += message.data.size();
        return;
    }
    const bool is_error = message.header.value == static_cast<std::uint32_t>(Channel::error);
    outputs_.push_back({is_error ? Channel::error : Channel::output, message.data, 0});
}

void StreamSession::on_reply(const Message& message) {
    over_ = true;
    if (auto refused = refusal(message)) {
        error_ = std::move(*refused);
    } else if (message.header.code != ErrorCode::ok) {
        error_ = Error{message.header.code, target_ + ": " + std::string(name_of(message.header.code))};
    } else if (verb_ == Verb::exec) {
        if (const auto result = protocol::decode<protocol::ExecResult>(message.body)) exit_code_ = result->exit_code;
    }
}

void StreamSession::on_tick(Instant now) {
    if (over_) return;
    if (!heard_ && now >= started_ + connect_timeout_) {
        return end_with(ErrorCode::broker_unreachable, "");
    }
    if (now >= lost_at_) {
        return end_with(ErrorCode::broker_unreachable,
                        "the broker went silent and the stream with " + target_ + " broke" + remains_);
    }
    if (now >= cancel_over_at_) return end_with(ErrorCode::cancelled, "cancelled");
    if (now >= keepalive_at_) send(now, message_of(Kind::credit));
    if (now >= probe_at_) send_probe(now);
}

Instant StreamSession::next_deadline() const {
    if (over_) return Instant::never();
    Instant next = std::min({keepalive_at_, probe_at_, lost_at_, cancel_over_at_});
    if (!heard_) next = std::min(next, started_ + connect_timeout_);
    return next;
}

std::size_t StreamSession::input_bytes_max() const {
    if (over_ || !input_open_ || cancelled_) return 0;
    return std::min(input_credit_, limits::chunk_bytes_max);
}

void StreamSession::input(Instant now, std::string_view bytes) {
    MC_ASSERT(bytes.size() <= input_bytes_max());
    Message message = message_of(Kind::data);
    message.header.value = static_cast<std::uint32_t>(Channel::input);
    message.header.sequence = next_out_sequence_++;
    message.data = std::string(bytes);
    input_credit_ -= bytes.size();
    send(now, std::move(message));
}

void StreamSession::input_ended(Instant now) {
    if (over_ || !std::exchange(input_open_, false)) return;
    send(now, message_of(Kind::end));
}

void StreamSession::resize(Instant now, protocol::Resize size) {
    if (over_) return;
    Message message = message_of(Kind::control);
    message.body = protocol::encode(size);
    send(now, std::move(message));
}

void StreamSession::cancel(Instant now, RequestId cancel_id) {
    // Of one that is over too: who was to read what is left may be gone.
    outputs_.clear();
    if (over_ || std::exchange(cancelled_, true)) return;
    Message message;
    message.header.verb = Verb::cancel;
    message.header.id = cancel_id;
    message.body = protocol::encode(protocol::JobRequest{id_});
    send(now, std::move(message));
    cancel_over_at_ = now + cancel_wait;
}

StreamSession::Output* StreamSession::next_output() {
    return outputs_.empty() ? nullptr : &outputs_.front();
}

void StreamSession::output_written(Instant now) {
    MC_ASSERT(!outputs_.empty());
    owed_credit_ += outputs_.front().bytes.size();
    outputs_.pop_front();
    // Many small credits cost more than the data; none before the window is used up would stop the flow.
    if (over_ || owed_credit_ < credit_bytes_min) return;
    Message message = message_of(Kind::credit);
    message.header.value = static_cast<std::uint32_t>(owed_credit_);
    owed_credit_ = 0;
    send(now, std::move(message));
}

bool StreamSession::done() const {
    return over_ && outputs_.empty();
}

}  // namespace mc::cli

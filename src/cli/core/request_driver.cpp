#include "cli/core/request_driver.hpp"

#include <algorithm>

#include "base/rule.hpp"
#include "protocol/codec.hpp"

namespace mc::cli {
namespace {

// No word for this long: the connection may be dead, say it again on another one.
constexpr milliseconds silence_first{2000};
constexpr milliseconds silence_longest{8000};
constexpr milliseconds silence_stopping{1000};
// Refused as busy without an advice when to come again.
constexpr milliseconds busy_wait_default{500};
constexpr milliseconds busy_wait_longest{5000};
constexpr std::uint32_t body_is_error = 1;  // header.value of a reply

std::string in_seconds(milliseconds time) {
    const auto tenths = time.count() / 100;
    std::string text = std::to_string(tenths / 10);
    if (tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
    return text + " s";
}

}  // namespace

RequestDriver::RequestDriver(Request request, Instant now)
    : request_(std::move(request)), started_(now), resend_at_(now), silence_max_(silence_first) {
    send(now, false);
}

void RequestDriver::send(Instant now, bool fresh_socket) {
    if (!rule_holds(Rule::request_keeps_its_id) && fresh_socket) ++request_.id.low;
    protocol::Message message;
    message.header.kind = protocol::Kind::request;
    message.header.verb = request_.verb;
    message.header.id = request_.id;
    if (request_.timeout != milliseconds{0}) {
        // What is left of it: or each repeat would put the broker's own end of waiting off, and its answer
        // would come after we have given up.
        const milliseconds left = std::max(request_.timeout - (now - started_), milliseconds{1});
        message.header.value = static_cast<std::uint32_t>(left.count());
    }
    message.body = request_.body;
    message.data = request_.data;
    send_ = Send{std::move(message), fresh_socket};
    resend_at_ = now + silence_max_;
}

void RequestDriver::on_message(Instant now, const protocol::Message& message) {
    if (done() || message.header.id != request_.id) return;
    heard_ = true;
    silence_max_ = silence_first;
    resend_at_ = now + silence_max_;
    if (message.header.kind == protocol::Kind::progress) {
        accepted_ = true;
        if (auto progress = protocol::decode<protocol::Progress>(message.body)) progress_ = std::move(*progress);
        // Accepted work may be silent for long (an image that is pulled): ask again, but not every other second.
        resend_at_ = now + silence_longest;
        // The broker goes, and is mostly back at once: waiting for a silence would take longer.
        if (progress_ && progress_->stage == "stopping") resend_at_ = now + silence_stopping;
        return;
    }
    if (message.header.kind != protocol::Kind::reply) return;
    if (asks_to_come_again(now, message)) return;
    reply_ = message;
}

bool RequestDriver::asks_to_come_again(Instant now, const protocol::Message& message) {
    if (message.header.code != ErrorCode::busy || message.header.value != body_is_error) return false;
    milliseconds wait = busy_wait_default;
    if (const auto body = protocol::decode<protocol::ErrorBody>(message.body); body && body->retry_after_ms != 0) {
        wait = std::min(milliseconds(body->retry_after_ms), busy_wait_longest);
    }
    if (now + wait >= started_ + request_.reply_timeout) return false;  // "busy" is then the answer
    resend_at_ = now + wait;
    progress_ = protocol::Progress{"busy", "trying again in " + in_seconds(wait), 0, ""};
    return true;
}

void RequestDriver::on_tick(Instant now) {
    if (done()) return;
    if (!heard_ && now >= started_ + request_.connect_timeout) {
        error_ = Error{ErrorCode::broker_unreachable, "no answer within " + in_seconds(request_.connect_timeout)};
        return;
    }
    if (now >= started_ + request_.reply_timeout) {
        error_ = Error{ErrorCode::deadline_exceeded, "no reply within " + in_seconds(request_.reply_timeout)};
        return;
    }
    if (now < resend_at_) return;
    silence_max_ = std::min(silence_max_ * 2, silence_longest);
    send(now, true);
}

std::optional<RequestDriver::Send> RequestDriver::take_send() {
    auto out = std::move(send_);
    send_.reset();
    return out;
}

Instant RequestDriver::next_deadline() const {
    if (done()) return Instant::never();
    Instant next = std::min(resend_at_, started_ + request_.reply_timeout);
    if (!heard_) next = std::min(next, started_ + request_.connect_timeout);
    return next;
}

std::optional<protocol::Progress> RequestDriver::take_progress() {
    auto out = std::move(progress_);
    progress_.reset();
    return out;
}

std::optional<Error> refusal(const protocol::Message& reply) {
    if (reply.header.code == ErrorCode::ok) return std::nullopt;
    if (protocol::has_items(reply.header.verb) && reply.header.value != body_is_error) return std::nullopt;
    Error error{reply.header.code, "the broker refused it: " + std::string(name_of(reply.header.code))};
    const auto body = protocol::decode<protocol::ErrorBody>(reply.body);
    if (body && !body->message.empty()) error.message = body->message;
    if (body) error.retry_after_ms = body->retry_after_ms;
    if (error.code == ErrorCode::busy && error.retry_after_ms != 0) {
        error.message += " (in " + in_seconds(milliseconds(error.retry_after_ms)) + " at the earliest)";
    }
    return error;
}

}  // namespace mc::cli

#include "worker/core/session.hpp"

#include <algorithm>

#include "base/rule.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"
#include "worker/core/text.hpp"

namespace mc::worker {

using protocol::Kind;
using protocol::Message;
using protocol::Verb;

Session::Session(Outbox& outbox, const Settings& settings, WorkerState state, Status status)
    : outbox_(outbox), settings_(settings), state_(state), status_(std::move(status)), prng_(settings.boot.value) {}

void Session::begin(Now now) {
    static_cast<void>(register_again(now));
}

Session::Change Session::register_again(Now now) {
    const bool was_registered = std::exchange(registered_, false);
    register_id_ = RequestId{prng_.next_nonzero(), prng_.next()};
    heard_ = now.instant;
    interval_ = limits::heartbeat_interval;
    refused_ = false;
    next_heartbeat_ = Instant::never();
    register_wait_ = bounds::register_retry_min;
    send_register(now);
    return was_registered ? Change::lost : Change::none;
}

void Session::send_register(Now now) {
    protocol::RegisterRequest body;
    body.name = settings_.name;
    body.node = state_.node;
    body.boot = settings_.boot;
    body.version = settings_.version;
    body.epoch_seen = state_.epoch;
    body.advertise = settings_.advertise;
    body.labels = settings_.labels;
    body.status = status_(now);
    body.verb_max = static_cast<std::uint16_t>(protocol::order_last);
    Message message;
    message.header.kind = Kind::request;
    message.header.verb = Verb::node_register;
    message.header.id = register_id_;
    message.body = protocol::encode(body);
    outbox_.push(SendBroker{std::move(message)});
    next_register_ = now.instant + register_wait_;
    register_wait_ = std::min(register_wait_ * 2, bounds::register_retry_max);
}

void Session::send_heartbeat(Now now) {
    protocol::Heartbeat body;
    body.epoch = state_.epoch;
    body.boot = settings_.boot;
    body.status = status_(now);
    Message message;
    message.header.kind = Kind::notice;
    message.header.verb = Verb::node_heartbeat;
    message.body = protocol::encode(body);
    outbox_.push(SendBroker{std::move(message)});
    next_heartbeat_ = now.instant + interval_;
}

Session::Change Session::on_tick(Now now) {
    Change change = Change::none;
    if (!refused_ && now.instant >= silent_at()) {
        if (registered_) outbox_.log(LogLevel::warning, "the broker is silent: connecting anew");
        outbox_.push(ReconnectBroker{});
        change = register_again(now);
    } else if (!registered_ && now.instant >= next_register_) {
        if (refused_) {
            static_cast<void>(register_again(now));
        } else {
            send_register(now);
        }
    }
    if (registered_ && now.instant >= next_heartbeat_) send_heartbeat(now);
    return change;
}

Session::Change Session::on_message(Now now, const Message& message) {
    heard_ = now.instant;
    const protocol::Header& header = message.header;
    if (header.kind != Kind::reply) return Change::none;
    if (header.verb == Verb::node_register && header.id == register_id_ && !registered_) {
        return on_registered(now, message);
    }
    if (header.verb != Verb::node_heartbeat || !registered_) return Change::none;
    if (header.code == ErrorCode::not_registered && rule_holds(Rule::registers_anew_when_unknown)) {
        outbox_.log(LogLevel::info, "the broker does not know this worker: registering again");
        return register_again(now);
    }
    // The answer to that says why, and is told.
    if (header.code == ErrorCode::not_authorised) return register_again(now);
    return Change::none;
}

Session::Change Session::on_registered(Now now, const Message& message) {
    if (message.header.code != ErrorCode::ok) {
        const auto error = protocol::decode<protocol::ErrorBody>(message.body);
        refused(now, error ? error->message : std::string(name_of(message.header.code)));
        // E.g. a broker whose disk is full: it takes workers again as soon as there is room.
        if (error && error->retry_after_ms != 0) {
            const milliseconds advice{error->retry_after_ms};
            next_register_ = now.instant + std::min(advice, bounds::register_refused_retry);
        }
        return Change::none;
    }
    const auto reply = protocol::decode<protocol::RegisterReply>(message.body);
    if (!reply || !reply->cloud) {
        refused(now, "its answer can't be read: " + (reply ? "no cloud id" : reply.error().message));
        return Change::none;
    }
    if (reply->cloud == state_.cloud && reply->epoch < state_.epoch) {
        refused(now, "it is of epoch " + std::to_string(reply->epoch.value) + ", but this worker has obeyed epoch " +
                         std::to_string(state_.epoch.value) + ": an older broker must not come back");
        return Change::none;
    }
    if (state_.cloud && reply->cloud != state_.cloud) {
        outbox_.log(LogLevel::warning, "this is another cloud than before (" + reply->cloud.str() + ", before " +
                                           state_.cloud.str() + "): VMs of the old one are left alone");
    }
    const WorkerState next{state_.node, reply->cloud, reply->epoch};
    if (next != state_) {
        state_ = next;
        if (rule_holds(Rule::epoch_is_durable)) outbox_.push(SaveState{state_});
    }
    registered_ = true;
    next_heartbeat_ = now.instant;
    outbox_.log(LogLevel::info, "registered with the broker (version " + to_sentence(reply->version, 64) + ", cloud " +
                                    state_.cloud.str() + ", epoch " + std::to_string(state_.epoch.value) + ")");
    return Change::registered;
}

void Session::refused(Now now, const std::string& why) {
    outbox_.log(LogLevel::error, "the broker does not take this worker: " + to_sentence(why, limits::reason_bytes_max));
    refused_ = true;
    next_register_ = now.instant + bounds::register_refused_retry;
}

bool Session::accept_epoch(Epoch epoch) {
    if (!rule_holds(Rule::epoch_fencing)) return true;
    if (epoch < state_.epoch) return false;
    if (epoch > state_.epoch) {
        state_.epoch = epoch;
        outbox_.push(SaveState{state_});
    }
    return true;
}

void Session::on_heartbeat(Now now, milliseconds interval) {
    interval_ = std::clamp<milliseconds>(interval, limits::heartbeat_interval, limits::heartbeat_interval_max);
    if (!registered_) return;
    // With the broker's, which has sent some to others too: it wakes up once for all answers.
    const bool soon = next_heartbeat_ <= now.instant + interval_ / 2;
    next_heartbeat_ = soon ? now.instant : std::min(next_heartbeat_, now.instant + interval_);
}

Instant Session::next_deadline() const {
    const Instant silence = refused_ ? Instant::never() : silent_at();
    return std::min({silence, registered_ ? next_heartbeat_ : next_register_});
}

}  // namespace mc::worker

#include "broker/shell/events_socket.hpp"

#include <map>
#include <utility>
#include <variant>

#include "broker/core/topics.hpp"
#include "io/log.hpp"

namespace mc::broker {
namespace {

/// Subscriptions taken in one turn; the rest waits for the next.
constexpr int subscriptions_per_turn_max = 1000;

/// Of one key, when there are as many as that. While they wait libzmq 4.3.4 may forget whose they are, and each costs
/// memory that it never gives back.
constexpr int subscriptions_of_one_max = subscriptions_per_turn_max / 2;

constexpr char subscribes = 1;
constexpr char ends_subscription = 0;

/// Of a SUB's library nothing else comes.
bool is_subscription(const std::string& frame) {
    return !frame.empty() && (frame[0] == subscribes || frame[0] == ends_subscription);
}

}  // namespace

EventsSocket::EventsSocket(io::Context& context, io::Poller& poller, TopicsFor topics_for)
    : context_(context), poller_(poller), topics_for_(std::move(topics_for)) {}

EventsSocket::~EventsSocket() {
    if (socket_) poller_.remove(*socket_);
}

Result<void> EventsSocket::bind(const std::string& endpoint, const io::SocketOptions& options) {
    options_ = options;
    with_keys_ = std::holds_alternative<io::CurveServer>(options.security);
    open();
    if (auto bound = socket_->bind(endpoint); !bound) return bound;
    endpoint_ = socket_->last_endpoint();
    return {};
}

void EventsSocket::open() {
    if (socket_) poller_.remove(*socket_);
    socket_.emplace(io::Socket::xpub(context_, options_));
    poller_.add(*socket_, {}, [this](io::Readiness) { on_subscriptions(); });
}

void EventsSocket::on_subscriptions() {
    if (outdated_) return;
    std::map<PublicKey, int> taken;
    for (int i = 0; i < subscriptions_per_turn_max; ++i) {
        const auto asked = socket_->receive_subscription();
        if (!asked) {
            mixed_up_ = false;
            return;
        }
        if (!is_subscription(asked->frame)) {
            mixed_up_ = true;
            if (!with_keys_ || !asked->key) continue;
            return bar(*asked->key, "what no subscriber sends, which could have brought it the events of others");
        }
        if (asked->key) ++taken[*asked->key];
        // Who ends a subscription goes on being sent it, and its own library drops it: nothing is counted per peer.
        if (asked->frame[0] != subscribes || mixed_up_ || (with_keys_ && !asked->key)) continue;
        for (const std::string& topic : granted_topics(asked->frame.substr(1), topics_for_(asked->key))) {
            socket_->subscribe(topic);
        }
    }
    for (const auto& [key, count] : taken) {
        if (with_keys_ && count > subscriptions_of_one_max) return bar(key, "a flood of subscriptions");
    }
}

void EventsSocket::bar(const PublicKey& key, const std::string& what) {
    barred_.insert(key);
    outdated_ = true;
    io::log_warn("key " + key.fingerprint() + " has sent the socket for events " + what +
                 "; it is let in there no more until this broker is started anew. Is it in good hands? See mccli keys, "
                 "and revoke");
}

void EventsSocket::publish(const std::vector<std::string>& frames) {
    // Before it is bound there is nobody to hear it.
    if (socket_) static_cast<void>(socket_->send(frames));
}

void EventsSocket::begin_anew() {
    if (!with_keys_) return;
    open();
    mixed_up_ = outdated_ = false;
    down_ = true;
    try_again();
}

void EventsSocket::try_again() {
    if (outdated_) return begin_anew();
    // The library gives the port back in a thread of its own, a moment later.
    down_ = down_ && !socket_->bind(endpoint_);
}

}  // namespace mc::broker

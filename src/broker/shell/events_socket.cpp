#include "broker/shell/events_socket.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "broker/core/topics.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"
#include "io/open_files.hpp"
#include "protocol/event.hpp"

namespace mc::broker {
namespace {

/// Subscriptions taken in one turn; the rest waits for the next.
constexpr int subscriptions_per_turn_max = 1000;

/// Of one key, when there are as many as that. While they wait libzmq 4.3.4 may forget whose they are, and each costs
/// memory that it never gives back.
constexpr int subscriptions_of_one_max = subscriptions_per_turn_max / 2;

/// A frame of a subscriber; over it the connection is ended, before it costs memory. No topic is nearly as long, and a
/// handshake needs some hundred bytes.
constexpr std::size_t frame_bytes_max = 4096;

/// While the port is not free, it is tried again after the first, and each time twice as long up to the other.
constexpr milliseconds rebind_first{10};
constexpr milliseconds rebind_longest{1000};

constexpr char subscribes = 1;
constexpr char ends_subscription = 0;

/// Of a SUB's library nothing else comes.
bool is_subscription(const std::string& frame) {
    return !frame.empty() && (frame[0] == subscribes || frame[0] == ends_subscription);
}

}  // namespace

EventsSocket::EventsSocket(io::Context& context, io::Poller& poller, TopicsFor topics_for, OnBarred on_barred,
                           OnHeard on_heard)
    : context_(context),
      poller_(poller),
      topics_for_(std::move(topics_for)),
      on_barred_(std::move(on_barred)),
      on_heard_(std::move(on_heard)) {}

EventsSocket::~EventsSocket() {
    close();
}

Result<void> EventsSocket::bind(const std::string& endpoint, const io::SocketOptions& options) {
    options_ = options;
    options_.message_bytes_max = frame_bytes_max;
    with_keys_ = std::holds_alternative<io::CurveServer>(options.security);
    if (auto opened = open(); !opened) return opened;
    if (auto bound = socket_->bind(endpoint); !bound) return bound;
    endpoint_ = socket_->last_endpoint();
    return {};
}

Result<void> EventsSocket::open() {
    if (!socket_) {
        auto made = io::Socket::xpub(context_, options_);
        if (!made) return fail(made.error());
        socket_.emplace(std::move(*made));
        poller_.add(*socket_, {}, [this](io::Readiness) { on_subscriptions(); });
    }
    return {};
}

void EventsSocket::close() {
    subscribed_.clear();
    by_owner_ = false;
    if (!socket_) return;
    poller_.remove(*socket_);
    socket_.reset();
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
        if (asked->key) on_heard_(*asked->key, asked->descriptor);
        if (!is_subscription(asked->frame)) {
            mixed_up_ = true;
            if (!with_keys_ || !asked->key) continue;
            return bar(*asked->key, "what no subscriber sends, which could have brought it the events of others");
        }
        if (asked->key) ++taken[*asked->key];
        if (with_keys_ && asked->key && asked->frame[0] == subscribes &&
            !subscribed_.add(*asked->key, asked->frame.substr(1))) {
            return bar(*asked->key, "more subscriptions than one key may have");
        }
        // Who ends a subscription goes on being sent it, and its own library drops it: nothing is counted per peer.
        if (asked->frame[0] != subscribes || mixed_up_ || (with_keys_ && !asked->key)) continue;
        for (const std::string& topic : granted_topics(asked->frame.substr(1), topics_for_(asked->key))) {
            socket_->subscribe(topic);
            by_owner_ = by_owner_ || topic.starts_with(protocol::topic_of_owners);
        }
    }
    for (const auto& [key, count] : taken) {
        if (with_keys_ && count > subscriptions_of_one_max) return bar(key, "a flood of subscriptions");
    }
}

void EventsSocket::bar(const PublicKey& key, const std::string& what) {
    barred_.insert(key);
    outdated_ = true;
    on_barred_(key, what);
}

void EventsSocket::publish(const std::vector<std::string>& frames) {
    // While there is none nobody hears it: watchers see that from the numbers.
    if (socket_) static_cast<void>(socket_->send(frames));
}

void EventsSocket::begin_anew() {
    if (!with_keys_) return;
    // Before there is another: whoever is to be kept out is out, even if there is to be none for a while.
    close();
    mixed_up_ = outdated_ = false;
    down_ = true;
    down_since_ = io::read_clock().instant;
    wait_ = rebind_first;
    open_again();
}

Instant EventsSocket::next_try() const {
    if (outdated_) return io::read_clock().instant;
    return down_ ? next_try_ : Instant::never();
}

void EventsSocket::try_again() {
    if (outdated_) return begin_anew();
    if (down_ && io::read_clock().instant >= next_try_) open_again();
}

void EventsSocket::open_again() {
    // A flood of connections may have taken all descriptors, and takes at once what is given back.
    const io::OpenFilesReserve lent;
    // The library gives the port back in a thread of its own, a moment later.
    auto opened = open();
    if (opened) opened = socket_->bind_again(endpoint_);
    const Instant now = io::read_clock().instant;
    if (opened) {
        down_ = false;
        if (!std::exchange(failure_told_, false)) return;
        const milliseconds took = now - down_since_;
        return io::log_info("events are served at " + endpoint_ + " again, after " + std::to_string(took.count()) +
                            " ms");
    }
    if (!std::exchange(failure_told_, true)) {
        io::log_info("watchers were made to connect anew, and " + opened.error().message +
                     "; it is tried again until then");
    }
    next_try_ = now + wait_;
    wait_ = std::min(wait_ * 2, rebind_longest);
}

}  // namespace mc::broker

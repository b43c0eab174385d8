#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/public_key.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "broker/core/subscription_table.hpp"
#include "io/poller.hpp"
#include "io/zmq.hpp"

namespace mc::broker {

/// The channel of events. Each watcher gets the topics that its key may have, whatever it subscribes to (ADR 18).
///
/// Single thread, the Poller's, which must outlive it; so must the Context.
class EventsSocket {
public:
    /// The prefixes of topics that a key may have; nullopt: somebody without one.
    using TopicsFor = std::function<std::vector<std::string>(const std::optional<PublicKey>& key)>;

    /// That key is let in no more, for what it has sent.
    using OnBarred = std::function<void(const PublicKey& key, const std::string& what)>;

    /// That key has said something over that connection.
    using OnHeard = std::function<void(const PublicKey& key, int descriptor)>;

    EventsSocket(io::Context& context, io::Poller& poller, TopicsFor topics_for, OnBarred on_barred, OnHeard on_heard);
    ~EventsSocket();
    EventsSocket(const EventsSocket&) = delete;
    EventsSocket& operator=(const EventsSocket&) = delete;

    /// Errors: as io::Socket::bind.
    [[nodiscard]] Result<void> bind(const std::string& endpoint, const io::SocketOptions& options);
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

    /// Whether anybody may have asked for the events of one owner only, since it was opened.
    [[nodiscard]] bool by_owner() const { return by_owner_; }

    /// Never waits; a slow watcher misses it, and sees that from the numbers.
    void publish(const std::vector<std::string>& frames);

    /// Ends the connections of all watchers, whatever comes then. They connect again, and who may no longer is not let
    /// in. Does nothing where no keys are asked for.
    void begin_anew();
    /// When to call try_again(): it is to begin anew, or has and the port is not yet free again, or no file descriptor
    /// is; never() when it is served. That it had to wait, and that it need not any more, is logged once.
    [[nodiscard]] Instant next_try() const;
    void try_again();

    /// Whether that key is to be let in no more: it has sent what makes libzmq 4.3.4 take one watcher for another,
    /// or a flood.
    [[nodiscard]] bool is_barred(const PublicKey& key) const { return barred_.contains(key); }

private:
    [[nodiscard]] Result<void> open();
    void close();
    void open_again();
    void on_subscriptions();
    /// Lets that key in no more, and has the socket begin anew.
    void bar(const PublicKey& key, const std::string& what);

    io::Context& context_;
    io::Poller& poller_;
    TopicsFor topics_for_;
    OnBarred on_barred_;
    OnHeard on_heard_;
    io::SocketOptions options_;
    std::string endpoint_;
    std::optional<io::Socket> socket_;  ///< none while it could not be made again
    bool with_keys_ = false;
    bool down_ = false;
    Instant down_since_;
    Instant next_try_;
    milliseconds wait_{};
    bool failure_told_ = false;
    bool outdated_ = false;  ///< begins anew in the next try_again(): its own callback is no place for that
    bool mixed_up_ = false;  ///< the library may take one watcher for another (io::Socket::xpub)
    bool by_owner_ = false;
    SubscriptionTable subscribed_;
    std::set<PublicKey> barred_;  ///< at most as many as have been authorised
};

}  // namespace mc::broker

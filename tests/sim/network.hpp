#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/public_key.hpp"
#include "broker/core/caller.hpp"
#include "sim/world.hpp"

namespace mc::sim {

using broker::Side;

/// A machine other than the broker's.
using HostId = std::uint32_t;

/// Of the worker on it.
[[nodiscard]] inline std::string node_name(HostId host) {
    return "node-" + std::to_string(host);
}

enum class Direction : std::uint8_t { up, down };  ///< to the broker, from the broker

class Dealer;

/// Whom the broker's process lets in: the ZAP handler, and the events socket's grants.
struct Door {
    virtual ~Door() = default;
    [[nodiscard]] virtual bool lets_in(Side side, const std::optional<PublicKey>& key) = 0;
    /// The prefixes of what this subscriber to everything is sent.
    [[nodiscard]] virtual std::vector<std::string> topics_for(const std::optional<PublicKey>& key) = 0;
};

/// ZeroMQ as its peers see it: in order and without loss on one connection;
/// what was under way when a connection breaks is lost; a new connection has a
/// new routing id; sending is not delivery.
class Network {
public:
    /// What the broker's process does with what arrives.
    using Receive = std::function<void(Side, const std::string& peer, Frames frames)>;

    explicit Network(World& world) : world_(world), dice_(world.dice("network")) {}
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    void set_receive(Receive receive) { receive_ = std::move(receive); }
    /// Without one everybody is let in, and sent everything.
    void set_door(Door* door) { door_ = door; }

    /// The broker's sockets are bound and served by a process that runs.
    void broker_up(bool up);
    /// A ROUTER's mandatory, non-blocking send. False: the peer is gone or takes no more.
    bool send_to(Side side, const std::string& peer, Frames frames);
    /// To those who were granted the topic, which is the first frame.
    void publish(const Frames& frames);
    /// The events socket is closed and bound anew: whoever watches connects again.
    void rebind_events();

    void set_blocked(HostId host, Direction direction, bool blocked);
    void set_extra_delay(HostId host, milliseconds delay);
    /// Breaks the host's connections; what is under way is lost.
    void drop(HostId host);
    void drop_all();
    /// Per mille of the broker's sends that find a full pipe.
    void set_refused_per_mille(std::uint64_t chance) { refused_per_mille_ = chance; }
    /// Per mille of messages, none of a stream, that are lost or come twice while their connection stays up.
    void set_harmed_per_mille(std::uint64_t chance) { harmed_per_mille_ = chance; }
    /// Says something to the worker of `host` as the broker would. False: it is not connected.
    bool say_to_worker(HostId host, Frames frames);
    [[nodiscard]] HostId host_of(const std::string& peer) const;
    /// The key that a connection has proved, itself nullopt without one; nullptr: there is no such connection.
    [[nodiscard]] const std::optional<PublicKey>* key_of(const std::string& peer) const;
    [[nodiscard]] std::size_t longest_queue() const;
    void heal();

    [[nodiscard]] std::size_t connections() const { return by_peer_.size(); }

private:
    friend class Dealer;

    struct Packet {
        Moment due;
        Frames frames;
    };
    struct Lane {
        std::deque<Packet> packets;
        Moment last_due{0};
        bool pumping = false;
    };
    struct Connection {
        std::string peer;
        Side side;
        HostId host;
        std::optional<PublicKey> key;
        std::vector<std::string> topics;  ///< granted, as prefixes
        Dealer* dealer;                   ///< nullptr: its socket was closed
        bool known = true;                ///< to the ROUTER
        bool closing = false;
        Lane up;
        Lane down;
        Lane& lane(Direction direction) { return direction == Direction::up ? up : down; }
    };
    using ConnectionPtr = std::shared_ptr<Connection>;
    struct Path {
        bool blocked[2] = {false, false};
        std::uint64_t blocked_since = 0;
        milliseconds extra_delay{0};
    };

    void connect(Dealer& dealer, milliseconds not_before = milliseconds{0});
    void establish(Dealer& dealer);
    void detach(const ConnectionPtr& connection);
    void push(const ConnectionPtr& connection, Direction direction, Frames frames);
    void enqueue(const ConnectionPtr& connection, Direction direction, Frames frames);
    void pump(const ConnectionPtr& connection, Direction direction);
    void deliver(const ConnectionPtr& connection, Direction direction, Frames frames);
    void break_connection(const ConnectionPtr& connection);
    void forget(Connection& connection);
    [[nodiscard]] bool usable(HostId host);

    World& world_;
    Dice dice_;
    Receive receive_;
    Door* door_ = nullptr;
    bool broker_up_ = false;
    std::uint64_t refused_per_mille_ = 0;
    std::uint64_t harmed_per_mille_ = 0;
    std::uint64_t last_peer_ = 0;
    std::map<std::string, ConnectionPtr> by_peer_;
    std::map<HostId, Path> paths_;
};

/// A DEALER or SUB socket that connects to the broker and reconnects by itself.
class Dealer {
public:
    using Receive = std::function<void(Frames)>;

    /// `only_when_connected`: ZMQ_IMMEDIATE; else messages wait for a connection.
    Dealer(Network& network, HostId host, Side side, bool only_when_connected, std::optional<PublicKey> key,
           Receive receive);
    ~Dealer();
    Dealer(const Dealer&) = delete;
    Dealer& operator=(const Dealer&) = delete;

    /// False: not connected, nothing was sent.
    bool send(Frames frames);
    /// Closes the socket and opens another one. What was sent may still arrive.
    void renew();
    /// The same with another key.
    void renew(std::optional<PublicKey> key) {
        key_ = std::move(key);
        renew();
    }
    /// What is done when the broker does not let this key in; else it is tried over and over.
    void set_refused(std::function<void()> refused) { refused_ = std::move(refused); }

private:
    friend class Network;
    void on_connected(Network::ConnectionPtr connection);
    void on_broken(std::deque<Network::Packet> unsent);

    Network& network_;
    HostId host_;
    Side side_;
    bool only_when_connected_;
    std::optional<PublicKey> key_;
    Receive receive_;
    std::function<void()> refused_;
    Network::ConnectionPtr connection_;
    std::deque<Frames> waiting_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);  ///< tasks of a socket that is gone do nothing
    milliseconds retry_{100};
};

}  // namespace mc::sim

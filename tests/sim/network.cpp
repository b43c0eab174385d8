#include "sim/network.hpp"

#include <algorithm>

#include "protocol/message.hpp"

namespace mc::sim {
namespace {

// io/zmq.hpp: heartbeat_interval + heartbeat_timeout, reconnect_min, reconnect_max.
constexpr milliseconds dead_connection_min{6000};
constexpr milliseconds dead_connection_max{8500};
constexpr milliseconds reconnect_min{100};
constexpr milliseconds reconnect_max{1000};

std::string describe(const Frames& frames) {
    for (std::size_t i = 0; i < std::min<std::size_t>(frames.size(), 2); ++i) {
        const auto header = protocol::decode_header(frames[i]);
        if (!header) continue;
        static const char* kinds[] = {"?",      "request", "reply",   "progress", "data",
                                      "credit", "end",     "control", "notice"};
        return std::string(protocol::name_of(header->verb)) + " " + kinds[static_cast<int>(header->kind)] + " " +
               header->id.str().substr(12) +
               (header->code == ErrorCode::ok ? "" : " " + std::string(mc::name_of(header->code)));
    }
    return "?";
}

/// A stream relies on its connection, and so does the end of one.
bool may_be_harmed(const Frames& frames) {
    using protocol::Verb;
    for (std::size_t i = 0; i < std::min<std::size_t>(frames.size(), 2); ++i) {
        const auto header = protocol::decode_header(frames[i]);
        if (!header) continue;
        const Verb verb = header->verb;
        return !protocol::stream_order(verb) && !protocol::is_stream_order(verb) && verb != Verb::hello &&
               verb != Verb::job_cancel && verb != Verb::cancel;
    }
    return false;
}

}  // namespace

void Network::broker_up(bool up) {
    broker_up_ = up;
    if (up) return;
    // What left before the end may still arrive; what was on its way here is lost.
    auto connections = by_peer_;
    for (auto& [peer, connection] : connections) {
        if (!connection->up.packets.empty()) world_.fired(Fault::message_lost);
        connection->up.packets.clear();
        auto& down = connection->down.packets;
        if (!down.empty()) down.resize(dice_.below(down.size() + 1));
        connection->closing = true;
        forget(*connection);
        if (down.empty() || paths_[connection->host].blocked[1]) break_connection(connection);
    }
}

bool Network::send_to(Side side, const std::string& peer, Frames frames) {
    const auto found = by_peer_.find(peer);
    if (found == by_peer_.end() || found->second->side != side) return false;
    if (refused_per_mille_ > 0 && dice_.per_mille(refused_per_mille_)) {
        world_.fired(Fault::send_refused);
        return false;
    }
    push(found->second, Direction::down, std::move(frames));
    return true;
}

void Network::publish(const Frames& frames) {
    for (auto& [peer, connection] : by_peer_) {
        if (connection->side != Side::events) continue;
        const auto& topics = connection->topics;
        const bool granted = std::any_of(topics.begin(), topics.end(),
                                         [&](const std::string& prefix) { return frames.front().starts_with(prefix); });
        if (granted) push(connection, Direction::down, frames);
    }
}

void Network::rebind_events() {
    const auto connections = by_peer_;
    for (const auto& [peer, connection] : connections) {
        if (connection->side == Side::events) break_connection(connection);
    }
}

void Network::set_blocked(HostId host, Direction direction, bool blocked) {
    Path& path = paths_[host];
    path.blocked[static_cast<int>(direction)] = blocked;
    const auto since = ++path.blocked_since;
    if (blocked) {
        world_.schedule.in(dice_.between(dead_connection_min, dead_connection_max), [this, host, since] {
            const Path& later = paths_[host];
            if (later.blocked_since == since && (later.blocked[0] || later.blocked[1])) drop(host);
        });
        return;
    }
    // A delivery may break or make connections.
    const auto connections = by_peer_;
    for (const auto& [peer, connection] : connections) {
        if (connection->host == host && !connection->lane(direction).pumping) pump(connection, direction);
    }
}

void Network::set_extra_delay(HostId host, milliseconds delay) {
    paths_[host].extra_delay = delay;
}

void Network::drop(HostId host) {
    auto connections = by_peer_;
    for (auto& [peer, connection] : connections) {
        if (connection->host == host) break_connection(connection);
    }
}

void Network::drop_all() {
    auto connections = by_peer_;
    for (auto& [peer, connection] : connections) break_connection(connection);
}

void Network::heal() {
    refused_per_mille_ = 0;
    harmed_per_mille_ = 0;
    for (auto& [host, path] : paths_) {
        path.extra_delay = 0ms;
        if (path.blocked[0]) set_blocked(host, Direction::up, false);
        if (path.blocked[1]) set_blocked(host, Direction::down, false);
    }
}

bool Network::usable(HostId host) {
    const Path& path = paths_[host];
    return broker_up_ && !path.blocked[0] && !path.blocked[1];
}

void Network::connect(Dealer& dealer, milliseconds not_before) {
    const milliseconds delay = std::max(usable(dealer.host_) ? dice_.between(1ms, 4ms) : dealer.retry_, not_before);
    dealer.retry_ = std::min(dealer.retry_ * 2, reconnect_max);
    world_.schedule.in(delay, [this, &dealer, alive = std::weak_ptr<int>(dealer.alive_)] {
        if (alive.expired() || dealer.connection_) return;
        if (usable(dealer.host_)) {
            establish(dealer);
        } else {
            connect(dealer);
        }
    });
}

void Network::establish(Dealer& dealer) {
    if (door_ && !door_->lets_in(dealer.side_, dealer.key_)) {
        world_.fired(Fault::key_refused);
        if (!dealer.refused_) return connect(dealer, reconnect_max);
        const auto refused = dealer.refused_;
        return refused();
    }
    auto connection = std::make_shared<Connection>();
    connection->peer = "p" + std::to_string(++last_peer_);
    connection->side = dealer.side_;
    connection->host = dealer.host_;
    connection->key = dealer.key_;
    if (connection->side == Side::events) {
        connection->topics = door_ ? door_->topics_for(dealer.key_) : std::vector<std::string>{""};
    }
    connection->dealer = &dealer;
    by_peer_[connection->peer] = connection;
    dealer.on_connected(std::move(connection));
}

void Network::push(const ConnectionPtr& connection, Direction direction, Frames frames) {
    if (harmed_per_mille_ > 0 && may_be_harmed(frames) && dice_.per_mille(harmed_per_mille_)) {
        const bool vanishes = dice_.one_in(2);
        world_.fired(vanishes ? Fault::message_vanished : Fault::message_doubled);
        if (vanishes) return;
        enqueue(connection, direction, frames);
    }
    enqueue(connection, direction, std::move(frames));
}

bool Network::say_to_worker(HostId host, Frames frames) {
    for (const auto& [peer, connection] : by_peer_) {
        if (connection->host != host || connection->side != Side::workers) continue;
        const ConnectionPtr found = connection;
        enqueue(found, Direction::down, std::move(frames));
        return true;
    }
    return false;
}

HostId Network::host_of(const std::string& peer) const {
    const auto found = by_peer_.find(peer);
    return found == by_peer_.end() ? 0 : found->second->host;
}

const std::optional<PublicKey>* Network::key_of(const std::string& peer) const {
    const auto found = by_peer_.find(peer);
    return found == by_peer_.end() ? nullptr : &found->second->key;
}

std::size_t Network::longest_queue() const {
    std::size_t longest = 0;
    for (const auto& [peer, connection] : by_peer_) {
        longest = std::max({longest, connection->up.packets.size(), connection->down.packets.size()});
    }
    return longest;
}

void Network::enqueue(const ConnectionPtr& connection, Direction direction, Frames frames) {
    Lane& lane = connection->lane(direction);
    const milliseconds extra = paths_[connection->host].extra_delay;
    const Moment due = world_.now() + dice_.between(1ms, 4ms) + (extra == 0ms ? 0ms : dice_.between(0ms, extra));
    lane.last_due = std::max(lane.last_due, due);
    lane.packets.push_back({lane.last_due, std::move(frames)});
    if (lane.pumping || lane.packets.size() > 1) return;
    lane.pumping = true;
    world_.schedule.at(lane.last_due, [this, connection, direction] { pump(connection, direction); });
}

void Network::pump(const ConnectionPtr& connection, Direction direction) {
    Lane& lane = connection->lane(direction);
    lane.pumping = false;
    if (lane.packets.empty()) return;
    if (paths_[connection->host].blocked[static_cast<int>(direction)]) {
        // Held back by the partition; the retransmissions bring it when it heals. The last words of a
        // process that is gone are nobody's to send again, and the other end's heartbeats find that out.
        if (connection->closing && connection->dealer) break_connection(connection);
        return;
    }
    while (!lane.packets.empty() && lane.packets.front().due <= world_.now()) {
        Frames frames = std::move(lane.packets.front().frames);
        lane.packets.pop_front();
        deliver(connection, direction, std::move(frames));
    }
    if (!lane.packets.empty()) {
        lane.pumping = true;
        world_.schedule.at(lane.packets.front().due, [this, connection, direction] { pump(connection, direction); });
        return;
    }
    if (!connection->closing) return;
    if (connection->dealer) break_connection(connection);
    forget(*connection);
}

void Network::deliver(const ConnectionPtr& connection, Direction direction, Frames frames) {
    world_.record(frames);
    if (direction == Direction::down) {
        if (!connection->dealer) return;
        world_.say([&] {
            return "  -> host " + std::to_string(connection->host) + " " + connection->peer + ": " + describe(frames);
        });
        connection->dealer->receive_(std::move(frames));
    } else if (broker_up_ && connection->known) {
        world_.say([&] {
            return "  <- host " + std::to_string(connection->host) + " " + connection->peer + ": " + describe(frames);
        });
        receive_(connection->side, connection->peer, std::move(frames));
    }
}

void Network::break_connection(const ConnectionPtr& connection) {
    if (!connection->up.packets.empty() && dice_.one_in(4)) {
        // It arrived, but the library does not know: it is sent again.
        deliver(connection, Direction::up, connection->up.packets.front().frames);
    }
    forget(*connection);
    if (!connection->up.packets.empty() || !connection->down.packets.empty()) world_.fired(Fault::message_lost);
    auto unsent = std::move(connection->up.packets);
    connection->up.packets.clear();
    connection->down.packets.clear();
    Dealer* dealer = std::exchange(connection->dealer, nullptr);
    if (dealer) dealer->on_broken(std::move(unsent));
}

void Network::forget(Connection& connection) {
    if (!std::exchange(connection.known, false)) return;
    by_peer_.erase(connection.peer);
}

void Network::detach(const ConnectionPtr& connection) {
    connection->dealer = nullptr;
    connection->down.packets.clear();
    connection->closing = true;
    Lane& up = connection->up;
    if (!up.packets.empty() && dice_.one_in(3)) {
        // Retransmissions: the new connection's first words get there earlier.
        world_.fired(Fault::old_connection_late);
        const milliseconds late = dice_.between(20ms, 3000ms);
        for (auto& packet : up.packets) packet.due += late;
        up.last_due += late;
    }
    if (up.packets.empty()) {
        world_.schedule.in(dice_.between(1ms, 4ms), [this, connection] { forget(*connection); });
    }
}

Dealer::Dealer(Network& network, HostId host, Side side, bool only_when_connected, std::optional<PublicKey> key,
               Receive receive)
    : network_(network),
      host_(host),
      side_(side),
      only_when_connected_(only_when_connected),
      key_(std::move(key)),
      receive_(std::move(receive)) {
    network_.connect(*this);
}

Dealer::~Dealer() {
    if (connection_) network_.detach(connection_);
}

bool Dealer::send(Frames frames) {
    if (connection_) {
        network_.push(connection_, Direction::up, std::move(frames));
        return true;
    }
    if (only_when_connected_) return false;
    waiting_.push_back(std::move(frames));
    return true;
}

void Dealer::renew() {
    if (connection_) network_.detach(connection_);
    connection_.reset();
    waiting_.clear();
    alive_ = std::make_shared<int>(0);
    retry_ = reconnect_min;
    network_.connect(*this);
}

void Dealer::on_connected(Network::ConnectionPtr connection) {
    connection_ = std::move(connection);
    retry_ = reconnect_min;
    auto waiting = std::exchange(waiting_, {});
    for (auto& frames : waiting) network_.push(connection_, Direction::up, std::move(frames));
}

void Dealer::on_broken(std::deque<Network::Packet> unsent) {
    connection_.reset();
    if (!only_when_connected_ && !unsent.empty() && network_.dice_.one_in(2)) {
        // What the library had not yet written waits for the next connection; some of it had arrived.
        network_.world_.fired(Fault::message_repeated);
        for (auto& packet : unsent) waiting_.push_back(std::move(packet.frames));
    }
    network_.connect(*this);
}

}  // namespace mc::sim

#pragma once

#include <zmq.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/contexts.hpp"
#include "protocol/message.hpp"

namespace mc::bench {

/// Ends the program with a sentence: what a load generator can't do makes its figures worthless.
[[noreturn]] void give_up(const std::string& why);

/// What a Peer is at the other end.
enum class PeerKind {
    dealer,     ///< a client or a worker of a broker
    addressed,  ///< a worker of the bare forwarder: messages have one more frame in front, that of whom they are from
                ///< and for
    watcher,    ///< of the events channel, subscribed to everything; messages have their topic in front
};

/// One socket of the load. It copies less than io::Socket does: the generator shares the cores with what it measures.
/// One thread.
class Peer {
public:
    /// `as`: speaks CURVE with that key. `connections`: a watcher may stand for several, each of which is sent
    /// everything: to whom it is published they are as many watchers, and the load has one descriptor to look at.
    Peer(void* context, const std::string& endpoint, const std::optional<io::StoredConnection>& as,
         PeerKind kind = PeerKind::dealer, std::size_t connections = 1);
    ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    /// Gives up when the queue is full: the load is bounded by its windows, so the broker has stopped reading.
    void send(const protocol::Header& header, std::string_view body = {}, std::string_view data = {});
    /// One frame, as it is.
    void send_bare(std::string_view frame);

    /// The next message, if there is one. What it returned before is gone then.
    [[nodiscard]] bool receive();
    [[nodiscard]] const protocol::Header& header() const { return header_; }
    [[nodiscard]] std::string_view body() const { return view(body_); }
    [[nodiscard]] std::string_view data() const { return has_data_ ? view(data_) : std::string_view(); }

    /// Readable when something may have come (level-triggered): receive() until there is nothing.
    [[nodiscard]] int descriptor() const;
    /// Something was sent since the last time this was asked: the library may have taken note of what came meanwhile,
    /// so the descriptor is no sign any more.
    [[nodiscard]] bool take_touched() { return std::exchange(touched_, false); }

private:
    static std::string_view view(const zmq_msg_t& frame);
    void part(std::string_view bytes, bool more);

    void* socket_;
    bool addressed_;  ///< there is a frame in front
    bool touched_ = false;
    bool has_data_ = false;
    protocol::Header header_;
    mutable zmq_msg_t address_{}, head_{}, body_{}, data_{};
};

}  // namespace mc::bench

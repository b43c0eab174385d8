#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "io/zmq.hpp"

namespace mc::io {

/// How the handshake of a connection ended.
enum class Handshake : std::uint8_t {
    done,        ///< the connection stands
    refused,     ///< the other end does not let this key in; the socket does not try again, though its sends succeed
                 ///< (pitfalls 7)
    no_common,   ///< one end wants keys, the other does not: as for refused
    broken_off,  ///< the other end hung up at once: it is not who this one takes it for (another broker key), or it
                 ///< ended. Goes on trying. One that is silent is told of by nothing but its silence
};

/// Sees how the connections of one socket begin: what its sends and receives do not tell.
///
/// Single thread; make it before the socket connects or binds, and end it before the socket: the library's I/O thread,
/// and with it everything, stands still when it has something to tell and nobody is there.
class HandshakeWatch {
public:
    HandshakeWatch(Context& context, Socket& socket);
    ~HandshakeWatch();
    HandshakeWatch(const HandshakeWatch&) = delete;
    HandshakeWatch& operator=(const HandshakeWatch&) = delete;

    /// For the Poller: readable when next() has something.
    [[nodiscard]] Socket& events() { return events_; }
    /// The next one if one has ended; never waits.
    [[nodiscard]] std::optional<Handshake> next();
    /// Something listens there and has taken a connection, as far as next() has come; it may be silent since.
    [[nodiscard]] bool was_taken() const { return was_taken_; }

private:
    void* watched_;
    Socket events_;
    bool in_handshake_ = false;
    bool was_taken_ = false;
    Instant begun_;
};

/// Tells from handshakes, one after the other, whether a connection can still come of it. Pure.
class HandshakeVerdict {
public:
    /// True: waiting is of no use. A broker that ends, or puts off who connects too often, breaks a handshake off or
    /// some; one that does so each time, for longer than that lasts, is not who it is taken for.
    [[nodiscard]] bool is_final(Instant now, Handshake outcome);

    static constexpr int broken_off_max = 3;
    static constexpr milliseconds broken_off_time{1000};

private:
    int broken_off_ = 0;  ///< in a row
    Instant first_;       ///< of them
};

/// What a person who connects to `endpoint` can do about it. REQUIRES: not done.
[[nodiscard]] std::string handshake_sentence(Handshake outcome, const std::string& endpoint, bool with_key);

}  // namespace mc::io

#include "io/handshake_watch.hpp"

#include <zmq.h>

#include <cstring>

#include "base/assert.hpp"
#include "io/clock.hpp"
#include "io/random.hpp"

namespace mc::io {
namespace {

struct MonitorEvent {
    std::uint16_t number = 0;
    std::uint32_t value = 0;
};

/// A handshake that ends after this was not answered: the program is stopped, or its machine gone.
constexpr milliseconds silence_min{2000};

constexpr int events_watched = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

SocketOptions event_options() {
    SocketOptions options;
    // No limit: at one the library's I/O thread would wait. A connection makes a few a second at most.
    options.receive_messages_max = 0;
    return options;
}

/// Of zmq_socket_monitor(3): 16 bits of event, 32 bits of value, in this machine's byte order.
std::optional<MonitorEvent> read_event(const std::string& frame) {
    MonitorEvent event;
    if (frame.size() != sizeof event.number + sizeof event.value) return std::nullopt;
    std::memcpy(&event.number, frame.data(), sizeof event.number);
    std::memcpy(&event.value, frame.data() + sizeof event.number, sizeof event.value);
    return event;
}

}  // namespace

HandshakeWatch::HandshakeWatch(Context& context, Socket& socket)
    : watched_(socket.handle()), events_(Socket::pair(context, event_options())) {
    const std::string address = "inproc://handshakes-" + std::to_string(random_u64());
    MC_ASSERT(zmq_socket_monitor(watched_, address.c_str(), events_watched) == 0);
    MC_ASSERT(events_.connect(address));
}

HandshakeWatch::~HandshakeWatch() {
    zmq_socket_monitor(watched_, nullptr, 0);
}

std::optional<Handshake> HandshakeWatch::next() {
    while (const auto frames = events_.receive()) {
        const auto event = read_event(frames->front());
        if (!event) continue;
        const bool began = std::exchange(in_handshake_, event->number == ZMQ_EVENT_CONNECTED);
        const Instant now = read_clock().instant;
        switch (event->number) {
            case ZMQ_EVENT_CONNECTED:
                begun_ = now;
                was_taken_ = true;
                break;
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
                return Handshake::done;
            case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
                return Handshake::refused;
            case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
                // Anything else: what answers there speaks no ZeroMQ.
                return event->value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? Handshake::no_common
                                                                                  : Handshake::broken_off;
            case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            case ZMQ_EVENT_DISCONNECTED:
                if (began && now - begun_ < silence_min) return Handshake::broken_off;
                break;
            default:
                break;
        }
    }
    return std::nullopt;
}

bool HandshakeVerdict::is_final(Instant now, Handshake outcome) {
    if (outcome != Handshake::broken_off) {
        broken_off_ = 0;
        return outcome != Handshake::done;
    }
    if (broken_off_++ == 0) first_ = now;
    return broken_off_ >= broken_off_max && now - first_ >= broken_off_time;
}

std::string handshake_sentence(Handshake outcome, const std::string& endpoint, bool with_key) {
    const std::string broker = "the broker at " + endpoint;
    switch (outcome) {
        case Handshake::refused:
            return broker +
                   " does not let this key in: it was revoked, has expired, or is for another socket; ask an admin for "
                   "a token (mccli token create) and join with it";
        case Handshake::no_common:
            return with_key ? broker +
                                  " does not use keys, and this side does: is it another broker, or one that was "
                                  "started with --plaintext?"
                            : broker +
                                  " lets nobody in without a key: join with a token first (an admin makes one: mccli "
                                  "token create)";
        case Handshake::broken_off:
            return broker + (with_key ? " hangs up during the handshake: it is not the broker whose key is stored here "
                                        "(was it set up anew? then join it with a token), or no broker at all, or "
                                        "this key connects too often or has too many connections (its log "
                                        "says so)"
                                      : " hangs up during the handshake: it may want a key (join with a token: mccli "
                                        "token create), or be no broker at all");
        case Handshake::done:
            break;
    }
    return broker + " has let this side in";
}

}  // namespace mc::io

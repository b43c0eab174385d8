#include "io/stranger_probe.hpp"

#include <optional>

#include "io/clock.hpp"
#include "io/handshake_watch.hpp"

namespace mc::io {
namespace {

/// For a machine that is busy with other things.
constexpr milliseconds patience_max{30000};

}  // namespace

SocketOptions stranger_options(const PublicKey& server) {
    SocketOptions options;
    options.security = CurveClient{KeyPair::make(), server};
    options.linger = milliseconds(0);
    return options;
}

Result<void> probe_as_stranger(Context& context, Poller& poller, Socket socket, const std::string& endpoint) {
    std::optional<Handshake> outcome;
    HandshakeWatch watch(context, socket);
    if (auto connected = socket.connect(endpoint); !connected) return connected;
    const auto is_final = [&] { return outcome == Handshake::refused || outcome == Handshake::done; };
    poller.add(watch.events(), {}, [&](Readiness) {
        while (!is_final()) {
            const auto next = watch.next();
            if (!next) return;
            outcome = next;
        }
    });
    const Instant end = read_clock().instant + patience_max;
    while (!is_final() && read_clock().instant < end) poller.wait(end - read_clock().instant);
    poller.remove(watch.events());
    if (outcome == Handshake::refused) return {};
    if (outcome == Handshake::done) {
        return fail(ErrorCode::internal, "a key that nobody knows was let in at " + endpoint +
                                             ": this build or its libzmq can't keep strangers out; not started");
    }
    return fail(ErrorCode::io_failed, "it could not be tried whether " + endpoint +
                                          " keeps strangers out; not started. Can this machine connect to itself "
                                          "there, or does a firewall forbid it?");
}

}  // namespace mc::io

#include "io/zap.hpp"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/curve_keys.hpp"

namespace mc::io {
namespace {

using Frames = std::vector<std::string>;

/// Taken in one go; the rest waits for the next turn, so that messages have theirs in a storm of connections.
constexpr int requests_per_turn_max = 100;

// Frames of a request, after the routing id and an empty one: RFC 27.
enum Field : std::size_t { route, delimiter, version, request_id, domain, address, identity, mechanism, credentials };
constexpr std::size_t fields = credentials + 1;

struct Status {
    const char* code;
    const char* text;
};
/// By Admission.
constexpr std::array statuses{Status{"200", "OK"}, Status{"400", "this key is not authorised"},
                              Status{"300", "this key connects too often, or has too many connections"}};

SocketOptions zap_options() {
    SocketOptions options;
    options.frames_kept_max = fields + 1;
    return options;
}

}  // namespace

ZapHandler::ZapHandler(Context& context, Decide decide)
    : socket_(Socket::router(context, zap_options())), decide_(std::move(decide)) {}

Result<void> ZapHandler::begin(Poller& poller) {
    if (auto bound = socket_.bind("inproc://zeromq.zap.01"); !bound) return bound;
    poller.add(socket_, {}, [this](Readiness) { drain(); });
    return {};
}

void ZapHandler::end(Poller& poller) {
    poller.remove(socket_);
}

void ZapHandler::drain() {
    for (int i = 0; i < requests_per_turn_max; ++i) {
        const std::optional<Frames> asked = socket_.receive();
        if (!asked) return;
        const Frames& request = *asked;
        // libzmq itself speaks here: nothing else comes, and nothing could be answered.
        if (request.size() <= request_id || request[version] != "1.0") continue;
        std::optional<PublicKey> key;
        if (request.size() == fields && request[mechanism] == "CURVE")
            key = PublicKey::from_bytes(request[credentials]);
        const Admission admission = key ? decide_(request[domain], *key, request[address]) : Admission::refused;
        const Status& status = statuses[static_cast<std::size_t>(admission)];
        // That the session is gone meanwhile is nothing to do about.
        static_cast<void>(socket_.send(Frames{request[route], "", "1.0", request[request_id], status.code, status.text,
                                              admission == Admission::let_in ? to_z85(*key) : "", ""}));
    }
}

}  // namespace mc::io

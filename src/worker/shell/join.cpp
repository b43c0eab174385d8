#include "worker/shell/join.hpp"

#include <optional>
#include <system_error>

#include "io/clock.hpp"
#include "io/contexts.hpp"
#include "io/handshake_watch.hpp"
#include "io/poller.hpp"
#include "io/random.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"
#include "protocol/endpoints.hpp"
#include "protocol/join_token.hpp"
#include "protocol/key_bodies.hpp"
#include "worker/shell/worker_options.hpp"

namespace mc::worker {
namespace {

constexpr milliseconds join_time_max = 15s;
/// The request is said again, under its id, this often.
constexpr milliseconds repeat_interval = 2s;

/// joiner: nothing is known of it.
Result<void> check_role(protocol::Role role) {
    if (role == protocol::Role::worker || role == protocol::Role::joiner) return {};
    return fail(ErrorCode::invalid_argument, "this token is for a " + std::string(name_of(role)) +
                                                 ": use it with mccli join, on the machine of that person");
}

/// Asks until there is a reply. Errors: broker_unreachable, not_authorised, and any refusal.
Result<protocol::JoinReply> ask(const std::string& endpoint, const io::CurveClient& keys,
                                const protocol::JoinRequest& request) {
    io::Context context;
    io::SocketOptions options;
    options.security = keys;
    options.linger = milliseconds(0);
    io::Socket socket = io::Socket::dealer(context, options);
    io::HandshakeWatch handshakes(context, socket);
    if (auto connected = socket.connect(endpoint); !connected) return fail(connected.error());

    protocol::Message message;
    message.header.verb = protocol::Verb::join;
    message.header.id = RequestId{io::random_u64(), io::random_u64()};
    message.body = protocol::encode(request);
    std::optional<protocol::Message> reply;
    std::optional<io::Handshake> trouble;
    io::Poller poller;
    poller.add(socket, {}, [&](io::Readiness) {
        while (auto frames = socket.receive()) {
            auto received = protocol::from_frames(*frames);
            const bool wanted =
                received && received->header.kind == protocol::Kind::reply && received->header.id == message.header.id;
            if (wanted) reply = std::move(*received);
        }
    });
    poller.add(handshakes.events(), {}, [&](io::Readiness) {
        while (const auto outcome = handshakes.next()) trouble = outcome;
    });
    const Instant end = io::read_clock().instant + join_time_max;
    Instant next_send = io::read_clock().instant;
    while (!reply && trouble != io::Handshake::refused && io::read_clock().instant < end) {
        if (io::read_clock().instant >= next_send) {
            static_cast<void>(socket.send(protocol::to_frames(message)));
            next_send = next_send + repeat_interval;
        }
        poller.wait(std::max<milliseconds>(std::min(next_send, end) - io::read_clock().instant, 0ms));
    }
    poller.remove(handshakes.events());
    poller.remove(socket);
    if (trouble == io::Handshake::refused) {
        return fail(ErrorCode::not_authorised, "the broker at " + endpoint +
                                                   " does not know this token (any longer): it has expired, or was "
                                                   "revoked; ask an admin for another (mccli token create)");
    }
    if (!reply && trouble && *trouble != io::Handshake::done) {
        return fail(ErrorCode::broker_unreachable, io::handshake_sentence(*trouble, endpoint, true));
    }
    if (!reply) {
        return fail(ErrorCode::broker_unreachable,
                    "the broker at " + endpoint +
                        " does not answer; does this machine reach it there? Joining can be tried again with the "
                        "same token");
    }
    if (reply->header.code != ErrorCode::ok) {
        const auto why = protocol::decode<protocol::ErrorBody>(reply->body);
        return fail(reply->header.code, why ? why->message : "the broker refused it without a reason");
    }
    return protocol::decode<protocol::JoinReply>(reply->body);
}

}  // namespace

Result<std::string> join(const std::string& text, const std::string& node, const std::filesystem::path& state_dir) {
    const auto token = protocol::read_join_token(text);
    if (!token) return fail(token.error());
    if (auto checked = check_role(token->role); !checked) return fail(checked.error());
    auto token_keys = io::KeyPair::of_secret(token->secret);
    if (!token_keys) return fail(token_keys.error());
    // Kept until it is admitted: a second try is then a repeat, and not a second use of the token.
    const auto pending = state_dir / ("joining-" + token_keys->pub.fingerprint() + ".key");
    auto own = io::read_or_make_key_file(pending);
    if (!own) return fail(own.error());
    const auto reply = ask(token->endpoint, {std::move(*token_keys), token->broker}, {own->pub, node});
    if (!reply) return fail(reply.error());
    if (auto checked = check_role(reply->role); !checked) return fail(checked.error());
    const std::string workers = protocol::reached_endpoint(reply->workers_endpoint, token->endpoint);
    if (auto written = io::write_connection(connection_file(state_dir), {workers, token->broker, std::move(*own)});
        !written) {
        return fail(written.error());
    }
    std::error_code ignored;
    std::filesystem::remove(pending, ignored);
    return "joined cloud " + reply->cloud.str() + " as " + reply->name + "; its workers connect to " + workers;
}

}  // namespace mc::worker

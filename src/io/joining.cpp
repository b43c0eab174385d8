#include "io/joining.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <system_error>

#include "io/clock.hpp"
#include "io/contexts.hpp"
#include "io/files.hpp"
#include "io/handshake_watch.hpp"
#include "io/poller.hpp"

namespace mc::io {
namespace {

namespace fs = std::filesystem;

/// The request is said again, under its id, this often.
constexpr milliseconds repeat_interval{2000};
constexpr std::size_t token_line_bytes_max = 4096;

/// What is stored already, and is to be given up. Errors: already_exists.
Result<std::optional<PublicKey>> check_vacant(const Joining& joining) {
    const auto stored = read_connection(joining.file);
    if (!stored && stored.error().code == ErrorCode::not_found) return std::nullopt;
    if (joining.replace) return stored ? std::optional(stored->own.pub) : std::nullopt;
    return fail(ErrorCode::already_exists, joining.occupied + ", or give up what is stored in " +
                                               joining.file.string() + ", with its key, for the new one: --replace");
}

/// Asks until there is an answer; returns the endpoint in it.
Result<std::string> ask(const Joining& joining, const PublicKey& own) {
    Context context;
    SocketOptions options;
    options.security = joining.token;
    options.linger = milliseconds(0);
    Socket socket = Socket::dealer(context, options);
    HandshakeWatch handshakes(context, socket);
    if (auto connected = socket.connect(joining.endpoint); !connected) return fail(connected.error());

    const auto request = joining.request(own);
    std::optional<Result<std::string>> answer;
    std::optional<Handshake> trouble;
    HandshakeVerdict verdict;
    bool given_up = false;
    Poller poller;
    poller.add(socket, {}, [&](Readiness) {
        while (auto frames = socket.receive()) {
            if (!answer) answer = joining.answer(std::move(*frames));
        }
    });
    poller.add(handshakes.events(), {}, [&](Readiness) {
        while (const auto outcome = handshakes.next()) {
            trouble = outcome;
            given_up = verdict.is_final(read_clock().instant, *outcome);
        }
    });
    const Instant end = read_clock().instant + joining.time_max;
    Instant next_send = read_clock().instant;
    while (!answer && !given_up && read_clock().instant < end) {
        if (read_clock().instant >= next_send) {
            static_cast<void>(socket.send(request));
            next_send = next_send + repeat_interval;
        }
        poller.wait(std::max<milliseconds>(std::min(next_send, end) - read_clock().instant, milliseconds(0)));
    }
    poller.remove(handshakes.events());
    poller.remove(socket);
    if (answer) return std::move(*answer);
    const std::string broker = "the broker at " + joining.endpoint;
    if (trouble == Handshake::refused) {
        return fail(ErrorCode::not_authorised,
                    broker +
                        " does not know this token (any longer): it has expired, or was revoked; ask an admin for "
                        "another (mccli token create)");
    }
    if (trouble && *trouble != Handshake::done) {
        return fail(ErrorCode::broker_unreachable, handshake_sentence(*trouble, joining.endpoint, true));
    }
    return fail(ErrorCode::broker_unreachable,
                broker +
                    " does not answer; does this machine reach it there? Joining can be tried again with the "
                    "same token");
}

}  // namespace

Result<std::optional<PublicKey>> join(const Joining& joining) {
    const fs::path folder = joining.file.parent_path();
    if (auto made = make_private_dir(folder); !made) return fail(made.error());
    const auto lock = LockFile::acquire(joining.lock, "wait for it or stop it, then join again with the same token");
    if (!lock) return fail(lock.error());
    auto given_up = check_vacant(joining);
    if (!given_up) return given_up;
    const fs::path pending = folder / ("joining-" + joining.token.own.pub.fingerprint() + ".key");
    auto own = read_or_make_key_file(pending);
    if (!own) return fail(own.error());
    auto endpoint = ask(joining, own->pub);
    if (!endpoint) return fail(endpoint.error());
    if (auto stored = write_connection(joining.file, {*endpoint, joining.token.server, std::move(*own)}); !stored) {
        return fail(stored.error());
    }
    std::error_code ignored;
    fs::remove(pending, ignored);
    return given_up;
}

Secret given_or_from_stdin(const std::string& token) {
    if (token != "-") return Secret(std::string_view(token));
    std::array<char, token_line_bytes_max> line{};
    std::string_view text;
    if (std::fgets(line.data(), static_cast<int>(line.size()), stdin) != nullptr) text = line.data();
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
    Secret read(text);
    Secret::wipe(line);
    return read;
}

}  // namespace mc::io

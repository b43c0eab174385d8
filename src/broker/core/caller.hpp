#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/public_key.hpp"

namespace mc::broker {

/// A ROUTER's name for one connection. Never shown or sent to anyone
/// (pitfalls: a peer that learns one can crash libzmq 4.3.4).
struct PeerId {
    std::string bytes;

    auto operator<=>(const PeerId&) const = default;
    explicit operator bool() const { return !bytes.empty(); }
};

/// The broker's sockets.
enum class Side : std::uint8_t { clients, workers, events };

/// Who sent a message: the connection, and the key that it has proved to have.
struct Caller {
    PeerId peer;
    std::optional<PublicKey>
        key;  ///< nullopt: one without a key, over ipc:// or loopback: trusted as the admin `local`

    bool operator==(const Caller&) const = default;
};

/// Who is behind a message of that connection, at a socket that asks for keys or one that does not. nullopt: nobody. A
/// socket that asks has let none in without one, and a message that lacks it all the same must not be taken for one of
/// somebody who is trusted without (pitfalls 5).
[[nodiscard]] inline std::optional<Caller> caller_of(PeerId peer, std::optional<PublicKey> key, bool asks_for_keys) {
    if (!asks_for_keys) return Caller{std::move(peer), std::nullopt};
    if (!key) return std::nullopt;
    return Caller{std::move(peer), std::move(key)};
}

}  // namespace mc::broker

template <>
struct std::hash<mc::broker::PeerId> {
    std::size_t operator()(const mc::broker::PeerId& peer) const noexcept {
        return std::hash<std::string>{}(peer.bytes);
    }
};

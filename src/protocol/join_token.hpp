#pragma once

#include <string>
#include <string_view>

#include "base/public_key.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "protocol/key_bodies.hpp"

/// The one string with which somebody joins. docs/protocol.md "token_create", ADR 16.
namespace mc::protocol {

/// What every token begins with.
inline constexpr std::string_view join_token_prefix = "mc1-";

struct JoinToken {
    std::string endpoint;  ///< of the broker, for clients
    PublicKey broker;
    Secret secret;             ///< the token's secret key, 32 bytes; its public half follows from it
    Role role = Role::joiner;  ///< of those who join with it, so that it is not used up by the wrong program; joiner =
                               ///< it does not say

    bool operator==(const JoinToken&) const = default;
};

/// `mc1-…`. REQUIRES: 32 bytes of secret.
[[nodiscard]] std::string to_text(const JoinToken& token);

/// Error: invalid_argument (it is none, or was cut). The sentence does not repeat the text: it may be a secret.
[[nodiscard]] Result<JoinToken> read_join_token(std::string_view text);

}  // namespace mc::protocol

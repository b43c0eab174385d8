#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "protocol/key_bodies.hpp"
#include "protocol/message.hpp"

/// What a program says to join, and what it makes of the answer. docs/protocol.md "join".
namespace mc::protocol {

/// Who joins; a token for the other one must not be used up by it.
enum class Joiner : std::uint8_t { client, worker };

/// Whether a token, or what it has made of somebody, is for such a program; joiner = it is not known yet.
/// Error: invalid_argument (says which program it is for).
[[nodiscard]] Result<void> check_joiner(Joiner program, Role role);

/// The request, as it goes on the wire.
[[nodiscard]] std::vector<Bytes> join_request(RequestId id, const PublicKey& own, const std::string& name);

/// nullopt: `frames` are not the reply to `id`. Errors: what the broker refuses, bad_message (it can't be read), and
/// as check_joiner.
[[nodiscard]] std::optional<Result<JoinReply>> join_reply(RequestId id, Joiner program, std::vector<Bytes> frames);

}  // namespace mc::protocol

#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/core/audit_reader.hpp"
#include "cli/core/command_line.hpp"
#include "protocol/key_bodies.hpp"

/// What a command line about keys or the audit log asks for, checked: arguments in, requests out.
namespace mc::cli {

/// keys revoke: names or fingerprints; one given twice counts once. Error: invalid_argument.
[[nodiscard]] Result<protocol::RevokeRequest> read_revoke(std::span<const std::string> operands);

/// token revoke: the fingerprints of the tokens that `operands` name, by name or fingerprint, among what is `listed`.
/// A name's keys are not among them: only tokens are taken back. Errors: invalid_argument, not_found (no such token).
[[nodiscard]] Result<protocol::RevokeRequest> read_token_revoke(std::span<const std::string> operands,
                                                                const std::vector<protocol::KeyView>& listed);

struct TokenCommand {
    protocol::TokenCreateRequest request;  ///< without the key: the shell makes it
    std::string endpoint;                  ///< where those who join reach the broker; "" = as the broker says
};
/// Errors: usage, invalid_argument.
[[nodiscard]] Result<TokenCommand> read_token_create(const Settings& settings);

struct AuditCommand {
    AuditRange range;
    bool verify = false;
    std::string noted;  ///< a hash to be found; "" = none
};
/// Errors: usage, invalid_argument.
[[nodiscard]] Result<AuditCommand> read_audit(const Settings& settings);

}  // namespace mc::cli

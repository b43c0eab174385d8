#pragma once

#include <string>
#include <vector>

#include "cli/core/audit_reader.hpp"
#include "cli/core/json_helpers.hpp"
#include "cli/core/text.hpp"

/// The audit log as people and programs read it. Every text ends with a line break; "" = nothing to print.
namespace mc::cli {

[[nodiscard]] std::string text_audit(const std::vector<protocol::AuditEntry>& entries, const TextStyle& style);
[[nodiscard]] Json json_audit(const std::vector<protocol::AuditEntry>& entries);

/// Of a check without a fault: how much there is, and the last hash, to be noted.
[[nodiscard]] std::string text_audit_check(const AuditCheck& check);
[[nodiscard]] Json json_audit_check(const AuditCheck& check);

}  // namespace mc::cli

#pragma once

#include <string_view>

#include "base/result.hpp"
#include "protocol/vm.hpp"

/// The rules for what people and peers send, checked by the CLI (to answer at
/// once) and again by the broker and the worker (who trust nobody).
/// docs/protocol.md "Names and values".
namespace mc::protocol {

/// One DNS label: a-z, 0-9 and inner hyphens, 1 to 63 bytes. Error: invalid_argument.
/// `what` begins the sentence, e.g. "VM name".
[[nodiscard]] Result<void> check_name(std::string_view what, std::string_view name);

/// What names a VM: NAME, OWNER/NAME or an id of 16 hexadecimal digits. Whether it is there only the broker knows.
/// Error: invalid_argument.
[[nodiscard]] Result<void> check_target(std::string_view target);

/// An image reference as Docker takes it: [host[:port]/]path[:tag][@digest]. Error: invalid_argument.
[[nodiscard]] Result<void> check_image(std::string_view image);

/// NAME=value; NAME is [A-Za-z_][A-Za-z0-9_]*; no NUL. Error: invalid_argument.
[[nodiscard]] Result<void> check_env(std::string_view entry);

/// One OpenSSH public key line: type, base64, optional comment; no options, no control characters.
/// Error: invalid_argument.
[[nodiscard]] Result<void> check_public_key(std::string_view line);

/// A "$6$" hash of crypt(3). Error: invalid_argument.
[[nodiscard]] Result<void> check_password_hash(std::string_view hash);

/// A host name or address under which others reach something: letters, digits, '.', '-', ':' and '%', beginning with a
/// letter, a digit or ':' (so that no program takes it for an option). Error: invalid_argument.
[[nodiscard]] Result<void> check_host(std::string_view what, std::string_view host);

/// Key: letters, digits, '.', '-', '_', '/'; value: no control characters; at most labels_max. Error: invalid_argument.
[[nodiscard]] Result<void> check_labels(const std::vector<Label>& labels);

/// Everything above for a whole spec, and the ranges of limits.hpp. Empty and
/// zero fields pass: they mean the default. Error: invalid_argument.
[[nodiscard]] Result<void> check_spec(const VmSpec& spec);

/// A set-up script: 1 to setup_bytes_max bytes, beginning with "#!" (what would run it is not guessed), no NUL.
/// Error: invalid_argument.
[[nodiscard]] Result<void> check_setup(std::string_view script);

}  // namespace mc::protocol

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

/// The user's SSH keys: which files count and what is in them. Reading the files is the shell's.
namespace mc::cli {

/// The keys in a public key file (one a line; empty lines and `#` comments are
/// passed over). `file` is for messages. Errors: invalid_argument (a private key, no
/// key at all, not a key).
[[nodiscard]] Result<std::vector<std::string>> public_keys_in(std::string_view content, std::string_view file);

/// Of the names in ~/.ssh those that are public keys by custom: id_*.pub, sorted.
/// Certificates (id_*-cert.pub) are not keys to install.
[[nodiscard]] std::vector<std::string> public_key_names(const std::vector<std::string>& names);

}  // namespace mc::cli

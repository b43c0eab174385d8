#pragma once

#include <cstddef>
#include <string>

#include "base/result.hpp"

namespace mc::io {

/// Random letters and digits without those that look alike (0 O o, 1 l I),
/// uniform: 5.8 bits each, so 16 of them carry 92 bits. A secret: show it once, never log it.
[[nodiscard]] std::string random_password(std::size_t length = 16);

/// For /etc/shadow: "$6$" (SHA-512 crypt) with a random salt of 16 characters.
/// Errors: internal (the C library refuses).
[[nodiscard]] Result<std::string> hash_password_sha512(const std::string& password);

}  // namespace mc::io

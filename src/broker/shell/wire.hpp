#pragma once

#include <string>

#include "base/result.hpp"

namespace mc::broker {

/// How a socket speaks.
enum class Wire {
    keys,       ///< CURVE: encrypted, and nobody without an authorised key
    plaintext,  ///< whoever reaches it is trusted
};

/// ipc:// is plaintext: the file system keeps others out. tcp:// asks for keys, unless `plaintext` was asked for.
/// Errors: usage (plaintext, and others than this machine's users could reach it; or another transport, and ipc:// in
/// the abstract name space, which has no mode).
[[nodiscard]] Result<Wire> wire_of(const std::string& endpoint, bool plaintext);

}  // namespace mc::broker

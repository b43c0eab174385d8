#pragma once

#include <string>

#include "base/result.hpp"

namespace mc::broker {

/// How a socket speaks.
enum class Wire {
    keys,       ///< CURVE: encrypted, and nobody without an authorised key
    plaintext,  ///< whoever reaches it is trusted
};

/// ipc:// is plaintext: the file system keeps others out. `encrypted`: tcp asks for keys.
[[nodiscard]] Wire wire_of(const std::string& endpoint, bool encrypted);

}  // namespace mc::broker

#pragma once

#include <string>
#include <string_view>

namespace mc {

/// The 128-bit BLAKE2b hash of `bytes` as 32 hexadecimal digits. Same input, same hash, on every
/// machine and in every release: it is stored and compared.
[[nodiscard]] std::string digest(std::string_view bytes);

/// The same with 256 bits, 64 digits: where somebody may want to find two inputs of one hash.
[[nodiscard]] std::string long_digest(std::string_view bytes);

}  // namespace mc

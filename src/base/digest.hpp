#pragma once

#include <string>
#include <string_view>

namespace mc {

/// The 128-bit BLAKE2b hash of `bytes` as 32 hexadecimal digits. Same input, same hash, on every
/// machine and in every release: it is stored and compared.
[[nodiscard]] std::string digest(std::string_view bytes);

}  // namespace mc

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace mc::io {

/// From the kernel (getrandom): fit for secrets and for seeding mc::Prng. May
/// wait at early boot until the kernel has entropy. Aborts when the kernel has none to give.
[[nodiscard]] std::uint64_t random_u64();
[[nodiscard]] std::string random_bytes(std::size_t count);

}  // namespace mc::io

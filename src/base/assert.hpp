#pragma once

namespace mc::detail {
/// Writes the failed condition and its place to stderr and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}  // namespace mc::detail

/// For our own mistakes only; stays on in release builds. Never on what came
/// from outside (a peer, the engine, a file, a person): that is a Result.
#define MC_ASSERT(condition) \
    ((condition) ? static_cast<void>(0) : ::mc::detail::assertion_failed(#condition, __FILE__, __LINE__))

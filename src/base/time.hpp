#pragma once

#include <chrono>
#include <cstdint>

namespace mc {

using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace std::chrono_literals;

/// A point on the local steady clock: for deadlines and ages inside one process.
/// Pure code gets it as an argument; only io/clock.hpp reads it.
struct Instant {
    milliseconds since_boot{0};

    auto operator<=>(const Instant&) const = default;
    friend Instant operator+(Instant t, milliseconds d) { return Instant{t.since_boot + d}; }
    friend milliseconds operator-(Instant a, Instant b) { return a.since_boot - b.since_boot; }

    /// Later than every deadline.
    static constexpr Instant never() { return Instant{milliseconds::max()}; }
};

/// Milliseconds since 1970 UTC: for what people read and what outlives a process.
/// It may jump; nothing that must be right depends on its differences.
struct WallTime {
    std::int64_t unix_ms = 0;

    auto operator<=>(const WallTime&) const = default;
};

/// Both clocks at one moment, as a shell hands it to its core.
struct Now {
    Instant instant;
    WallTime wall;
};

}  // namespace mc

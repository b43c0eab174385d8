#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/assert.hpp"
#include "base/prng.hpp"
#include "base/time.hpp"

namespace mc::sim {

/// Seeded chance. Each part of a simulation has its own, named stream, so that a
/// change in one part does not change what every other part does.
class Dice {
public:
    Dice(std::uint64_t seed, std::string_view name) : prng_(mixed(seed, name)) {}

    std::uint64_t number() { return prng_.next_nonzero(); }
    std::uint64_t below(std::uint64_t bound) { return prng_.below(bound); }
    /// From `low` to `high`, both included.
    std::int64_t between(std::int64_t low, std::int64_t high) {
        MC_ASSERT(low <= high);
        return low + static_cast<std::int64_t>(prng_.below(static_cast<std::uint64_t>(high - low + 1)));
    }
    milliseconds between(milliseconds low, milliseconds high) {
        return milliseconds(between(std::int64_t{low.count()}, std::int64_t{high.count()}));
    }
    bool per_mille(std::uint64_t chance) { return prng_.below(1000) < chance; }
    bool one_in(std::uint64_t n) { return prng_.below(n) == 0; }

    /// The time to the next of events that come `mean` apart on average.
    milliseconds wait(milliseconds mean) {
        const double uniform = (static_cast<double>(prng_.below(1U << 30)) + 1.0) / static_cast<double>(1U << 30);
        return milliseconds(1 + static_cast<std::int64_t>(-std::log(uniform) * static_cast<double>(mean.count())));
    }

    template <class T>
    const T& pick(const std::vector<T>& from) {
        MC_ASSERT(!from.empty());
        return from[prng_.below(from.size())];
    }

private:
    static std::uint64_t mixed(std::uint64_t seed, std::string_view name) {
        std::uint64_t hash = 0xCBF29CE484222325ULL ^ (seed * 0x9E3779B97F4A7C15ULL);
        for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
        return hash;
    }

    Prng prng_;
};

}  // namespace mc::sim

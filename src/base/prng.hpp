#pragma once

#include <cstdint>

namespace mc {

/// A seeded generator for ids and jitter (SplitMix64): the same seed gives the
/// same sequence on every machine. Not for secrets: those come from io/random.hpp.
///
/// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
class Prng {
public:
    explicit Prng(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }

    /// An id: never zero.
    std::uint64_t next_nonzero() {
        std::uint64_t value = next();
        while (value == 0) value = next();
        return value;
    }

    /// Uniform enough for jitter: [0, bound). REQUIRES: bound > 0.
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }

private:
    std::uint64_t state_;
};

}  // namespace mc

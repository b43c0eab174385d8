#include <gtest/gtest.h>

#include <set>

#include "base/assert.hpp"
#include "base/prng.hpp"
#include "base/store_change.hpp"
#include "base/time.hpp"

namespace mc {
namespace {

TEST(Prng, GivesTheSameSequenceForTheSameSeed) {
    Prng a(42);
    Prng b(42);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
}

// The reference values of SplitMix64 for seed 1234567, as published with the algorithm.
TEST(Prng, IsSplitMix64) {
    Prng prng(1234567);
    EXPECT_EQ(prng.next(), 6457827717110365317ULL);
    EXPECT_EQ(prng.next(), 3203168211198807973ULL);
    EXPECT_EQ(prng.next(), 9817491932198370423ULL);
}

TEST(Prng, GivesIdsThatAreNeitherZeroNorRepeated) {
    Prng prng(0);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 10000; ++i) {
        const auto id = prng.next_nonzero();
        EXPECT_NE(id, 0U);
        EXPECT_TRUE(seen.insert(id).second);
    }
}

TEST(Prng, StaysBelowItsBoundAndReachesAllOfIt) {
    Prng prng(7);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) {
        const auto value = prng.below(5);
        ASSERT_LT(value, 5U);
        seen.insert(value);
    }
    EXPECT_EQ(seen.size(), 5U);
}

TEST(Instant, CountsAndCompares) {
    const Instant start{1000ms};
    EXPECT_EQ(start + 2s, Instant{3000ms});
    EXPECT_EQ((start + 2s) - start, 2000ms);
    EXPECT_LT(start, start + 1ms);
    EXPECT_LT(start + 24h * 365 * 100, Instant::never());
}

TEST(StoreChange, TellsARemovalFromAnEmptyValue) {
    const StoreChange removal{1, "key", std::nullopt};
    const StoreChange empty{1, "key", ""};
    EXPECT_NE(removal, empty);
}

TEST(Assert, PassesWhenTrueAndEndsTheProgramWhenFalse) {
    MC_ASSERT(1 + 1 == 2);
    EXPECT_DEATH(MC_ASSERT(1 + 1 == 3), "assertion failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace mc

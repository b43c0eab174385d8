#include "base/public_key.hpp"

#include <gtest/gtest.h>

namespace mc {
namespace {

// Goal: a key is 32 bytes, no more and no less, and people see a fingerprint that never changes.

TEST(PublicKey, HasExactlyThirtyTwoBytes) {
    const auto key = PublicKey::from_bytes(std::string(31, 'k') + '\0');
    ASSERT_TRUE(key);
    EXPECT_EQ(key->bytes(), std::string(31, 'k') + '\0');
    EXPECT_FALSE(PublicKey::from_bytes(std::string(31, 'k')));
    EXPECT_FALSE(PublicKey::from_bytes(std::string(33, 'k')));
    EXPECT_FALSE(PublicKey::from_bytes(""));
}

TEST(PublicKey, OfZerosIsNone) {
    EXPECT_FALSE(PublicKey{});
    EXPECT_TRUE(*PublicKey::from_bytes(std::string(32, 'k')));
}

TEST(PublicKey, HasAFingerprintThatStays) {
    // Printed by `printf 'k%.0s' {1..32} | b2sum -l 128`: it is stored, and compared by people.
    EXPECT_EQ(PublicKey::from_bytes(std::string(32, 'k'))->fingerprint(), "c4d63d3b922b8076");
    EXPECT_NE(PublicKey::from_bytes(std::string(32, 'l'))->fingerprint(), "c4d63d3b922b8076");
}

}  // namespace
}  // namespace mc

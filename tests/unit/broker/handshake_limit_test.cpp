#include "broker/core/handshake_limit.hpp"

#include <gtest/gtest.h>

namespace mc::broker::test {
namespace {

// Goal: one key's storm of connections is put off, and nobody else's is. Spec: docs/security.md "Handshakes".

const PublicKey ada = *PublicKey::from_bytes(std::string(32, 'a'));
const PublicKey eve = *PublicKey::from_bytes(std::string(32, 'e'));
const Instant start{1000s};
constexpr ConnectionLimits limits{100, 300, 0};

int let_in(HandshakeLimit& limit, Instant now, const PublicKey& key, int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += limit.take(now, key, limits) ? 1 : 0;
    return count;
}

TEST(HandshakeLimit, LetsABurstInAndThenSoManyASecond) {
    HandshakeLimit limit;
    EXPECT_EQ(let_in(limit, start, eve, 10'000), limits.burst);
    int count = 0;
    for (int ms = 1; ms <= 10'000; ++ms) count += let_in(limit, start + milliseconds(ms), eve, 10);
    EXPECT_EQ(count, 10 * limits.per_second);
}

TEST(HandshakeLimit, ForgetsAStormWhenItIsOver) {
    HandshakeLimit limit;
    let_in(limit, start, eve, 10'000);
    EXPECT_FALSE(limit.take(start + 9ms, eve, limits));
    EXPECT_TRUE(limit.take(start + 10ms, eve, limits));
    EXPECT_EQ(let_in(limit, start + std::chrono::hours(24 * 365), eve, 10'000), limits.burst);
}

TEST(HandshakeLimit, IsEachKeysOwn) {
    HandshakeLimit limit;
    let_in(limit, start, eve, 10'000);
    EXPECT_TRUE(limit.take(start, ada, limits));
}

}  // namespace
}  // namespace mc::broker::test

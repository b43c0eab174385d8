#include "broker/core/handshake_limit.hpp"

#include <algorithm>

namespace mc::broker {
namespace {

constexpr std::int64_t whole = 1000;

}  // namespace

bool HandshakeLimit::take(Instant now, const PublicKey& key, const ConnectionLimits& limits) {
    const std::int64_t full = limits.burst * whole;
    const auto [at, is_new] = buckets_.try_emplace(key, Bucket{full, now});
    Bucket& bucket = at->second;
    // per_second handshakes in a second are as many thousandths in a millisecond. Longer than it takes to fill is no
    // more than full.
    const auto passed = std::min<std::int64_t>((now - bucket.filled).count(), full);
    if (!is_new) bucket.left_milli = std::min(bucket.left_milli + passed * limits.per_second, full);
    bucket.filled = now;
    if (bucket.left_milli < whole) return false;
    bucket.left_milli -= whole;
    return true;
}

}  // namespace mc::broker

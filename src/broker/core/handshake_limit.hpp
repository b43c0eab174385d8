#pragma once

#include <cstdint>
#include <map>

#include "base/public_key.hpp"
#include "base/time.hpp"
#include "broker/core/connection_limits.hpp"

namespace mc::broker {

/// How often each authorised key may connect: each connection that is let in costs the broker a session, queues and, at
/// its first message, a look at who it is. Whoever is over the limit is put off, not refused: its library tries again.
///
/// Pure; single thread. A bucket per key that fills at per_second and holds burst. Keys that are not authorised are
/// refused before this is asked: that costs less than counting them.
class HandshakeLimit {
public:
    /// Whether `key`, which has these limits, may connect now; counted if it may.
    [[nodiscard]] bool take(Instant now, const PublicKey& key, const ConnectionLimits& limits);

private:
    struct Bucket {
        std::int64_t left_milli = 0;  ///< thousandths of a handshake
        Instant filled;
    };
    std::map<PublicKey, Bucket> buckets_;  ///< at most as many as have been authorised
};

}  // namespace mc::broker

#pragma once

#include "base/time.hpp"

namespace mc::broker {

/// Whether that long has passed since `last`, which is now then.
inline bool is_due(Instant& last, Instant now, seconds interval) {
    if (last != Instant{} && now - last < interval) return false;
    last = now;
    return true;
}

}  // namespace mc::broker

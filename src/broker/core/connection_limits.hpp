#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/key_bodies.hpp"

namespace mc::broker {

/// What one authorised key may do with connections. docs/security.md "Connections of one key" is the same table, and
/// ADR 24 says why: what many connections cost, and libzmq's routing ids.
struct ConnectionLimits {
    std::int64_t per_second;  ///< new ones, in the long run
    std::int64_t burst;       ///< new ones at once
    std::size_t open_max;     ///< at a time, of those over which a message has come
};

/// By role. A script that runs mccli as fast as it can makes some 20 a second; a class that joins by one token makes
/// one each.
constexpr ConnectionLimits connection_limits(protocol::Role role) {
    switch (role) {
        case protocol::Role::joiner:
            return {2, 40, 8};
        case protocol::Role::worker:
            return {20, 100, 8};
        case protocol::Role::user:
        case protocol::Role::viewer:
            return {10, 100, 64};
        case protocol::Role::admin:
            return {100, 300, 256};
    }
    return {0, 0, 0};
}

}  // namespace mc::broker

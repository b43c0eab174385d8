#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>

#include "base/public_key.hpp"

namespace mc::broker {

/// What each key has subscribed to since the events socket was opened: each distinct prefix costs the broker memory, in
/// libzmq, about 30 bytes for each of its bytes, as long as one of the key's connections lives.
///
/// Pure; owned by EventsSocket; single thread. One key's prefixes are counted once, on however many connections and
/// however often it says them: who reconnects is not counted again.
class SubscriptionTable {
public:
    /// Of the distinct prefixes of one key, each with the byte that says that it is a subscription. mccli has one, of
    /// no bytes; an OWNER has up to 63.
    static constexpr std::size_t bytes_of_key_max = 64 * 1024;

    /// False: it has more than bytes_of_key_max then, and this one is not noted.
    [[nodiscard]] bool add(const PublicKey& key, const std::string& prefix);
    /// The socket begins anew, with none.
    void clear() { of_key_.clear(); }

private:
    struct OfKey {
        std::set<std::string> prefixes;
        std::size_t bytes = 0;
    };
    std::map<PublicKey, OfKey> of_key_;  ///< at most as many as have been authorised
};

}  // namespace mc::broker

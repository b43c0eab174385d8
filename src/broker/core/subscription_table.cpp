#include "broker/core/subscription_table.hpp"

namespace mc::broker {

bool SubscriptionTable::add(const PublicKey& key, const std::string& prefix) {
    OfKey& of_key = of_key_[key];
    if (of_key.prefixes.contains(prefix)) return true;
    const std::size_t bytes = prefix.size() + 1;
    if (of_key.bytes + bytes > bytes_of_key_max) return false;
    of_key.bytes += bytes;
    of_key.prefixes.insert(prefix);
    return true;
}

}  // namespace mc::broker

#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/public_key.hpp"
#include "base/store_change.hpp"
#include "broker/core/caller.hpp"
#include "broker/core/records.hpp"

namespace mc::broker {

/// The keys and join tokens that are authorised.
///
/// Pure; owned by BrokerCore; single thread. Invariant: fingerprints are unique.
class KeyTable {
public:
    /// From the store, at start.
    void restore(KeyRecord record);

    /// REQUIRES: neither the key nor its fingerprint is there.
    const KeyRecord& add(KeyRecord record);
    /// Puts another record in the place of the key's.
    void set(KeyRecord record);
    void remove(const PublicKey& key);

    /// Whether it has expired or not.
    [[nodiscard]] const KeyRecord* find(const PublicKey& key) const;
    /// nullptr also for one that has expired.
    [[nodiscard]] const KeyRecord* find_valid(const PublicKey& key, WallTime now) const;
    [[nodiscard]] bool has_fingerprint(const std::string& fingerprint) const {
        return by_fingerprint_.contains(fingerprint);
    }
    /// All of that name, tokens too; or the one of that fingerprint.
    [[nodiscard]] std::vector<const KeyRecord*> matching(const std::string& target) const;
    [[nodiscard]] std::vector<const KeyRecord*> named(const std::string& name) const;
    /// The worker's key that the node is bound to.
    [[nodiscard]] const KeyRecord* of_node(NodeId node) const;
    [[nodiscard]] bool has_admin(WallTime now) const;
    [[nodiscard]] std::vector<const KeyRecord*> expired(WallTime now) const;

    /// At most `limit` with fingerprints after `after`; `more` says whether others follow.
    [[nodiscard]] std::vector<const KeyRecord*> page(const std::string& after, std::size_t limit, bool& more) const;
    [[nodiscard]] std::size_t size() const { return keys_.size(); }

    [[nodiscard]] bool has_changes() const { return !dirty_.empty(); }
    void take_changes(std::vector<StoreChange>& into);

private:
    std::unordered_map<PublicKey, KeyRecord> keys_;
    std::map<std::string, PublicKey> by_fingerprint_;
    std::set<PublicKey> dirty_;
};

/// Which key each connection of one socket began with: a routing id that turns up with another key
/// is another connection, and may not have what the first one waits for.
///
/// Pure; owned by BrokerCore; single thread. About `peers_max`: the oldest go that are at nothing.
class PeerTable {
public:
    explicit PeerTable(std::size_t peers_max) : peers_max_(peers_max) {}

    /// True when this is the connection's first message, or its key is that of the first. What `is_busy`
    /// says of a connection keeps it from being forgotten to make room.
    [[nodiscard]] bool bind(const Caller& caller, const std::function<bool(const PeerId&)>& is_busy);
    void forget(const PeerId& peer);
    [[nodiscard]] std::vector<PeerId> of_key(const PublicKey& key) const;
    [[nodiscard]] std::size_t size() const { return keys_.size(); }

private:
    std::size_t peers_max_;
    std::unordered_map<PeerId, std::optional<PublicKey>> keys_;
    std::deque<PeerId> by_age_;  ///< oldest first; may name some that are forgotten
};

}  // namespace mc::broker

#include "broker/core/key_table.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "protocol/codec.hpp"

namespace mc::broker {
namespace {

/// Per message. What is busy is bounded elsewhere: streams_max, and waiters per request.
constexpr int evictions_tried_max = 8;

}  // namespace

void KeyTable::restore(KeyRecord record) {
    by_fingerprint_[record.key.fingerprint()] = record.key;
    keys_[record.key] = std::move(record);
}

const KeyRecord& KeyTable::add(KeyRecord record) {
    MC_ASSERT(record.key && !keys_.contains(record.key));
    const bool fresh = by_fingerprint_.emplace(record.key.fingerprint(), record.key).second;
    MC_ASSERT(fresh);
    dirty_.insert(record.key);
    return keys_[record.key] = std::move(record);
}

void KeyTable::set(KeyRecord record) {
    MC_ASSERT(keys_.contains(record.key));
    dirty_.insert(record.key);
    keys_[record.key] = std::move(record);
}

void KeyTable::remove(const PublicKey& key) {
    by_fingerprint_.erase(key.fingerprint());
    keys_.erase(key);
    dirty_.insert(key);
}

const KeyRecord* KeyTable::find(const PublicKey& key) const {
    const auto it = keys_.find(key);
    return it == keys_.end() ? nullptr : &it->second;
}

const KeyRecord* KeyTable::find_valid(const PublicKey& key, WallTime now) const {
    const KeyRecord* record = find(key);
    return record && !record->has_expired(now) ? record : nullptr;
}

std::vector<const KeyRecord*> KeyTable::named(const std::string& name) const {
    std::vector<const KeyRecord*> found;
    for (const auto& [fingerprint, key] : by_fingerprint_) {
        const KeyRecord& record = keys_.at(key);
        if (record.name == name) found.push_back(&record);
    }
    return found;
}

std::vector<const KeyRecord*> KeyTable::matching(const std::string& target) const {
    const auto it = by_fingerprint_.find(target);
    if (it != by_fingerprint_.end()) return {&keys_.at(it->second)};
    return target.empty() ? std::vector<const KeyRecord*>{} : named(target);
}

const KeyRecord* KeyTable::of_node(NodeId node) const {
    const auto it =
        std::find_if(keys_.begin(), keys_.end(), [&](const auto& entry) { return entry.second.node == node; });
    return it == keys_.end() ? nullptr : &it->second;
}

bool KeyTable::has_admin(WallTime now) const {
    return std::any_of(keys_.begin(), keys_.end(), [&](const auto& entry) {
        return entry.second.role == protocol::Role::admin && !entry.second.has_expired(now);
    });
}

std::vector<const KeyRecord*> KeyTable::expired(WallTime now) const {
    std::vector<const KeyRecord*> found;
    for (const auto& [key, record] : keys_) {
        if (record.has_expired(now)) found.push_back(&record);
    }
    std::sort(found.begin(), found.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
    return found;
}

std::vector<const KeyRecord*> KeyTable::page(const std::string& after, std::size_t limit, bool& more) const {
    std::vector<const KeyRecord*> found;
    auto it = by_fingerprint_.upper_bound(after);
    for (; it != by_fingerprint_.end() && found.size() < limit; ++it) found.push_back(&keys_.at(it->second));
    more = it != by_fingerprint_.end();
    return found;
}

void KeyTable::take_changes(std::vector<StoreChange>& into) {
    for (const PublicKey& key : dirty_) {
        StoreChange change{static_cast<std::uint8_t>(Table::keys), key.bytes(), std::nullopt};
        if (const KeyRecord* record = find(key)) change.value = protocol::encode(*record);
        into.push_back(std::move(change));
    }
    dirty_.clear();
}

bool PeerTable::bind(const Caller& caller, const std::function<bool(const PeerId&)>& is_busy) {
    const auto [it, fresh] = keys_.try_emplace(caller.peer, caller.key);
    if (!fresh) return it->second == caller.key;
    by_age_.push_back(caller.peer);
    for (int tries = 0; by_age_.size() > peers_max_ && tries < evictions_tried_max; ++tries) {
        const PeerId oldest = std::move(by_age_.front());
        by_age_.pop_front();
        if (is_busy(oldest)) {
            by_age_.push_back(oldest);
        } else {
            keys_.erase(oldest);
        }
    }
    return true;
}

void PeerTable::forget(const PeerId& peer) {
    if (keys_.erase(peer) != 0) std::erase(by_age_, peer);
}

std::vector<PeerId> PeerTable::of_key(const PublicKey& key) const {
    std::vector<PeerId> found;
    for (const auto& [peer, bound] : keys_) {
        if (bound == key) found.push_back(peer);
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace mc::broker

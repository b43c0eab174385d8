#include "broker/core/request_table.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/big_endian.hpp"
#include "broker/core/vm_table.hpp"
#include "protocol/codec.hpp"

namespace mc::broker {
namespace {

std::string row_key(const RequestRecord& request) {
    const std::string id = key_of(request.id);
    return request.by_age ? key_of(request.accepted_served_ms) + id : id;
}

std::string item_key(const RequestRecord& request, std::uint32_t item) {
    return row_key(request) + key_of(item);
}

/// The number that ends `behind` numbers before the end.
std::uint64_t number_in(std::string_view key, std::size_t behind) {
    const std::size_t first = (behind + 1) * sizeof(std::uint64_t);
    return key.size() < first ? 0 : load_big_endian<std::uint64_t>(key.data() + key.size() - first);
}

/// Connections that wait for one request: a client repeats itself on a new one.
constexpr std::size_t waiters_max = 16;

StoreChange change(Table table, std::string key, std::optional<std::string> value) {
    return {static_cast<std::uint8_t>(table), std::move(key), std::move(value)};
}

}  // namespace

RequestId request_of_row(std::string_view key) {
    return {number_in(key, 1), number_in(key, 0)};
}

ItemOfRow item_of_row(std::string_view key) {
    return {{number_in(key, 2), number_in(key, 1)}, static_cast<std::uint32_t>(number_in(key, 0))};
}

void RequestTable::restore(RequestRecord record) {
    keep(std::move(record));
}

Request& RequestTable::keep(RequestRecord record) {
    const RequestId id = record.id;
    by_age_.push_back(id);
    items_ += record.item_count;
    Owned& owned = owned_[record.owner];
    owned.by_age.push_back(id);
    owned.items += record.item_count;
    Request& request = requests_[id];
    request.items.resize(record.item_count);
    request.open = record.item_count;
    request.record = std::move(record);
    return request;
}

void RequestTable::restored() {
    // Rows come by id, not by age. The wall clock only settles what one store of before has as equal.
    std::vector<std::pair<std::pair<std::uint64_t, WallTime>, RequestId>> ages;
    ages.reserve(by_age_.size());
    for (const RequestId id : by_age_) {
        const RequestRecord& record = requests_.at(id).record;
        ages.push_back({{record.accepted_served_ms, record.accepted}, id});
    }
    std::sort(ages.begin(), ages.end());
    std::transform(ages.begin(), ages.end(), by_age_.begin(), [](const auto& age) { return age.second; });
    for (auto& [owner, owned] : owned_) owned.by_age.clear();
    for (const RequestId id : by_age_) owned_.at(requests_.at(id).record.owner).by_age.push_back(id);
}

void RequestTable::restore_item(RequestId id, std::uint32_t item, protocol::ItemResult result) {
    Request* request = find(id);
    if (!request || item >= request->items.size() || request->items[item]) return;
    request->items[item] = std::move(result);
    --request->open;
}

Request& RequestTable::add(RequestRecord record) {
    MC_ASSERT(!requests_.contains(record.id));
    new_.push_back(record.id);
    return keep(std::move(record));
}

std::size_t RequestTable::items_of(const std::string& owner) const {
    const auto found = owned_.find(owner);
    return found == owned_.end() ? 0 : found->second.items;
}

Request* RequestTable::find(RequestId id) {
    const auto it = requests_.find(id);
    return it == requests_.end() ? nullptr : &it->second;
}

void RequestTable::finish_item(Request& request, std::uint32_t item, protocol::ItemResult result) {
    MC_ASSERT(item < request.items.size() && !request.items[item]);
    changes_.push_back(change(Table::request_items, item_key(request.record, item), protocol::encode(result)));
    request.items[item] = std::move(result);
    --request.open;
}

void RequestTable::wait(Request& request, Waiter waiter) {
    const auto same = std::find_if(request.waiters.begin(), request.waiters.end(),
                                   [&](const Waiter& w) { return w.peer == waiter.peer; });
    if (same != request.waiters.end()) {
        same->deadline = waiter.deadline;
        return;
    }
    if (request.waiters.size() >= waiters_max) {
        no_longer_waits(request.waiters.front().peer);
        request.waiters.erase(request.waiters.begin());
    }
    ++waits_[waiter.peer];
    request.waiters.push_back(std::move(waiter));
    waited_for_.insert(request.record.id);
}

std::size_t RequestTable::waits(const PeerId& peer) const {
    const auto found = waits_.find(peer);
    return found == waits_.end() ? 0 : found->second;
}

std::vector<std::pair<RequestId, protocol::Verb>> RequestTable::waiting(const PeerId& peer) const {
    std::vector<std::pair<RequestId, protocol::Verb>> found;
    for (const RequestId id : waited_for_) {
        const Request& request = requests_.at(id);
        const bool waits = std::any_of(request.waiters.begin(), request.waiters.end(),
                                       [&](const Waiter& w) { return w.peer == peer; });
        if (waits) found.emplace_back(id, request.record.verb);
    }
    return found;
}

void RequestTable::no_longer_waits(const PeerId& peer) {
    const auto found = waits_.find(peer);
    MC_ASSERT(found != waits_.end());
    if (--found->second == 0) waits_.erase(found);
}

void RequestTable::stop_waiting(Request& request) {
    for (const Waiter& waiter : request.waiters) no_longer_waits(waiter.peer);
    request.waiters.clear();
    waited_for_.erase(request.record.id);
}

void RequestTable::forget_waiter(const PeerId& peer) {
    if (waits_.erase(peer) == 0) return;
    std::erase_if(waited_for_, [&](RequestId id) {
        Request& request = requests_.at(id);
        std::erase_if(request.waiters, [&](const Waiter& w) { return w.peer == peer; });
        return request.waiters.empty();
    });
}

bool RequestTable::has_overdue_waiter(Instant now) const {
    return std::any_of(waited_for_.begin(), waited_for_.end(), [&](RequestId id) {
        const auto& waiters = requests_.at(id).waiters;
        return std::any_of(waiters.begin(), waiters.end(), [&](const Waiter& w) { return w.deadline <= now; });
    });
}

std::vector<std::pair<RequestId, PeerId>> RequestTable::take_expired(Instant now) {
    std::vector<std::pair<RequestId, PeerId>> expired;
    std::erase_if(waited_for_, [&](RequestId id) {
        Request& request = requests_.at(id);
        std::erase_if(request.waiters, [&](const Waiter& w) {
            if (w.deadline > now) return false;
            expired.emplace_back(id, w.peer);
            no_longer_waits(w.peer);
            return true;
        });
        return request.waiters.empty();
    });
    return expired;
}

void RequestTable::forget(std::uint64_t oldest_served_ms) {
    for (auto it = by_age_.begin(); it != by_age_.end();) {
        const Request& request = requests_.at(*it);
        if (request.record.accepted_served_ms >= oldest_served_ms) return;
        if (!request.done()) {
            ++it;
            continue;
        }
        changes_.push_back(change(Table::requests, row_key(request.record), std::nullopt));
        for (std::uint32_t i = 0; i < request.record.item_count; ++i) {
            changes_.push_back(change(Table::request_items, item_key(request.record, i), std::nullopt));
        }
        waited_for_.erase(*it);
        items_ -= request.record.item_count;
        const auto found = owned_.find(request.record.owner);
        MC_ASSERT(found != owned_.end());
        Owned& owned = found->second;
        owned.items -= request.record.item_count;
        owned.by_age.erase(std::find(owned.by_age.begin(), owned.by_age.end(), *it));  // among the first
        if (owned.by_age.empty()) owned_.erase(found);
        requests_.erase(*it);
        it = by_age_.erase(it);
    }
}

std::vector<const Request*> RequestTable::newest(std::size_t limit, const std::optional<std::string>& owner) const {
    const auto found = owner ? owned_.find(*owner) : owned_.end();
    if (owner && found == owned_.end()) return {};
    const std::deque<RequestId>& by_age = owner ? found->second.by_age : by_age_;
    std::vector<const Request*> newest;
    for (auto it = by_age.rbegin(); it != by_age.rend() && newest.size() < limit; ++it) {
        newest.push_back(&requests_.at(*it));
    }
    return newest;
}

void RequestTable::take_changes(std::vector<StoreChange>& into) {
    for (const RequestId id : new_) {
        if (const Request* request = find(id)) {
            into.push_back(change(Table::requests, row_key(request->record), protocol::encode(request->record)));
        }
    }
    new_.clear();
    std::move(changes_.begin(), changes_.end(), std::back_inserter(into));
    changes_.clear();
}

}  // namespace mc::broker

#pragma once

#include <deque>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/store_change.hpp"
#include "base/time.hpp"
#include "broker/core/effects.hpp"
#include "broker/core/records.hpp"
#include "protocol/client_bodies.hpp"

namespace mc::broker {

/// Whose row that is, in the table of requests, or of request_items and then which item. The request's age may stand in
/// front: RequestRecord::by_age.
[[nodiscard]] RequestId request_of_row(std::string_view key);
struct ItemOfRow {
    RequestId request;
    std::uint32_t item;
};
[[nodiscard]] ItemOfRow item_of_row(std::string_view key);

/// A client that waits for the outcome of a request.
struct Waiter {
    PeerId peer;
    Instant deadline;
};

/// A request that changes something, and how far it is.
struct Request {
    RequestRecord record;
    std::vector<std::optional<protocol::ItemResult>> items;  ///< set when that item has ended
    std::size_t open = 0;                                    ///< items that have not
    std::vector<Waiter> waiters;

    [[nodiscard]] bool done() const { return open == 0; }
};

/// Requests under way and the outcomes of those that ended, so that a repeat is
/// answered and never carried out a second time.
///
/// Pure; owned by BrokerCore; single thread. References stay valid until the
/// request is forgotten.
class RequestTable {
public:
    /// From the store, at start: first the request, then its items; restored() after the last.
    void restore(RequestRecord record);
    void restore_item(RequestId id, std::uint32_t item, protocol::ItemResult result);
    void restored();

    /// REQUIRES: the id is new. Stored as it is at the next take_changes().
    Request& add(RequestRecord record);

    [[nodiscard]] Request* find(RequestId id);

    /// Has the request's record stored again.
    void touch(const Request& request) { new_.push_back(request.record.id); }

    /// Sets the outcome of one item. REQUIRES: the item is open.
    void finish_item(Request& request, std::uint32_t item, protocol::ItemResult result);

    /// Adds `waiter`; one per peer, and over waiters_max the first goes: its client asks again.
    void wait(Request& request, Waiter waiter);
    /// How many requests `peer` waits for.
    [[nodiscard]] std::size_t waits(const PeerId& peer) const;
    /// What `peer` waits for.
    [[nodiscard]] std::vector<std::pair<RequestId, protocol::Verb>> waiting(const PeerId& peer) const;
    void stop_waiting(Request& request);
    void forget_waiter(const PeerId& peer);

    /// Waiters whose deadline has come; they are removed.
    [[nodiscard]] std::vector<std::pair<RequestId, PeerId>> take_expired(Instant now);

    /// Whether one should have been among take_expired() before `now`.
    [[nodiscard]] bool has_overdue_waiter(Instant now) const;

    /// Forgets ended requests accepted before `oldest_served_ms`. Never others: their repeat would run again.
    void forget(std::uint64_t oldest_served_ms);

    /// Those of `owner`; nullopt: of all.
    [[nodiscard]] std::vector<const Request*> newest(std::size_t limit, const std::optional<std::string>& owner) const;
    /// Items of all requests, and of those of `owner`: what they cost in memory.
    [[nodiscard]] std::size_t items() const { return items_; }
    [[nodiscard]] std::size_t items_of(const std::string& owner) const;
    [[nodiscard]] const std::set<RequestId>& waited_for() const { return waited_for_; }

    [[nodiscard]] bool has_changes() const { return !new_.empty() || !changes_.empty(); }
    void take_changes(std::vector<StoreChange>& into);

private:
    Request& keep(RequestRecord record);
    void no_longer_waits(const PeerId& peer);

    std::unordered_map<RequestId, Request> requests_;
    std::size_t items_ = 0;
    /// What one owner has. An asker is not to pay, and make others pay, for all that there is.
    struct Owned {
        std::deque<RequestId> by_age;
        std::size_t items = 0;
    };
    std::unordered_map<std::string, Owned> owned_;
    std::deque<RequestId> by_age_;    ///< oldest first
    std::set<RequestId> waited_for_;  ///< those with waiters
    std::unordered_map<PeerId, std::size_t> waits_;
    std::vector<RequestId> new_;  ///< not yet stored
    std::vector<StoreChange> changes_;
};

}  // namespace mc::broker

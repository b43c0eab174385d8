#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/store_change.hpp"
#include "protocol/key_bodies.hpp"

namespace mc::broker {

/// Who did what, numbered and chained by hashes; written in the commit of what it tells. ADR 17.
///
/// Pure; owned by BrokerCore; single thread. The newest `kept_max` are kept, or somewhat fewer: the oldest go
/// a tenth at a time, and an entry tells so.
class AuditLog {
public:
    /// REQUIRES: kept_max >= 10.
    explicit AuditLog(std::size_t kept_max) : kept_max_(kept_max) {}

    /// From the store, at start, in order.
    void restore(protocol::AuditEntry entry);

    /// Numbers, chains and keeps `entry`.
    void append(protocol::AuditEntry entry);

    /// Entries after `request.after`, at most the smaller of its limit and page_max.
    [[nodiscard]] protocol::AuditReply page(const protocol::AuditRequest& request) const;

    [[nodiscard]] const std::deque<protocol::AuditEntry>& kept() const { return kept_; }
    [[nodiscard]] bool has_changes() const { return !changes_.empty(); }
    void take_changes(std::vector<StoreChange>& into);

private:
    void link(protocol::AuditEntry entry);

    std::size_t kept_max_;
    std::deque<protocol::AuditEntry> kept_;  ///< without a hole
    std::vector<StoreChange> changes_;
};

}  // namespace mc::broker

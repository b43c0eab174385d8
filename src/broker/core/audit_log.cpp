#include "broker/core/audit_log.hpp"

#include <algorithm>
#include <utility>

#include "base/rule.hpp"
#include "broker/core/records.hpp"
#include "broker/core/vm_table.hpp"
#include "protocol/audit.hpp"
#include "protocol/codec.hpp"

namespace mc::broker {
namespace {

constexpr auto audit_table = static_cast<std::uint8_t>(Table::audit);
/// Of what is kept, so many parts go at once.
constexpr std::size_t cut_part = 10;

}  // namespace

void AuditLog::restore(protocol::AuditEntry entry) {
    if (rule_holds(Rule::audit_log_goes_on)) kept_.push_back(std::move(entry));
}

void AuditLog::append(protocol::AuditEntry entry) {
    if (kept_.size() >= kept_max_) {
        protocol::AuditEntry cut;
        cut.time = entry.time;
        cut.name = "broker";
        cut.action = protocol::audit_cut;
        const std::size_t count = kept_max_ / cut_part;
        cut.target = std::to_string(kept_[count - 1].seq);
        cut.detail = kept_[count - 1].hash;
        for (std::size_t i = 0; i < count; ++i) {
            changes_.push_back({audit_table, key_of(kept_.front().seq), std::nullopt});
            kept_.pop_front();
        }
        link(std::move(cut));
    }
    link(std::move(entry));
}

void AuditLog::link(protocol::AuditEntry entry) {
    entry.seq = kept_.empty() ? 1 : kept_.back().seq + 1;
    entry.previous = kept_.empty() ? "" : kept_.back().hash;
    entry.hash = protocol::audit_hash(entry);
    changes_.push_back({audit_table, key_of(entry.seq), protocol::encode(entry)});
    kept_.push_back(std::move(entry));
}

protocol::AuditReply AuditLog::page(const protocol::AuditRequest& request) const {
    protocol::AuditReply reply;
    if (kept_.empty()) return reply;
    reply.first_kept = kept_.front().seq;
    reply.last = kept_.back().seq;
    if (request.after >= reply.last) return reply;
    const std::uint64_t first = std::max(request.after + 1, reply.first_kept);
    const std::size_t limit = std::min<std::size_t>(request.limit, limits::page_max);
    std::size_t bytes = 0;
    for (std::size_t i = first - reply.first_kept; i < kept_.size() && reply.entries.size() < limit; ++i) {
        bytes += protocol::encode(kept_[i]).size();
        if (bytes > limits::message_bytes_max / 2) break;
        reply.entries.push_back(kept_[i]);
    }
    return reply;
}

void AuditLog::take_changes(std::vector<StoreChange>& into) {
    std::move(changes_.begin(), changes_.end(), std::back_inserter(into));
    changes_.clear();
}

}  // namespace mc::broker

#include "cli/core/audit_reader.hpp"

#include <algorithm>
#include <limits>

namespace mc::cli {
namespace {

/// After every entry that can be: the answer has the log's last number and nothing else.
constexpr std::uint64_t after_all = std::numeric_limits<std::int64_t>::max();
/// So often the oldest entries may go while the log is read.
constexpr int starts_max = 5;

/// The numbers of a page, against what was asked for. Error: internal.
Result<void> check_page(const protocol::AuditReply& page, std::uint64_t after) {
    const auto& entries = page.entries;
    const bool begins = entries.empty() || entries.front().seq > after;
    const bool ends = entries.empty() ? page.last <= after : entries.back().seq <= page.last;
    // One that goes back would be read for ever; a hole is the chain's to tell.
    const bool goes_on = std::adjacent_find(entries.begin(), entries.end(), [](const auto& one, const auto& next) {
                             return next.seq <= one.seq;
                         }) == entries.end();
    if (begins && ends && goes_on) return {};
    return fail(ErrorCode::internal, "the broker's answer is not the part of the audit log that was asked for");
}

}  // namespace

AuditReader::AuditReader(const AuditRange& range) : range_(range), after_(range.since) {
    // All of it, from wherever it begins.
    if (!after_ && range_.limit == 0) after_ = 0;
}

std::optional<protocol::AuditRequest> AuditReader::next() const {
    if (done_) return std::nullopt;
    if (!after_) return protocol::AuditRequest{after_all, 1};
    const std::uint64_t left = range_.limit == 0 ? limits::page_max : range_.limit - entries_.size();
    return protocol::AuditRequest{*after_, static_cast<std::uint32_t>(std::min<std::uint64_t>(left, limits::page_max))};
}

Result<void> AuditReader::on_page(protocol::AuditReply page) {
    if (!after_) {
        after_ = page.last > range_.limit ? page.last - range_.limit : 0;
        done_ = page.last == 0;
        return {};
    }
    if (auto checked = check_page(page, *after_); !checked) return checked;
    if (page.first_kept > *after_ + 1 && *after_ != 0) gone_ = {*after_ + 1, page.first_kept - 1};
    if (!page.entries.empty()) after_ = page.entries.back().seq;
    const bool full = range_.limit != 0 && entries_.size() + page.entries.size() >= range_.limit;
    done_ = full || *after_ >= page.last;
    std::move(page.entries.begin(), page.entries.end(), std::back_inserter(entries_));
    return {};
}

AuditCheck::AuditCheck(std::string noted) : noted_(std::move(noted)) {}

std::optional<protocol::AuditRequest> AuditCheck::next() const {
    if (done_) return std::nullopt;
    return protocol::AuditRequest{chain_.last().seq, limits::page_max};
}

void AuditCheck::start_anew() {
    chain_ = {};
    first_ = 0;
    noted_at_ = 0;
    noted_seen_ = false;
}

Result<void> AuditCheck::on_page(const protocol::AuditReply& page) {
    const std::uint64_t after = chain_.last().seq;
    if (auto checked = check_page(page, after); !checked) return checked;
    if (after != 0 && page.first_kept > after + 1) {
        // The oldest entries went meanwhile: no fault, but what was read does not lead on to what there is.
        if (++starts_ == starts_max) {
            return fail(ErrorCode::busy, "the audit log changes faster than it can be read; try again later");
        }
        start_anew();
        return {};
    }
    for (const auto& entry : page.entries) {
        if (chain_.count() == 0) {
            first_ = entry.seq;
            if (!noted_.empty() && entry.previous == noted_) noted_seen_ = true;
        }
        if (auto wrong = chain_.add(entry)) {
            fault_ = "the audit log was tampered with: " + *wrong;
            done_ = true;
            return {};
        }
        if (entry.hash != noted_) continue;
        noted_seen_ = true;
        noted_at_ = entry.seq;
    }
    done_ = chain_.last().seq >= page.last;
    return {};
}

std::optional<std::string> AuditCheck::fault() const {
    if (fault_) return fault_;
    if (auto wrong = chain_.end()) return "the audit log was tampered with: " + *wrong;
    if (noted_.empty() || noted_seen_) return std::nullopt;
    std::string text = "no entry of the audit log has the hash that was noted: entries were changed or taken away";
    if (first_ > 1) text += ", or it was noted before entry " + std::to_string(first_) + ", the first that is kept";
    return text;
}

}  // namespace mc::cli

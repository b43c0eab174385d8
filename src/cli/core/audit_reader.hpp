#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "protocol/audit.hpp"
#include "protocol/key_bodies.hpp"

/// Reading the audit log page by page, to show it or to verify it. docs/protocol.md "audit", ADR 17.
namespace mc::cli {

/// Which entries are to be shown.
struct AuditRange {
    std::optional<std::uint64_t> since;  ///< those with a higher number; nullopt = the last `limit`
    std::uint64_t limit = 0;             ///< how many at most; 0 = all
};

/// Says what to ask for and gathers the entries of a range.
///
/// Pure: pages go in, requests come out. Single thread.
class AuditReader {
public:
    explicit AuditReader(const AuditRange& range);

    /// The next page to ask for; nullopt = all is there.
    [[nodiscard]] std::optional<protocol::AuditRequest> next() const;

    /// The answer to next(). Error: internal (it is not what was asked for).
    [[nodiscard]] Result<void> on_page(protocol::AuditReply page);

    [[nodiscard]] const std::vector<protocol::AuditEntry>& entries() const { return entries_; }
    /// First and last number of entries that were asked for by number and are no longer kept.
    [[nodiscard]] const std::optional<std::pair<std::uint64_t, std::uint64_t>>& gone() const { return gone_; }

private:
    AuditRange range_;
    std::optional<std::uint64_t> after_;  ///< nullopt: the last number has to be asked for first
    bool done_ = false;
    std::vector<protocol::AuditEntry> entries_;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> gone_;
};

/// Follows the whole log along its chain; keeps none of it.
///
/// Pure: pages go in, requests come out. Single thread.
class AuditCheck {
public:
    /// `noted`: a hash that was noted earlier and has to be in the log; "" = none.
    explicit AuditCheck(std::string noted);

    /// The next page to ask for; nullopt = it is decided.
    [[nodiscard]] std::optional<protocol::AuditRequest> next() const;

    /// The answer to next(). Error: internal (it is not what was asked for), busy (the broker takes old entries
    /// away faster than they are read).
    [[nodiscard]] Result<void> on_page(const protocol::AuditReply& page);

    /// Once next() has nothing more: where the log was tampered with, as a sentence; nullopt = nowhere.
    [[nodiscard]] std::optional<std::string> fault() const;

    [[nodiscard]] std::uint64_t count() const { return chain_.count(); }
    [[nodiscard]] std::uint64_t first() const { return first_; }
    /// The last entry; all empty when the log is.
    [[nodiscard]] const protocol::AuditEntry& last() const { return chain_.last(); }
    /// The entry whose hash was noted; 0 = none was noted, or it is the one before the first that is kept.
    [[nodiscard]] std::uint64_t noted_at() const { return noted_at_; }

private:
    void start_anew();

    std::string noted_;
    protocol::AuditChain chain_;
    std::uint64_t first_ = 0;
    std::uint64_t noted_at_ = 0;
    bool noted_seen_ = false;
    bool done_ = false;
    int starts_ = 0;
    std::optional<std::string> fault_;
};

}  // namespace mc::cli

#include "protocol/audit.hpp"

#include "base/digest.hpp"

namespace mc::protocol {

std::string audit_hash(const AuditEntry& entry) {
    // Each piece with its length, so that no two entries give the same text.
    std::string text;
    const auto add = [&](const std::string& piece) { text += std::to_string(piece.size()) + ':' + piece; };
    add(entry.previous);
    add(std::to_string(entry.seq));
    add(std::to_string(entry.time.unix_ms));
    add(entry.key);
    add(entry.name);
    add(entry.action);
    add(entry.target);
    add(std::to_string(static_cast<std::uint16_t>(entry.code)));
    add(entry.request.str());
    add(entry.detail);
    return long_digest(text);
}

std::optional<std::string> AuditChain::add(const AuditEntry& entry) {
    const std::string which = "entry " + std::to_string(entry.seq);
    if (entry.hash != audit_hash(entry)) return which + " was changed: its hash is not that of its contents";
    if (count_ == 0) {
        first_ = entry;
        if (entry.seq == 1 && !entry.previous.empty()) return which + " claims to follow another";
        start_told_ = entry.seq == 1;
    } else {
        if (entry.seq != last_.seq + 1) {
            return "between entries " + std::to_string(last_.seq) + " and " + std::to_string(entry.seq) +
                   " some are missing";
        }
        if (entry.previous != last_.hash) return which + " does not follow the entry before it";
    }
    if (entry.action == audit_cut && entry.target == std::to_string(first_.seq - 1) &&
        entry.detail == first_.previous) {
        start_told_ = true;
    }
    last_ = entry;
    ++count_;
    return std::nullopt;
}

std::optional<std::string> AuditChain::end() const {
    if (count_ == 0 || start_told_) return std::nullopt;
    return "the log begins with entry " + std::to_string(first_.seq) + ", and no entry tells that those before it went";
}

}  // namespace mc::protocol

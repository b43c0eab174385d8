#pragma once

#include <optional>
#include <string>

#include "protocol/key_bodies.hpp"

/// The chain of the audit log: each entry's hash covers the entry before it. docs/protocol.md "AuditEntry", ADR 17.
namespace mc::protocol {

/// What an entry's `hash` has to be: 64 hexadecimal digits of BLAKE2b-256 over `previous` and the fields before it.
[[nodiscard]] std::string audit_hash(const AuditEntry& entry);

/// `action` of the entry that tells that the oldest ones are no longer kept: `target` is the number of
/// the last one that went, `detail` its hash.
inline constexpr const char* audit_cut = "cut";
/// The action of an entry that tells of a key that is let in no more at one socket.
inline constexpr const char* audit_bar = "bar";
/// The broker had a VM, or a container that no VM accounts for, removed.
inline constexpr const char* audit_cleanup = "cleanup";
/// An image was pulled to a node, or removed from it: once when it begins, once when it ends.
inline constexpr const char* audit_image_pull = "image_pull";
inline constexpr const char* audit_image_remove = "image_remove";

/// Follows the log from its first kept entry to its last and says where it was tampered with.
///
/// It can't tell whether entries were taken from the end: compare its last hash with one that was noted before.
class AuditChain {
public:
    /// The next entry. What is wrong, as a sentence; nullopt: nothing.
    [[nodiscard]] std::optional<std::string> add(const AuditEntry& entry);
    /// After the last entry: what is wrong with the whole.
    [[nodiscard]] std::optional<std::string> end() const;

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] const AuditEntry& last() const { return last_; }

private:
    std::uint64_t count_ = 0;
    AuditEntry first_;
    AuditEntry last_;
    bool start_told_ = false;  ///< the log itself says that it begins where it does
};

}  // namespace mc::protocol

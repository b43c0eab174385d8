#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/ids.hpp"
#include "base/public_key.hpp"
#include "base/time.hpp"
#include "protocol/limits.hpp"

/// Bodies about who may do what: keys, join tokens, the audit log. docs/protocol.md "Client verbs".
namespace mc::protocol {

/// What a key may do: docs/security.md has the table. Wire numbers.
enum class Role : std::uint8_t {
    joiner = 0,  ///< a join token: may join, nothing else
    worker = 1,  ///< drives the engine of one node
    user = 2,    ///< makes VMs, and sees and touches its own
    viewer = 3,  ///< sees everything, changes nothing
    admin = 4,
};
/// "user"; the word of options and of lists.
[[nodiscard]] std::string_view name_of(Role role);

/// What one user may have at once. 0 = as the broker's own options say.
struct Quota {
    std::uint32_t vms = 0;
    std::uint64_t cpus_milli = 0;    ///< of all its VMs
    std::uint64_t memory_bytes = 0;  ///< of all its VMs
    std::uint64_t ttl_seconds = 0;   ///< the longest time to live of one

    bool operator==(const Quota&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.vms);
        archive(self.cpus_milli);
        archive(self.memory_bytes);
        archive(self.ttl_seconds);
    }
};

// join: with the key of a token

struct JoinRequest {
    PublicKey key;     ///< whom to admit
    std::string name;  ///< of the user, or of the worker's node; not heeded when the token has one

    bool operator==(const JoinRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.key);
        archive(self.name, limits::name_bytes_max);
    }
};

struct JoinReply {
    std::string name;
    Role role = Role::joiner;
    CloudId cloud;
    std::string clients_endpoint;  ///< as bound, like the next two; see HelloReply
    std::string workers_endpoint;
    std::string events_endpoint;

    bool operator==(const JoinReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.name, limits::name_bytes_max);
        archive(self.role, Role::admin);
        archive(self.cloud);
        archive(self.clients_endpoint, limits::endpoint_bytes_max);
        archive(self.workers_endpoint, limits::endpoint_bytes_max);
        archive(self.events_endpoint, limits::endpoint_bytes_max);
    }
};

// token_create; reply: ItemsReply

struct TokenCreateRequest {
    PublicKey key;             ///< of the token; its author keeps the secret half and never sends it
    Role role = Role::joiner;  ///< of those who join with it
    std::string name;          ///< of those who join with it; "" = each says its own
    std::uint64_t ttl_seconds = defaults::token_ttl_seconds;
    std::uint32_t uses = defaults::token_uses;
    Quota quota;                        ///< of those who join with it
    std::uint64_t key_ttl_seconds = 0;  ///< the keys that it admits expire so long after they joined; 0 = never

    bool operator==(const TokenCreateRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.key);
        archive(self.role, Role::admin);
        archive(self.name, limits::name_bytes_max);
        archive(self.ttl_seconds);
        archive(self.uses);
        archive(self.quota);
        archive(self.key_ttl_seconds);
    }
};

// keys

struct KeysRequest {
    std::string after;  ///< fingerprints after this one; "" = from the start
    std::uint32_t limit = limits::page_max;

    bool operator==(const KeysRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.after, limits::word_bytes_max);
        archive(self.limit);
    }
};

/// A key that is authorised, or a token.
struct KeyView {
    std::string fingerprint;
    std::string name;
    Role role = Role::joiner;
    Role grants = Role::joiner;   ///< of a token: the role of those who join with it
    std::uint32_t uses_left = 0;  ///< of a token
    WallTime created;
    WallTime expires;  ///< 0 = never
    NodeId node;       ///< of a worker that has registered
    Quota quota;
    std::string made_by;  ///< fingerprint of the token it joined with, or of who made the token; "" = no key

    bool operator==(const KeyView&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.fingerprint, limits::word_bytes_max);
        archive(self.name, limits::name_bytes_max);
        archive(self.role, Role::admin);
        archive(self.grants, Role::admin);
        archive(self.uses_left);
        archive(self.created);
        archive(self.expires);
        archive(self.node);
        archive(self.quota);
        archive(self.made_by, limits::word_bytes_max);
    }
};

struct KeysReply {
    std::vector<KeyView> keys;  ///< by fingerprint
    std::string next;           ///< `after` of the next page; "" = this was the last

    bool operator==(const KeysReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.keys, limits::page_max);
        archive(self.next, limits::word_bytes_max);
    }
};

// revoke; reply: ItemsReply

struct RevokeRequest {
    std::vector<std::string> targets;  ///< names (all keys and tokens of it) or fingerprints; empty is an error

    bool operator==(const RevokeRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.targets, limits::batch_max, limits::name_bytes_max);
    }
};

// audit

struct AuditRequest {
    std::uint64_t after = 0;  ///< entries with a higher number
    std::uint32_t limit = limits::page_max;

    bool operator==(const AuditRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.after);
        archive(self.limit);
    }
};

/// Who did what to what, and how it went. Never a secret.
struct AuditEntry {
    std::uint64_t seq = 0;  ///< 1, 2, 3, … without a hole
    WallTime time;
    std::string key;     ///< fingerprint; "" = a caller without a key, or the broker
    std::string name;    ///< of the key; `local`: a caller without one; `broker`: the broker itself
    std::string action;  ///< the verb's word, or what the broker did
    std::string target;
    ErrorCode code = ErrorCode::ok;
    RequestId request;
    std::string detail;    ///< a sentence; may be empty
    std::string previous;  ///< `hash` of the entry before
    std::string hash;      ///< over all of the above: docs/protocol.md "AuditEntry"

    bool operator==(const AuditEntry&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.seq);
        archive(self.time);
        archive(self.key, limits::word_bytes_max);
        archive(self.name, limits::name_bytes_max);
        archive(self.action, limits::word_bytes_max);
        archive(self.target, limits::target_bytes_max);
        archive(self.code);
        archive(self.request);
        archive(self.detail, limits::label_value_bytes_max);
        archive(self.previous, limits::word_bytes_max);
        archive(self.hash, limits::word_bytes_max);
    }
};

struct AuditReply {
    std::vector<AuditEntry> entries;  ///< in order, without a hole, from max(after + 1, first_kept)
    std::uint64_t first_kept = 0;     ///< over after + 1: the entries between are no longer kept
    std::uint64_t last = 0;

    bool operator==(const AuditReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.entries, limits::page_max);
        archive(self.first_kept);
        archive(self.last);
    }
};

}  // namespace mc::protocol

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/public_key.hpp"
#include "base/time.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/key_bodies.hpp"
#include "protocol/message.hpp"
#include "protocol/vm.hpp"
#include "protocol/worker_bodies.hpp"

/// What the broker keeps in its store, one row each, encoded like a protocol
/// body: fields are only ever appended, so that a newer broker reads an older
/// store.
namespace mc::broker {

/// Tables of the store. Never renumbered.
enum class Table : std::uint8_t {
    meta = 1,           ///< key ""
    vms = 2,            ///< key VmId
    nodes = 3,          ///< key NodeId
    requests = 4,       ///< key age (RequestRecord::by_age), RequestId
    request_items = 5,  ///< key that of the request, item number
    events = 6,         ///< key EventSeq
    tombstones = 7,     ///< key VmId
    keys = 9,           ///< key PublicKey, its 32 bytes
    audit = 10,         ///< key number of the entry
    probe = 8,          ///< key "": there only while the broker tries whether it can write again
};

struct MetaRecord {
    CloudId cloud;
    Epoch epoch;
    std::uint64_t vm_number_next = 1;
    /// How long this cloud's broker has served in all, ms, as of some moments ago at most. What must
    /// be kept for a time is measured by it: the wall clock may jump, and this only waits.
    std::uint64_t served_ms = 0;

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.cloud);
        archive(self.epoch);
        archive(self.vm_number_next);
        archive(self.served_ms);
    }
};

/// The one order under way for a VM. A second one waits for nobody: it is
/// refused, save a removal, which takes its place.
struct JobRecord {
    JobId id;
    protocol::Verb verb = protocol::Verb::vm_create;
    RequestId request;       ///< zero: the broker's own (cleanup)
    std::uint32_t item = 0;  ///< which item of the request
    std::uint32_t grace_seconds = 10;

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.id);
        archive(self.verb);
        archive(self.request);
        archive(self.item);
        archive(self.grace_seconds);
    }
};

struct VmRecord {
    VmId id;
    protocol::VmSpec spec;
    std::string owner;
    RequestId request;  ///< that created it
    NodeId node;        ///< zero while pending
    std::string node_wanted;
    protocol::VmState state = protocol::VmState::pending;
    protocol::VmIntent intent = protocol::VmIntent::running;
    std::string reason;
    WallTime created;
    protocol::VmReport report;  ///< the last one that was taken over
    std::optional<JobRecord> job;
    protocol::OnLost on_lost = protocol::OnLost::keep;
    bool replacement = false;  ///< made in place of one that somebody had: its create is tried until it succeeds
    /// MetaRecord::served_ms until which its engine may carry out a stop whose outcome nobody knows.
    std::uint64_t late_stop_until_served_ms = 0;

    bool ttl_changed = false;  ///< else the specification's holds, which stays what the VM was made by
    std::uint64_t ttl_seconds_changed = 0;
    protocol::Placement placement;
    std::string setup;

    /// From its creation on; 0 = for ever.
    [[nodiscard]] std::uint64_t ttl_seconds() const { return ttl_changed ? ttl_seconds_changed : spec.ttl_seconds; }

    /// 0 = never.
    [[nodiscard]] WallTime expires() const {
        if (ttl_seconds() == 0) return {};
        return {created.unix_ms + static_cast<std::int64_t>(ttl_seconds()) * 1000};
    }

    [[nodiscard]] bool has_expired(WallTime now) const { return expires().unix_ms != 0 && now >= expires(); }

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.id);
        archive(self.spec);
        archive(self.owner, limits::word_bytes_max);
        archive(self.request);
        archive(self.node);
        archive(self.node_wanted, limits::name_bytes_max);
        archive(self.state, protocol::VmState::unknown);
        archive(self.intent, protocol::VmIntent::deleted);
        archive(self.reason, limits::reason_bytes_max);
        archive(self.created);
        archive(self.report);
        archive(self.job);
        archive(self.on_lost, protocol::OnLost::replace);
        archive(self.replacement);
        archive(self.late_stop_until_served_ms);
        archive(self.ttl_changed);
        archive(self.ttl_seconds_changed);
        archive(self.placement);
        archive(self.setup, limits::setup_bytes_max);
    }
};

/// A drain under way: the item of the request that asked for it ends with it.
struct DrainRecord {
    WallTime deadline;          ///< what still runs then is stopped
    std::uint64_t seconds = 0;  ///< from its beginning to its deadline
    RequestId request;
    std::uint32_t item = 0;

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.deadline);
        archive(self.seconds);
        archive(self.request);
        archive(self.item);
    }
};

struct NodeRecord {
    NodeId id;
    std::string name;
    std::string advertise;
    std::string worker_version;
    std::vector<protocol::Label> labels;
    protocol::NodeStatus status;  ///< as of its last registration
    bool cordoned = false;
    std::optional<DrainRecord> drain;

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.id);
        archive(self.name, limits::name_bytes_max);
        archive(self.advertise, limits::host_bytes_max);
        archive(self.worker_version, limits::word_bytes_max);
        archive(self.labels, limits::labels_max);
        archive(self.status);
        archive(self.cordoned);
        archive(self.drain);
    }
};

/// A request that changes something, from its acceptance until its outcome is forgotten.
struct RequestRecord {
    RequestId id;
    protocol::Verb verb = protocol::Verb::create;
    std::string digest;  ///< of verb and body: the same id with another digest is an error
    std::string owner;
    WallTime accepted;
    std::uint32_t item_count = 0;
    std::vector<VmId> vms;                 ///< per item; zero where there is none
    std::uint64_t accepted_served_ms = 0;  ///< MetaRecord::served_ms then
    std::string key;                       ///< fingerprint of who asked; "" = one without a key
    /// Its rows lie by age: their keys begin with accepted_served_ms. Not those of an older store.
    bool by_age = false;

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.id);
        archive(self.verb);
        archive(self.digest, limits::word_bytes_max);
        archive(self.owner, limits::word_bytes_max);
        archive(self.accepted);
        archive(self.item_count);
        archive(self.vms, limits::batch_max);
        archive(self.accepted_served_ms);
        archive(self.key, limits::word_bytes_max);
        archive(self.by_age);
    }
};

/// A key that is authorised, or a join token: ADR 15, 16.
struct KeyRecord {
    PublicKey key;
    std::string name;  ///< of the user, or of the worker's node; of a token: of those who join, "" = they say it
    protocol::Role role = protocol::Role::joiner;
    WallTime created;
    WallTime expires;  ///< 0 = never
    protocol::Quota quota;
    std::string made_by;  ///< fingerprint; see protocol::KeyView
    NodeId node;          ///< a worker's, since it first registered
    // of a token
    protocol::Role grants = protocol::Role::joiner;
    std::uint32_t uses_left = 0;
    std::uint64_t key_ttl_seconds = 0;
    std::vector<std::string> admitted;  ///< fingerprints of the keys that joined with it

    [[nodiscard]] bool has_expired(WallTime now) const { return expires.unix_ms != 0 && now >= expires; }

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.key);
        archive(self.name, limits::name_bytes_max);
        archive(self.role, protocol::Role::admin);
        archive(self.created);
        archive(self.expires);
        archive(self.quota);
        archive(self.made_by, limits::word_bytes_max);
        archive(self.node);
        archive(self.grants, protocol::Role::admin);
        archive(self.uses_left);
        archive(self.key_ttl_seconds);
        archive(self.admitted, limits::token_uses_max, limits::word_bytes_max);
    }
};

struct TombstoneRecord {
    VmId vm;
    WallTime deleted;
    std::string name;
    bool replaced = false;  ///< another VM of its name was made in its place
    std::string owner;      ///< "" in one that a broker before 0.2.0 left

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.vm);
        archive(self.deleted);
        archive(self.name, limits::name_bytes_max);
        archive(self.replaced);
        archive(self.owner, limits::word_bytes_max);
    }
};

struct ByVm {
    using is_transparent = void;
    static VmId key(VmId id) { return id; }
    static VmId key(const TombstoneRecord& tombstone) { return tombstone.vm; }
    bool operator()(const auto& a, const auto& b) const { return key(a) < key(b); }
};

}  // namespace mc::broker

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "protocol/limits.hpp"

/// What a VM is, as asked for (VmSpec), as a worker sees it (VmReport) and as a
/// client sees it (VmView). docs/protocol.md "VMs".
namespace mc::protocol {

/// Observed state. Wire numbers.
enum class VmState : std::uint8_t {
    pending = 0,   ///< accepted, no node yet
    creating = 1,  ///< its node is at it
    running = 2,
    stopped = 3,
    deleting = 4,
    deleted = 5,
    failed = 6,   ///< `reason` says why
    unknown = 7,  ///< its node is silent
};
[[nodiscard]] std::string_view name_of(VmState state);

/// What its owner wants. Wire numbers.
enum class VmIntent : std::uint8_t { running = 0, stopped = 1, deleted = 2 };

/// What becomes of a VM whose node is lost or drained. Wire numbers.
enum class OnLost : std::uint8_t {
    keep = 0,     ///< it stays where it is: nothing in it is given up
    replace = 1,  ///< an empty one of its name and specification is made on another node
};
[[nodiscard]] std::string_view name_of(OnLost policy);

struct Label {
    std::string key;
    std::string value;

    bool operator==(const Label&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.key, limits::label_key_bytes_max);
        archive(self.value, limits::label_value_bytes_max);
    }
};

/// Which one of the nodes that may take a VM does. Wire numbers. ADR 32.
enum class PlacementPolicy : std::uint8_t {
    round_robin = 0,   ///< whose turn it is
    least_loaded = 1,  ///< which has most left of what it has least of: slots, cores or memory not yet given to VMs
    spread = 2,        ///< which has the fewest VMs of that owner
    pack = 3,          ///< which has least left, so that others stay empty
};
[[nodiscard]] std::string_view name_of(PlacementPolicy policy);

/// Where a VM is put, besides where there is room.
struct Placement {
    PlacementPolicy policy = PlacementPolicy::round_robin;
    std::vector<Label> require;  ///< only on nodes that have all of these labels
    std::vector<Label> prefer;   ///< on nodes that have most of these, where there is a choice; goes before the policy

    bool operator==(const Placement&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.policy, PlacementPolicy::pack);
        archive(self.require, limits::labels_max);
        archive(self.prefer, limits::labels_max);
    }
};

/// What is asked for. Empty and zero mean the default (limits.hpp `defaults`);
/// the broker fills them in before it stores a VM.
struct VmSpec {
    std::string name;  ///< "" = the next vm-N
    std::string image;
    std::uint32_t cpus_milli = 0;    ///< thousandths of a core
    std::uint64_t memory_bytes = 0;  ///< swap is not added
    std::uint32_t pids = 0;
    std::vector<std::string> env;              ///< NAME=value
    std::vector<std::string> authorized_keys;  ///< OpenSSH public key lines
    std::string password_hash;  ///< crypt(3) "$6$…"; "" = no password login. The password itself is never sent
    std::vector<Label> labels;
    std::uint64_t ttl_seconds = 0;  ///< removed that long after its creation; 0 = never

    bool operator==(const VmSpec&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.name, limits::name_bytes_max);
        archive(self.image, limits::image_bytes_max);
        archive(self.cpus_milli);
        archive(self.memory_bytes);
        archive(self.pids);
        archive(self.env, limits::env_max, limits::env_bytes_max);
        archive(self.authorized_keys, limits::keys_max, limits::key_line_bytes_max);
        archive(self.password_hash, limits::password_hash_bytes_max);
        archive(self.labels, limits::labels_max);
        archive(self.ttl_seconds);
    }
};

/// What a worker's engine says about one container of ours.
enum class ContainerState : std::uint8_t {
    absent = 0,
    created = 1,  ///< never started, or its start failed
    running = 2,
    exited = 3,  ///< also: dead, paused is running
    removing = 4,
};
[[nodiscard]] std::string_view name_of(ContainerState state);

/// How an exited container ended, as far as its worker saw. Wire numbers. ADR 12.
enum class Ended : std::uint8_t {
    by_itself = 0,    ///< on an engine that lived on
    unwatched = 1,    ///< before its worker first looked, or while nothing could be seen of its engine
    with_engine = 2,  ///< its engine or machine was stopped
};

struct VmReport {
    VmId vm;
    ContainerState state = ContainerState::absent;
    std::string container;  ///< the engine's id
    std::string image;
    std::uint16_t ssh_port = 0;  ///< published on the node's advertised host; 0 = the image has no sshd
    std::string host_key;  ///< OpenSSH public key line without comment: "ssh-ed25519 AAAA…"; "" = none or not known
    WallTime started;
    std::int32_t exit_code = 0;      ///< of an exited container
    std::string reason;              ///< e.g. the engine's error, "OOM killed"
    Ended ended = Ended::by_itself;  ///< of an exited container
    bool late_stop = false;  ///< in an answer to an order: the engine may yet carry out a stop, its answer never came

    bool operator==(const VmReport&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.vm);
        archive(self.state, ContainerState::removing);
        archive(self.container, limits::label_value_bytes_max);
        archive(self.image, limits::image_bytes_max);
        archive(self.ssh_port);
        archive(self.host_key, limits::key_line_bytes_max);
        archive(self.started);
        archive(self.exit_code);
        archive(self.reason, limits::reason_bytes_max);
        archive(self.ended, Ended::with_engine);
        archive(self.late_stop);
    }
};

/// What a client sees. The JSON of `mccli -o json` has the same fields (docs/cli.md).
struct VmView {
    VmId id;
    std::string name;
    VmState state = VmState::pending;
    VmIntent intent = VmIntent::running;
    std::string reason;  ///< why it is failed, unknown, stopped by itself …
    std::string node;    ///< "" while pending
    std::string image;
    std::uint32_t cpus_milli = 0;
    std::uint64_t memory_bytes = 0;
    std::uint32_t pids = 0;
    std::string ssh_host;
    std::uint16_t ssh_port = 0;  ///< 0 = no sshd
    std::string username;
    std::string host_key;
    WallTime created;
    WallTime started;  ///< 0 = not running
    WallTime expires;  ///< 0 = never
    std::vector<Label> labels;
    bool password = false;  ///< password login is on
    std::string container;
    OnLost on_lost = OnLost::keep;
    std::string owner;  ///< name of the key that made it

    bool operator==(const VmView&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.id);
        archive(self.name, limits::name_bytes_max);
        archive(self.state, VmState::unknown);
        archive(self.intent, VmIntent::deleted);
        archive(self.reason, limits::reason_bytes_max);
        archive(self.node, limits::name_bytes_max);
        archive(self.image, limits::image_bytes_max);
        archive(self.cpus_milli);
        archive(self.memory_bytes);
        archive(self.pids);
        archive(self.ssh_host, limits::host_bytes_max);
        archive(self.ssh_port);
        archive(self.username, limits::word_bytes_max);
        archive(self.host_key, limits::key_line_bytes_max);
        archive(self.created);
        archive(self.started);
        archive(self.expires);
        archive(self.labels, limits::labels_max);
        archive(self.password);
        archive(self.container, limits::label_value_bytes_max);
        archive(self.on_lost, OnLost::replace);
        archive(self.owner, limits::name_bytes_max);
    }
};

/// What one running VM uses. Rates are the mean of the last `span_ms`.
struct VmUsage {
    VmId vm;
    std::uint64_t memory_bytes = 0;  ///< without the page cache that can be given back
    std::uint32_t span_ms = 0;       ///< 0 = there are no rates yet: the three below say nothing
    std::uint32_t cpu_milli = 0;     ///< thousandths of a core
    std::uint64_t rx_bytes_per_s = 0;
    std::uint64_t tx_bytes_per_s = 0;

    bool operator==(const VmUsage&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.vm);
        archive(self.memory_bytes);
        archive(self.span_ms);
        archive(self.cpu_milli);
        archive(self.rx_bytes_per_s);
        archive(self.tx_bytes_per_s);
    }
};

}  // namespace mc::protocol

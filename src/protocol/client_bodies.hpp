#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/disk_space.hpp"
#include "base/error.hpp"
#include "base/ids.hpp"
#include "protocol/event.hpp"
#include "protocol/key_bodies.hpp"
#include "protocol/limits.hpp"
#include "protocol/message.hpp"
#include "protocol/node_facts.hpp"
#include "protocol/vm.hpp"

/// Bodies between clients and the broker. docs/protocol.md "Client verbs" lists
/// which verb carries which.
namespace mc::protocol {

/// Body of every reply whose code is not ok.
struct ErrorBody {
    std::string message;
    std::uint32_t retry_after_ms = 0;  ///< 0 = no advice

    bool operator==(const ErrorBody&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.message, limits::reason_bytes_max);
        archive(self.retry_after_ms);
    }
};

/// Body of a progress message of a request or job (not of a stream's first one, which is empty).
struct Progress {
    std::string stage;   ///< accepted, placed, pulling, creating, starting, waiting
    std::string detail;  ///< e.g. the node's name, "layer 3 of 7"
    std::uint8_t percent = 0;
    std::string name;  ///< of the VM concerned

    bool operator==(const Progress&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.stage, limits::word_bytes_max);
        archive(self.detail, limits::reason_bytes_max);
        archive(self.percent);
        archive(self.name, limits::name_bytes_max);
    }
};

// hello

struct HelloRequest {
    std::string version;  ///< of the client's program

    bool operator==(const HelloRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.version, limits::word_bytes_max);
    }
};

struct HelloReply {
    std::string version;
    CloudId cloud;
    Epoch epoch;
    std::string events_endpoint;  ///< as bound; for a wildcard host use the host you reached the broker at
    WallTime time;
    EventSeq last_event;
    std::string name;  ///< of the key that asked; `local` for one without a key
    Role role = Role::joiner;
    PublicKey key;                 ///< the broker's; zeros = it asks nobody for a key
    std::string clients_endpoint;  ///< as bound, like events_endpoint
    /// The highest client's verb that it knows. One that says nothing knows those of release 0.1.0 at least.
    std::uint16_t verb_max = static_cast<std::uint16_t>(Verb::cancel);
    DiskSpace disk;  ///< where it keeps its state; told to viewers and admins

    bool operator==(const HelloReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.version, limits::word_bytes_max);
        archive(self.cloud);
        archive(self.epoch);
        archive(self.events_endpoint, limits::endpoint_bytes_max);
        archive(self.time);
        archive(self.last_event);
        archive(self.name, limits::name_bytes_max);
        archive(self.role, Role::admin);
        archive(self.key);
        archive(self.clients_endpoint, limits::endpoint_bytes_max);
        archive(self.verb_max);
        archive(self.disk);
    }
};

// create; start, stop, restart, delete

struct CreateRequest {
    VmSpec spec;
    std::uint32_t count = 1;  ///< over 1: `spec.name` must be empty
    std::string node;         ///< "" = any
    OnLost on_lost = OnLost::keep;
    Placement placement;
    std::string setup;  ///< a script that is run once, before it can be logged in to; "" = none. ADR 33

    bool operator==(const CreateRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.spec);
        archive(self.count);
        archive(self.node, limits::name_bytes_max);
        archive(self.on_lost, OnLost::replace);
        archive(self.placement);
        archive(self.setup, limits::setup_bytes_max);
    }
};

/// Where the VMs of a create would be put now; nothing is made or reserved.
struct PlacementRequest {
    CreateRequest create;
    std::vector<std::string> names;  ///< of VMs that have one each: `create.count` is as many, its spec has none

    bool operator==(const PlacementRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.create);
        archive(self.names, limits::batch_max, limits::name_bytes_max);
    }
};

struct PlacementItem {
    std::string name;  ///< "" = the broker would number it
    std::string node;  ///< "" = it would not be made
    ErrorCode code = ErrorCode::ok;
    std::string message;  ///< why not

    bool operator==(const PlacementItem&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.name, limits::name_bytes_max);
        archive(self.node, limits::name_bytes_max);
        archive(self.code);
        archive(self.message, limits::reason_bytes_max);
    }
};

struct PlacementNode {
    std::string name;
    std::uint32_t taken = 0;  ///< VMs of this create
    std::string reason;       ///< why no more than that; "" = it could take one more

    bool operator==(const PlacementNode&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.name, limits::name_bytes_max);
        archive(self.taken);
        archive(self.reason, limits::reason_bytes_max);
    }
};

struct PlacementReply {
    std::vector<PlacementItem> items;  ///< in the order asked
    std::vector<PlacementNode> nodes;  ///< by name

    bool operator==(const PlacementReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.items, limits::batch_max);
        archive(self.nodes, limits::nodes_max);
    }
};

struct ActionRequest {
    std::vector<std::string> targets;  ///< VM names, OWNER/NAME or ids; empty is an error, never "all"
    std::uint32_t grace_seconds = 10;  ///< stop, restart: how long before it is killed

    bool operator==(const ActionRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.targets, limits::batch_max, limits::target_bytes_max);
        archive(self.grace_seconds);
    }
};

/// What becomes of a VM's end. Wire numbers.
enum class Expiry : std::uint8_t {
    keep = 0,
    never = 1,     ///< it has none any more
    from_now = 2,  ///< `seconds` from now
    later = 3,     ///< `seconds` later than it was
};

/// Changes of VMs that are there.
struct UpdateRequest {
    std::vector<std::string> targets;  ///< VM names, OWNER/NAME or ids; empty is an error, never "all"
    std::string name;                  ///< the new one, of a single target; "" = as it is
    Expiry expiry = Expiry::keep;
    std::uint64_t seconds = 0;

    bool operator==(const UpdateRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.targets, limits::batch_max, limits::target_bytes_max);
        archive(self.name, limits::name_bytes_max);
        archive(self.expiry, Expiry::later);
        archive(self.seconds);
    }
};

/// How it went for one VM of a request.
struct ItemResult {
    std::string target;  ///< the name asked for or given
    ErrorCode code = ErrorCode::ok;
    std::string message;
    std::optional<VmView> vm;

    bool operator==(const ItemResult&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.target, limits::target_bytes_max);
        archive(self.code);
        archive(self.message, limits::reason_bytes_max);
        archive(self.vm);
    }
};

/// Reply to create, start, stop, restart, delete and the verbs for nodes: one item per VM or node, in the order asked.
/// The header's code is ok when every item is; else the code of the first item that is not.
struct ItemsReply {
    std::vector<ItemResult> items;

    bool operator==(const ItemsReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.items, limits::batch_max);
    }
};

// list, info

struct ListRequest {
    std::string after;  ///< VMs after this NAME or OWNER/NAME; "" = from the start
    std::uint32_t limit = limits::page_max;

    bool operator==(const ListRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.after, limits::target_bytes_max);
        archive(self.limit);
    }
};

struct ListReply {
    std::vector<VmView> vms;  ///< by owner and name
    std::string next;         ///< `after` of the next page; "" = this was the last

    bool operator==(const ListReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.vms, limits::page_max);
        archive(self.next, limits::target_bytes_max);
    }
};

/// Of the request ListRequest under the verb usage.
struct UsageReply {
    std::vector<VmUsage> vms;  ///< those of the page of whom something is known
    std::string next;          ///< as in ListReply

    bool operator==(const UsageReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.vms, limits::page_max);
        archive(self.next, limits::target_bytes_max);
    }
};

struct InfoRequest {
    std::string target;

    bool operator==(const InfoRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.target, limits::target_bytes_max);
    }
};

struct InfoReply {
    VmView vm;

    bool operator==(const InfoReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.vm);
    }
};

// exec, logs, tunnel: the request's data frame (ExecSpec, LogsSpec, none) goes to the worker undecoded

struct StreamRequest {
    std::string target;
    std::uint32_t window_bytes = limits::window_bytes_default;  ///< how much the client takes before its first credit

    bool operator==(const StreamRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.target, limits::target_bytes_max);
        archive(self.window_bytes);
    }
};

struct ExecSpec {
    std::vector<std::string> argv;  ///< empty = a login shell (bash if the VM has it, else sh)
    bool tty = false;
    bool input = false;  ///< the client will send input
    std::uint16_t rows = 24;
    std::uint16_t columns = 80;
    std::vector<std::string> env;
    std::string user;     ///< "" = the image's
    std::string workdir;  ///< "" = the image's

    bool operator==(const ExecSpec&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.argv, limits::arguments_max, limits::argument_bytes_max);
        archive(self.tty);
        archive(self.input);
        archive(self.rows);
        archive(self.columns);
        archive(self.env, limits::env_max, limits::env_bytes_max);
        archive(self.user, limits::word_bytes_max);
        archive(self.workdir, limits::path_bytes_max);
    }
};

/// Body of a control message of an exec stream with a TTY.
struct Resize {
    std::uint16_t rows = 24;
    std::uint16_t columns = 80;

    bool operator==(const Resize&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.rows);
        archive(self.columns);
    }
};

struct ExecResult {
    std::int32_t exit_code = 0;

    bool operator==(const ExecResult&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.exit_code);
    }
};

struct LogsSpec {
    bool follow = false;
    std::uint32_t tail = 0;  ///< last lines; 0 = all
    std::int64_t since_unix_seconds = 0;
    bool timestamps = false;

    bool operator==(const LogsSpec&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.follow);
        archive(self.tail);
        archive(self.since_unix_seconds);
        archive(self.timestamps);
    }
};

// nodes

enum class NodeState : std::uint8_t {
    ready = 0,
    not_ready = 1,  ///< answers, but its engine does not; `reason` says why
    silent = 2,
};
[[nodiscard]] std::string_view name_of(NodeState state);

struct NodeView {
    std::string name;
    NodeId id;
    NodeState state = NodeState::silent;
    std::string reason;
    std::uint32_t slots = 0;
    std::uint32_t slots_used = 0;
    std::uint32_t cpus_milli = 0;
    std::uint64_t memory_bytes = 0;
    std::string advertise;
    std::string engine_version;
    std::string worker_version;
    std::uint64_t silent_ms = 0;      ///< since its last heartbeat
    std::uint64_t engine_age_ms = 0;  ///< how long before that its engine last answered
    std::vector<Label> labels;
    bool cordoned = false;    ///< takes no new VMs
    WallTime drain_deadline;  ///< of the drain under way; 0 = none
    bool lost = false;        ///< silent for so long that its VMs that may be replaced are
    EngineFacts engine;

    bool operator==(const NodeView&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.name, limits::name_bytes_max);
        archive(self.id);
        archive(self.state, NodeState::silent);
        archive(self.reason, limits::reason_bytes_max);
        archive(self.slots);
        archive(self.slots_used);
        archive(self.cpus_milli);
        archive(self.memory_bytes);
        archive(self.advertise, limits::host_bytes_max);
        archive(self.engine_version, limits::word_bytes_max);
        archive(self.worker_version, limits::word_bytes_max);
        archive(self.silent_ms);
        archive(self.engine_age_ms);
        archive(self.labels, limits::labels_max);
        archive(self.cordoned);
        archive(self.drain_deadline);
        archive(self.lost);
        archive(self.engine);
    }
};

struct NodesReply {
    std::vector<NodeView> nodes;  ///< by name

    bool operator==(const NodesReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.nodes, limits::nodes_max);
    }
};

// cordon, uncordon, drain, forget

struct NodeActionRequest {
    std::vector<std::string> targets;    ///< node names; empty is an error, never "all"
    std::uint64_t deadline_seconds = 0;  ///< drain: until its VMs are stopped; 0 = at once
    bool with_vms = false;               ///< forget: also a node that has VMs

    bool operator==(const NodeActionRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.targets, limits::batch_max, limits::name_bytes_max);
        archive(self.deadline_seconds);
        archive(self.with_vms);
    }
};

// events (replay)

struct EventsRequest {
    EventSeq after;  ///< events with a higher number
    std::uint32_t limit = limits::page_max;

    bool operator==(const EventsRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.after);
        archive(self.limit);
    }
};

struct EventsReply {
    std::vector<Event> events;  ///< in order, without a hole from max(after + 1, first_kept)
    EventSeq first_kept;        ///< over after + 1: the events between are gone
    EventSeq last;
    CloudId cloud;
    EventSeq through;  ///< what the asker may see of the events up to this one is in `events`; 0: nothing is left out

    bool operator==(const EventsReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.events, limits::page_max);
        archive(self.first_kept);
        archive(self.last);
        archive(self.cloud);
        archive(self.through);
    }
};

// job, jobs, cancel: about another request

struct JobRequest {
    RequestId request;

    bool operator==(const JobRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.request);
    }
};

struct JobView {
    RequestId request;
    Verb verb = Verb::create;
    bool done = false;
    WallTime accepted;
    std::vector<ItemResult> items;  ///< of a request under way: code ok and the VM as it is now

    bool operator==(const JobView&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.request);
        archive(self.verb);
        archive(self.done);
        archive(self.accepted);
        archive(self.items, limits::batch_max);
    }
};

struct JobReply {
    JobView job;

    bool operator==(const JobReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.job);
    }
};

struct JobsRequest {
    /// The highest verb that its sender knows: requests with a later one are left out, since an
    /// older client could not read them. One that says nothing knows the first sixteen.
    std::uint16_t verb_max = static_cast<std::uint16_t>(Verb::cancel);

    bool operator==(const JobsRequest&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.verb_max);
    }
};

struct JobsReply {
    std::vector<JobView> jobs;  ///< newest first, without their items

    bool operator==(const JobsReply&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.jobs, limits::page_max);
    }
};

}  // namespace mc::protocol

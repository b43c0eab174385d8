#pragma once

#include <boost/container/set.hpp>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/prng.hpp"
#include "base/time.hpp"
#include "broker/core/actor.hpp"
#include "broker/core/audit_log.hpp"
#include "broker/core/config.hpp"
#include "broker/core/connection_limits.hpp"
#include "broker/core/effects.hpp"
#include "broker/core/event_log.hpp"
#include "broker/core/inventory_turns.hpp"
#include "broker/core/key_table.hpp"
#include "broker/core/node_table.hpp"
#include "broker/core/request_table.hpp"
#include "broker/core/stream_table.hpp"
#include "broker/core/vm_table.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"
#include "protocol/message.hpp"
#include "protocol/worker_bodies.hpp"

namespace mc::broker {

/// The broker as a state machine: messages and ticks in, effects out.
///
/// Pure: no socket, clock, disk, randomness or log inside. Time is an argument,
/// ids come from the seeded `prng`. Owned by the shell; single thread. The same
/// calls with the same seed give the same effects.
///
/// Life: restore() every row of the store, start() once, then messages and
/// ticks, with take_effects() after each batch. Spec: docs/architecture.md.
class BrokerCore {
public:
    BrokerCore(BrokerConfig config, Prng prng);

    /// One row of the store, in any order of tables but in key order within one.
    /// Error: store_failed for a row that can't be read; the broker must not start then.
    [[nodiscard]] Result<void> restore(std::uint8_t table, std::string_view key, std::string_view value, Now now);

    /// Raises the epoch and takes up what was under way.
    void start(Now now);

    /// Instead of start(), or of going on: answers what only reads, refuses the rest
    /// with `why`, and changes nothing any more: take_effects() has no changes and no
    /// events. For good; a core that writes again is a new one. Called once more it
    /// has another reason. `in_doubt`: this core may know what was never committed,
    /// so it says no outcome either. ADR 10.
    void serve_read_only(Now now, std::string why, bool in_doubt);
    [[nodiscard]] bool read_only() const { return !read_only_why_.empty(); }
    [[nodiscard]] const std::string& read_only_why() const { return read_only_why_; }

    /// For a core that goes: tells both ends of every stream that it ends, and why, and
    /// who waits (progress `stopping`), so that he asks again soon and not after a silence.
    void take_leave(Now now, const std::string& why);

    /// A message on the clients' socket. `frames` are without the routing id; their
    /// content is taken. A bad one is answered, counted and changes nothing. `behind`:
    /// this client does not read its answers; new requests are refused as busy.
    void on_client_frames(Now now, const Caller& caller, std::span<protocol::Bytes> frames, bool behind = false);

    /// A message on the workers' socket. As above.
    void on_worker_frames(Now now, const Caller& caller, std::span<protocol::Bytes> frames);

    /// A send to this client failed: its connection is gone or takes no more.
    void on_client_gone(Now now, const PeerId& peer);
    void on_worker_gone(Now now, const PeerId& peer);
    /// What was to go into that stream has no room on the way to its node: the stream ends (busy).
    void on_stream_stuck(Now now, JobId job);

    /// Whether workers have sent more than was read in this turn. Until all is read, for a minute at most, nobody is
    /// taken for silent who was not by the time when it last was.
    void note_backlog(Now now, bool more) {
        behind_ = more;
        if (!more) all_read_at_ = now.instant;
    }

    /// Moves what depends on time. Call at next_deadline(), or earlier.
    void on_tick(Now now);
    [[nodiscard]] Instant next_deadline() const { return next_tick_; }

    /// What is to be done now, in the order that Effects names; empties it.
    [[nodiscard]] Effects take_effects();

    /// Whether what waits for take_effects() must be committed before anybody is told.
    [[nodiscard]] bool has_changes() const;
    /// In what waits for take_effects(), to clients and workers.
    [[nodiscard]] std::size_t messages() const { return effects_.to_clients.size() + effects_.to_workers.size(); }

    /// Bytes for clients in the effects that wait for take_effects(). The shell takes no more
    /// messages in a turn when this is high: a thousand `list` make replies of hundreds of MB.
    [[nodiscard]] std::size_t output_bytes();

    /// The last words: take_leave(), and the event broker.stopping.
    void stop(Now now);

    /// Whether a connection with this key may be accepted on that socket: for the ZAP handler. Every
    /// message is judged again.
    [[nodiscard]] bool may_connect(Now now, Side side, const PublicKey& key) const;
    /// What that key may do with connections: nothing, when it is not authorised.
    [[nodiscard]] ConnectionLimits connection_limits_of(Now now, const PublicKey& key) const;

    /// The topics of the events channel that this key may be subscribed to, as prefixes (each topic is
    /// `event/OWNER/` or `beacon`); nullopt: one without a key.
    [[nodiscard]] std::vector<std::string> topics_for(Now now, const std::optional<PublicKey>& key) const;

    /// The events socket lets that key in no more, for `what` it has sent. It is logged, and in the audit log once an
    /// hour at most.
    void on_barred(Now now, const PublicKey& key, const std::string& what);

    /// Makes `key` an admin when there is no admin's key yet (a first start). True when it is one then. store_failed:
    /// it would be the first, and the store can't be written.
    [[nodiscard]] Result<bool> ensure_admin(Now now, const PublicKey& key, const std::string& name);

    /// What clients are told, once the shell knows which ports it got.
    void set_endpoints(Endpoints endpoints) { config_.endpoints = std::move(endpoints); }
    /// How it is with the disk that its state is on; told to viewers and admins.
    void on_disk(DiskSpace disk) { disk_ = disk; }

    /// Whether this request was accepted, and is remembered.
    [[nodiscard]] bool knows(RequestId id) { return requests_.find(id) != nullptr; }
    [[nodiscard]] CloudId cloud() const { return meta_.cloud; }
    [[nodiscard]] Epoch epoch() const { return meta_.epoch; }
    [[nodiscard]] const EventLog& events() const { return events_; }
    [[nodiscard]] const AuditLog& audit_log() const { return audit_; }

    // For tests and statistics.
    [[nodiscard]] std::size_t bad_messages() const { return bad_messages_; }
    [[nodiscard]] std::size_t vm_count() const { return vms_.size(); }
    /// What must be nothing when nobody asks anything and all nodes are well.
    struct Open {
        std::size_t streams = 0;
        std::size_t waiters = 0;
        std::size_t orphans = 0;
        std::size_t jobs = 0;
        std::size_t pending = 0;
    };
    [[nodiscard]] Open open() const {
        return {streams_.size(), requests_.waited_for().size(), orphans_.size(), vms_.job_count(), pending_.size()};
    }
    /// Whether somebody waits who should have had an answer before `now`.
    [[nodiscard]] bool keeps_waiting_since(Instant now) const { return requests_.has_overdue_waiter(now); }
    /// What people are shown of a node.
    struct Shown {
        protocol::NodeState state = protocol::NodeState::silent;
        std::size_t streams = 0;
        std::size_t vms_certain = 0;  ///< that are said to run or to be stopped
    };
    /// nullopt: the broker knows no node of that name.
    [[nodiscard]] std::optional<Shown> shown(const std::string& node) const;

private:
    using VmState = protocol::VmState;
    using VmIntent = protocol::VmIntent;
    using Verb = protocol::Verb;
    using Message = protocol::Message;

    // broker_core.cpp: what everything else uses
    void reply(const PeerId& peer, const protocol::Header& request, protocol::Bytes body);
    void refuse(const PeerId& peer, const protocol::Header& request, const Error& error);
    void send_worker(const Node& node, protocol::Kind kind, Verb verb, JobId job, protocol::Bytes body,
                     protocol::Bytes data = {});
    void log(LogLevel level, std::string text);
    void publish(Now now, const char* kind, std::string node, std::string reason);
    void publish(Now now, const char* kind, const Vm& vm, std::string reason, RequestId request = {});
    void touch_meta() { meta_dirty_ = true; }
    void store_node(const Node& node);
    [[nodiscard]] JobId next_job_id() { return JobId{meta_.epoch.value, ++job_counter_}; }
    [[nodiscard]] protocol::VmView view(const Vm& vm) const;

    // read_only.cpp
    [[nodiscard]] bool may_be_read(Verb verb) const;
    void link_rows(Now now);
    void link_row(Vm& vm);
    void refuse_change(const PeerId& peer, const Message& message);
    void refuse_registration(const PeerId& peer, const Message& message);

    // client_requests.cpp: one function per verb
    void on_client_request(Now now, const Actor& actor, Message& message);
    void on_hello(Now now, const Actor& actor, const Message& message);
    void on_create(Now now, const Actor& actor, const Message& message);
    /// Error: invalid_argument.
    [[nodiscard]] static Result<void> check_create(const protocol::CreateRequest& create);
    void on_placement(const Actor& actor, const Message& message);
    void on_action(Now now, const Actor& actor, const Message& message);
    void on_update(Now now, const Actor& actor, const Message& message);
    /// Code ok, or why nothing was changed.
    Error update_vm(Now now, const Actor& actor, RequestId id, Vm& vm, const protocol::UpdateRequest& asked);
    void on_list(const Actor& actor, const Message& message);
    /// The VMs of a page, of those that `actor` sees; `more`: there are some after it.
    [[nodiscard]] std::vector<const Vm*> page(const Actor& actor, const protocol::ListRequest& asked, bool& more) const;
    /// `next` of a page whose last VM this is.
    [[nodiscard]] static std::string next_page(const Actor& actor, const std::string& owner, const std::string& name);
    void on_info(const Actor& actor, const Message& message);
    void on_nodes(Now now, const Actor& actor, const Message& message);
    void on_events(const Actor& actor, const Message& message);
    void on_job(const Actor& actor, const Message& message);
    void on_jobs(const Actor& actor, const Message& message);
    void on_cancel(Now now, const Actor& actor, const Message& message);
    [[nodiscard]] bool answer_repeat(Now now, const Actor& actor, const Message& message);
    /// Until when its sender waits; the header says how long, 0 means the default.
    [[nodiscard]] static Instant deadline_of(Now now, const protocol::Header& header);
    [[nodiscard]] std::uint64_t served_ms(Now now) const;
    void forget_requests(Now now);
    /// Whether `actor` may have so many results more remembered. Error: busy.
    [[nodiscard]] Result<void> room_for(Now now, const Actor& actor, std::uint32_t items);
    /// Takes on a request that is none of the repeats; refuses it, and returns nullptr, when there is no room.
    [[nodiscard]] Request* accept(Now now, const Actor& actor, const Message& message, std::uint32_t items);
    [[nodiscard]] protocol::JobView job_view(const Request& request, bool with_items);
    [[nodiscard]] protocol::Bytes encode_job(const Request& request);
    void reply_outcome(const PeerId& peer, const Request& request);
    void send_progress(const Request& request, const protocol::Progress& progress);

    // identities.cpp
    /// Errors: not_authorised.
    [[nodiscard]] Result<Actor> identify(Now now, const Caller& caller, Side side);
    /// Error: denied.
    [[nodiscard]] Result<void> permit(Now now, const Actor& actor, const protocol::Header& header);
    /// The refusal of `what`, which is in the audit log if it is one to be told.
    [[nodiscard]] Error denial(Now now, const Actor& actor, const protocol::Header& header, std::string_view what);
    /// Whether this refusal is to be in the audit log: the first of that key and verb in a while.
    [[nodiscard]] bool refusal_is_told(Now now, const Actor& actor, Verb verb);
    [[nodiscard]] static Actor broker_actor();
    void audit(Now now, const Actor& actor, std::string_view action, std::string target, ErrorCode code,
               RequestId request, std::string detail);
    void expire_keys(Now now);
    /// Takes the key back and ends what is open with it.
    void withdraw(Now now, const KeyRecord& gone, const std::string& why);
    void forget_client(Now now, const PeerId& peer);

    // key_requests.cpp
    void on_join(Now now, const Actor& actor, const Message& message);
    [[nodiscard]] Result<const KeyRecord*> admit(Now now, const Actor& actor, const protocol::JoinRequest& join);
    void on_token_create(Now now, const Actor& actor, const Message& message);
    [[nodiscard]] Error make_token(Now now, const Actor& actor, const protocol::TokenCreateRequest& asked);
    void on_keys(const Actor& actor, const Message& message);
    void on_revoke(Now now, const Actor& actor, const Message& message);
    [[nodiscard]] Error revoke(Now now, const Actor& actor, const std::string& target);
    void on_audit(const Actor& actor, const Message& message);

    // node_requests.cpp
    void on_node_action(Now now, const Actor& actor, const Message& message);
    void act_on_node(Now now, RequestId id, std::uint32_t item, const protocol::NodeActionRequest& action);
    void set_cordoned(Now now, Node& node, bool cordoned);
    void begin_drain(Now now, RequestId id, std::uint32_t item, Node& node, seconds time);
    void resume_drains(Now now);
    void end_drain(Now now, Node& node, const Error& outcome);
    void cancel_drains(Now now, RequestId request);
    void forget_node(Now now, RequestId id, std::uint32_t item, Node& node, bool with_vms);
    void store_dropped_nodes();

    // replacements.cpp: VMs whose node is lost or drained
    void tend_nodes(Now now);
    [[nodiscard]] static bool may_be_replaced(Now now, const Vm& vm);
    /// A replacement whose create failed and is to be tried anew.
    [[nodiscard]] static bool is_unmade(const Vm& vm);
    void replace_all(Now now, Node& node, const std::string& why);
    /// Gives `vm` up for one of its name and specification on another node; false when no node has
    /// room. Invalidates `vm`.
    [[nodiscard]] bool replace(Now now, Vm& vm, const std::string& why);
    void fail_replacement(Now now, Vm& vm, const Error& error);
    void retry_replacements(Now now);
    void tend_drain(Now now, Node& node);

    // vm_jobs.cpp: the life of a VM
    void create_item(Now now, const Actor& actor, Request& request, std::uint32_t item,
                     const protocol::CreateRequest& create);
    void act_on_item(Now now, const Actor& actor, Request& request, std::uint32_t item,
                     const protocol::ActionRequest& action);
    void remove_item(Now now, Request& request, std::uint32_t item, Vm& vm);
    /// The defaults that count for room.
    [[nodiscard]] static protocol::VmSpec with_sizes(protocol::VmSpec spec);
    /// All other defaults, and the next free name. REQUIRES: its name is free.
    [[nodiscard]] protocol::VmSpec complete_spec(protocol::VmSpec sized, const std::string& owner);
    /// Why `actor`, who has `used`, may not have this one more, whatever room there is; ok when it may.
    [[nodiscard]] Error refusal(const Actor& actor, const std::string& name, const protocol::VmSpec& sized,
                                const VmTable::Usage& used) const;
    [[nodiscard]] static Error over_quota(const Actor& actor, const protocol::VmSpec& sized,
                                          const VmTable::Usage& used);
    void place(Now now, Vm& vm, Node& node);
    void place_pending(Now now);
    void start_job(Now now, Vm& vm, Verb verb, RequestId request, std::uint32_t item, std::uint32_t grace_seconds);
    void dispatch(Now now, Vm& vm);
    /// How long the most patient client of a request still waits, in ms; 0 when none does.
    [[nodiscard]] std::uint32_t time_left(Now now, RequestId id);
    void remove_by_broker(Now now, Vm& vm, const std::string& reason);
    void cancel_job(Now now, Vm& vm, const std::string& why);
    void finish_item(Now now, RequestId id, std::uint32_t item, const Vm* vm, const std::string& target,
                     const Error& error);
    void move(Now now, Vm& vm, VmState to, std::string reason);
    /// Publishes `kind` and leaves a tombstone where there may be a container. Invalidates `vm`.
    void forget_vm(Now now, Vm& vm, const char* kind, const std::string& reason, RequestId request);
    void store_tombstone(TombstoneRecord tombstone);
    [[nodiscard]] VmId new_vm_id(Now now);
    [[nodiscard]] bool is_unused(VmId id) const;
    /// The VmId of a container that the node has started for such a VM (ADR 35), which is nobody else's from here on.
    [[nodiscard]] std::optional<VmId> spare_for(Node& node, const protocol::VmSpec& spec, const std::string& setup);

    // worker_messages.cpp
    /// A message of its worker has come.
    void note_heard(Now now, Node& node);
    /// Takes the registrations whose turn it is.
    void admit_waiting(Now now);
    /// Tells a worker that its registration will be taken later.
    void say_wait(const PeerId& peer, protocol::Header header);
    /// Errors: not_authorised (the key is bound to another node, or the node to another key), node_name_taken (the
    /// node of that name is bound to a key).
    [[nodiscard]] Result<void> check_node_key(const Actor& actor, const protocol::RegisterRequest& request) const;
    void on_register(Now now, const Actor& actor, const Message& message);
    void on_heartbeat(Now now, Node& node, const Message& message);
    void on_inventory(Now now, Node& node, const Message& message);
    void on_job_reply(Now now, Node& node, const Message& message);
    void on_job_progress(Now now, Node& node, const Message& message);
    void finish_create(Now now, Vm& vm, const JobRecord& job, const Result<protocol::VmReport>& result);
    void finish_change(Now now, Vm& vm, const JobRecord& job, const Result<protocol::VmReport>& result);
    void finish_remove(Now now, Vm& vm, const JobRecord& job, const Result<protocol::VmReport>& result);
    /// A VM of that node that is wanted to run, does, and with which nothing is under way.
    [[nodiscard]] static bool runs_quietly(NodeId node, const Vm& vm);
    void take_over(Now now, Vm& vm, const protocol::VmReport& report);
    void on_missing(Now now, Vm& vm);
    void on_stranger(Now now, Node& node, const protocol::VmReport& report);
    void on_stranger_kept(const Node& node, const Message& message);
    void set_status(Now now, Node& node, const protocol::NodeStatus& status);
    void raise_epoch_over(Now now, Epoch seen);

    // engine_ends.cpp
    [[nodiscard]] protocol::Ended how_it_ended(Now now, const Vm& vm, const protocol::VmReport& report) const;
    void note_unknown_stop(Now now, Vm& vm);
    void note_runs(Now now, Vm& vm);
    /// True when the VM, which is wanted and has exited, is one to be started again.
    [[nodiscard]] bool start_again(Now now, Vm& vm);
    void fail_start_again(Now now, Vm& vm, const Error& error);

    // usage.cpp
    void on_usage(Now now, const Actor& actor, const Message& message);
    void on_node_usage(Now now, Node& node, const Message& message);

    // images.cpp
    void on_images(Now now, const Actor& actor, const Message& message);
    /// Whether this is a request about images that is under way, asked once more; its answer goes to who asks now.
    [[nodiscard]] bool resume_images(const Actor& actor, const Message& message);
    /// Has the client who asked see which node the progress is of.
    static void name_node(const Node& node, Message& progress);

    // streams.cpp
    void open_stream(Now now, const Actor& actor, Message& message);
    /// A stream for that request, now among streams_. Errors: unknown_verb (the node's worker is of an older
    /// release), busy.
    [[nodiscard]] Result<Stream*> new_stream(const Actor& actor, const Node& node, const protocol::Header& request);
    void on_client_stream_message(Now now, const PeerId& peer, Message& message);
    void on_worker_stream_message(Now now, Node& node, Message& message);
    /// Tells the client, and has the worker end it.
    void end_stream(Now now, const Stream& stream, const Error& error);
    /// As end_stream, when there is no client to tell.
    void cancel_stream(Now now, const Stream& stream);
    void drop_stream(const Stream& stream);
    /// In the audit log, how what is told there ended.
    void note_end(Now now, const Stream& stream, ErrorCode code, std::string detail);

    // ticks.cpp
    void forgive_stall(Now now, milliseconds stall);
    void mark_silent(Now now);
    void end_deserted(Now now);
    /// Between two of a node, and two to it.
    [[nodiscard]] milliseconds heartbeat_interval() const;
    void send_heartbeats(Now now);
    void send_heartbeat(Now now, const Node& node);
    void expire_waiters(Now now);
    /// What is relayed and has taken longer than its client waits.
    void end_overdue(Now now);
    void resend_jobs(Now now);
    void clean_up(Now now);
    void begin_grace(Now now, Vm& vm);
    void count_grace(Now now);
    void forget_old(Now now);

    BrokerConfig config_;
    Prng prng_;
    DiskSpace disk_;

    MetaRecord meta_;
    bool meta_dirty_ = false;
    Instant served_since_;  ///< when meta_.served_ms was right
    std::uint64_t job_counter_ = 0;

    NodeTable nodes_;
    InventoryTurns inventory_turns_;
    VmTable vms_;
    RequestTable requests_;
    EventLog events_;
    StreamTable streams_;
    KeyTable keys_;
    AuditLog audit_;
    PeerTable client_peers_;
    PeerTable worker_peers_;
    std::map<std::pair<std::string, Verb>, Instant> refusals_audited_;  ///< by fingerprint
    std::map<std::string, Instant> bar_audited_;                        ///< by fingerprint; of authorised keys
    /// There may be more of them than VMs: its elements are smaller than those of a std::map.
    boost::container::set<TombstoneRecord, ByVm> tombstones_;
    std::set<VmId> pending_;  ///< VMs without a node

    /// A container of ours that no VM accounts for.
    struct Orphan {
        NodeId node;
        Instant first_seen;
        Instant asked;  ///< when its removal was last ordered
        JobId order;
        std::string trouble;  ///< why it could not be removed, as last told
    };
    std::map<VmId, Orphan> orphans_;
    bool orphans_kept_ = false;  ///< the store is older than what a worker has seen: remove nothing unknown

    std::string read_only_why_;  ///< "" = it may write
    bool in_doubt_ = false;
    bool started_ = false;

    Effects effects_;
    std::size_t counted_ = 0;  ///< of effects_.to_clients, in output_bytes_
    std::size_t output_bytes_ = 0;
    Instant next_tick_;
    bool behind_ = false;  ///< there is more from workers than was read
    Instant all_read_at_;  ///< the last time that there was not
    Instant next_beacon_;
    Instant next_clean_up_;
    Instant grace_counted_;
    Instant next_forget_;
    std::size_t bad_messages_ = 0;
};

}  // namespace mc::broker

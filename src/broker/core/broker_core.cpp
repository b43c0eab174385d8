#include "broker/core/broker_core.hpp"

#include <algorithm>

#include "base/rule.hpp"
#include "base/version.hpp"
#include "broker/core/vm_states.hpp"
#include "protocol/limits.hpp"

namespace mc::broker {
namespace {

using protocol::decode;
using protocol::encode;
using protocol::Kind;

constexpr std::uint32_t retry_after_behind_ms = 500;

template <class Record>
Result<Record> read_row(std::string_view value, const char* what) {
    auto record = decode<Record>(value);
    if (!record) {
        return fail(ErrorCode::store_failed, std::string("a stored ") + what +
                                                 " can't be read: " + record.error().message +
                                                 "; restore the state directory from a backup");
    }
    return record;
}

}  // namespace

BrokerCore::BrokerCore(BrokerConfig config, Prng prng)
    : config_(std::move(config)),
      prng_(prng),
      inventory_turns_(config_.inventories_awaited_max),
      events_(config_.events_kept_max),
      audit_(config_.audit_kept_max),
      client_peers_(config_.peers_max),
      worker_peers_(config_.peers_max) {}

Result<void> BrokerCore::restore(std::uint8_t table, std::string_view key, std::string_view value, Now now) {
    switch (static_cast<Table>(table)) {
        case Table::meta: {
            auto meta = read_row<MetaRecord>(value, "cloud record");
            if (!meta) return fail(meta.error());
            meta_ = *meta;
            return {};
        }
        case Table::vms: {
            auto vm = read_row<VmRecord>(value, "VM");
            if (!vm) return fail(vm.error());
            std::string_view row = value;
            if (vm->owner.empty()) {
                vm->owner = local_name;
                row = {};  // that is not what it says: it is packed anew
            }
            if (vms_.contains(vm->id) || vms_.has_name(vm->owner, vm->spec.name)) {
                return fail(ErrorCode::store_failed, "the store has two VMs of one id or name: " + vm->spec.name);
            }
            link_row(vms_.restore(std::move(*vm), row, now.instant));
            vms_.rest();
            return {};
        }
        case Table::nodes: {
            auto node = read_row<NodeRecord>(value, "node");
            if (!node) return fail(node.error());
            nodes_.restore(std::move(*node), now.instant);
            return {};
        }
        case Table::requests: {
            auto request = read_row<RequestRecord>(value, "request");
            if (!request) return fail(request.error());
            if (!rule_holds(Rule::outcomes_survive_a_restart)) return {};
            requests_.restore(std::move(*request));
            return {};
        }
        case Table::request_items: {
            auto item = read_row<protocol::ItemResult>(value, "request's outcome");
            if (!item) return fail(item.error());
            const ItemOfRow row = item_of_row(key);
            requests_.restore_item(row.request, row.item, std::move(*item));
            return {};
        }
        case Table::events: {
            auto event = read_row<protocol::Event>(value, "event");
            if (!event) return fail(event.error());
            events_.restore(std::move(*event));
            return {};
        }
        case Table::tombstones: {
            auto tombstone = read_row<TombstoneRecord>(value, "tombstone");
            if (!tombstone) return fail(tombstone.error());
            tombstones_.insert(std::move(*tombstone));
            return {};
        }
        case Table::keys: {
            auto record = read_row<KeyRecord>(value, "key");
            if (!record) return fail(record.error());
            keys_.restore(std::move(*record));
            return {};
        }
        case Table::audit: {
            auto entry = read_row<protocol::AuditEntry>(value, "audit entry");
            if (!entry) return fail(entry.error());
            audit_.restore(std::move(*entry));
            return {};
        }
        case Table::probe:
            return {};
    }
    return fail(ErrorCode::store_failed, "the store has a table " + std::to_string(table) +
                                             " that this version does not know: use the newer mcbroker");
}

void BrokerCore::start(Now now) {
    if (!meta_.cloud) meta_.cloud = CloudId{prng_.next_nonzero()};
    if (rule_holds(Rule::epoch_rises_at_every_start) || meta_.epoch.value == 0) ++meta_.epoch.value;
    touch_meta();
    link_rows(now);
    started_ = true;
    resume_drains(now);
    next_tick_ = next_beacon_ = next_forget_ = grace_counted_ = now.instant;
    publish(now, protocol::event_kind::broker_started, "",
            "mcbroker " + std::string(version) + ", epoch " + std::to_string(meta_.epoch.value));
}

void BrokerCore::on_client_frames(Now now, const Caller& caller, std::span<protocol::Bytes> frames, bool behind) {
    const PeerId& peer = caller.peer;
    const RequestId id = frames.empty() ? RequestId{} : protocol::peek_id(frames.front());
    auto message = protocol::from_frames(frames);
    if (message && !protocol::is_client_verb(message->header.verb)) {
        message = fail(ErrorCode::unknown_verb,
                       "verb " + std::string(name_of(message->header.verb)) + " is not one for clients");
    }
    if (!message) {
        ++bad_messages_;
        protocol::Header header;
        header.id = id;
        refuse(peer, header, message.error());
        return;
    }
    const auto actor = identify(now, caller, Side::clients);
    if (!actor) {
        ++bad_messages_;
        return refuse(peer, message->header, actor.error());
    }
    switch (message->header.kind) {
        case Kind::request:
            if (behind) {
                return refuse(
                    peer, message->header,
                    {ErrorCode::busy, "this connection has answers waiting: read them first", retry_after_behind_ms});
            }
            on_client_request(now, *actor, *message);
            return;
        case Kind::data:
        case Kind::credit:
        case Kind::end:
        case Kind::control:
            on_client_stream_message(now, peer, *message);
            return;
        case Kind::reply:
        case Kind::progress:
        case Kind::notice:
            break;
    }
    ++bad_messages_;
    refuse(peer, message->header, {ErrorCode::bad_message, "a client sends requests and stream messages only"});
}

void BrokerCore::on_worker_frames(Now now, const Caller& caller, std::span<protocol::Bytes> frames) {
    const PeerId& peer = caller.peer;
    const RequestId id = frames.empty() ? RequestId{} : protocol::peek_id(frames.front());
    auto message = protocol::from_frames(frames);
    if (message && !protocol::is_worker_verb(message->header.verb)) {
        message = fail(ErrorCode::unknown_verb,
                       "verb " + std::string(name_of(message->header.verb)) + " is not one for workers");
    }
    protocol::Header header;
    if (message) header = message->header;
    header.id = id;
    const auto refuse_worker = [&](const Error& error) {
        ++bad_messages_;
        header.kind = Kind::reply;
        header.code = error.code;
        header.value = 1;
        effects_.to_workers.push_back({peer, {header, encode(protocol::ErrorBody{error.message, 0}), {}}});
    };
    if (!message) return refuse_worker(message.error());
    const auto actor = identify(now, caller, Side::workers);
    if (!actor) return refuse_worker(actor.error());
    if (auto permitted = permit(now, *actor, header); !permitted) return refuse_worker(permitted.error());
    const bool registers = message->header.verb == Verb::node_register;
    if (read_only()) {
        // What it says of its VMs is said again, in its inventory, when there is somewhere to keep it.
        if (registers) refuse_registration(peer, *message);
        return;
    }
    if (registers) return on_register(now, *actor, *message);

    Node* node = nodes_.find_by_peer(peer);
    if (!node) {
        return refuse_worker({ErrorCode::not_registered, "this connection has not registered: send node_register"});
    }
    note_heard(now, *node);
    switch (message->header.verb) {
        case Verb::node_heartbeat:
            return on_heartbeat(now, *node, *message);
        case Verb::node_inventory:
            return on_inventory(now, *node, *message);
        case Verb::node_usage:
            return on_node_usage(now, *node, *message);
        case Verb::vm_exec:
        case Verb::vm_logs:
        case Verb::vm_tunnel:
        case Verb::node_images:
            return on_worker_stream_message(now, *node, *message);
        default:
            break;
    }
    if (message->header.kind == Kind::reply) return on_job_reply(now, *node, *message);
    if (message->header.kind == Kind::progress) return on_job_progress(now, *node, *message);
    refuse_worker({ErrorCode::bad_message, "a worker sends replies and progress for its jobs"});
}

void BrokerCore::note_heard(Now now, Node& node) {
    node.last_heard = now.instant;
    // Whatever it says: what that tells of its VMs must not outlast its next silence.
    if (node.silent) set_status(now, node, protocol::NodeStatus(node.record.status));
}

void BrokerCore::on_client_gone(Now now, const PeerId& peer) {
    forget_client(now, peer);
    client_peers_.forget(peer);
}

void BrokerCore::forget_client(Now now, const PeerId& peer) {
    requests_.forget_waiter(peer);
    for (const Stream& stream : streams_.of_client(peer)) cancel_stream(now, stream);
}

void BrokerCore::on_worker_gone(Now, const PeerId& peer) {
    worker_peers_.forget(peer);
    // Its VMs turn unknown when it stays away for long: it may be back at once.
    if (Node* node = nodes_.find_by_peer(peer)) {
        log(LogLevel::info, "node " + node->record.name + ": connection gone");
        nodes_.forget_peer(peer);
    }
}

std::optional<BrokerCore::Shown> BrokerCore::shown(const std::string& name) const {
    const Node* node = nodes_.find_by_name(name);
    if (!node) return std::nullopt;
    const auto certain = std::count_if(node->vms.begin(), node->vms.end(), [&](VmId id) {
        const VmState state = vms_.find(id)->record.state;
        return state == VmState::running || state == VmState::stopped;
    });
    return Shown{node->state(), streams_.of_node(node->record.id).size(), static_cast<std::size_t>(certain)};
}

std::size_t BrokerCore::output_bytes() {
    for (; counted_ < effects_.to_clients.size(); ++counted_) {
        output_bytes_ += protocol::bytes_of(effects_.to_clients[counted_].message);
    }
    return output_bytes_;
}

void BrokerCore::take_leave(Now now, const std::string& why) {
    for (const Stream& stream : streams_.all()) end_stream(now, stream, {ErrorCode::cancelled, why});
    for (const RequestId id : requests_.waited_for()) send_progress(*requests_.find(id), {"stopping", "", 0, ""});
}

void BrokerCore::stop(Now now) {
    take_leave(now, "the broker is stopping");
    if (!read_only()) publish(now, protocol::event_kind::broker_stopping, "", "");
}

bool BrokerCore::has_changes() const {
    return !read_only() && (!effects_.changes.empty() || meta_dirty_ || vms_.has_changes() || requests_.has_changes() ||
                            events_.has_changes() || keys_.has_changes() || audit_.has_changes());
}

Effects BrokerCore::take_effects() {
    counted_ = output_bytes_ = 0;
    if (read_only()) {
        vms_.rest();
        return std::exchange(effects_, Effects{});
    }
    if (meta_dirty_) {
        effects_.changes.push_back({static_cast<std::uint8_t>(Table::meta), "", encode(meta_)});
        meta_dirty_ = false;
    }
    vms_.take_changes(effects_.changes);
    requests_.take_changes(effects_.changes);
    events_.take_changes(effects_.changes);
    keys_.take_changes(effects_.changes);
    audit_.take_changes(effects_.changes);
    effects_.events = events_.take_new();
    return std::exchange(effects_, Effects{});
}

void BrokerCore::reply(const PeerId& peer, const protocol::Header& request, protocol::Bytes body) {
    protocol::Header header = request;
    header.kind = Kind::reply;
    header.code = ErrorCode::ok;
    header.value = read_only() ? protocol::reply_value::warning : protocol::reply_value::own;
    effects_.to_clients.push_back({peer, {header, std::move(body), read_only_why_}});
}

void BrokerCore::refuse(const PeerId& peer, const protocol::Header& request, const Error& error) {
    protocol::Header header = request;
    header.kind = Kind::reply;
    header.code = error.code;
    header.value = protocol::reply_value::error;
    header.sequence = 0;
    effects_.to_clients.push_back(
        {peer, {header, encode(protocol::ErrorBody{error.message, error.retry_after_ms}), {}}});
}

void BrokerCore::send_worker(const Node& node, Kind kind, Verb verb, JobId job, protocol::Bytes body,
                             protocol::Bytes data) {
    if (!node.peer) return;
    protocol::Header header;
    header.kind = kind;
    header.verb = verb;
    header.id = protocol::as_request_id(job);
    effects_.to_workers.push_back({node.peer, {header, std::move(body), std::move(data)}});
}

void BrokerCore::log(LogLevel level, std::string text) {
    effects_.log.push_back({level, std::move(text)});
}

void BrokerCore::publish(Now now, const char* kind, std::string node, std::string reason) {
    protocol::Event event;
    event.epoch = meta_.epoch;
    event.time = now.wall;
    event.kind = kind;
    event.node = std::move(node);
    event.reason = std::move(reason);
    events_.append(std::move(event));
}

void BrokerCore::publish(Now now, const char* kind, const Vm& vm, std::string reason, RequestId request) {
    protocol::Event event;
    event.epoch = meta_.epoch;
    event.time = now.wall;
    event.kind = kind;
    event.vm = vm.record.id;
    event.name = vm.record.spec.name;
    if (const Node* node = nodes_.find(vm.record.node)) event.node = node->record.name;
    event.reason = std::move(reason);
    event.request = request;
    event.owner = vm.record.owner;
    events_.append(std::move(event));
}

void BrokerCore::store_node(const Node& node) {
    effects_.changes.push_back(
        {static_cast<std::uint8_t>(Table::nodes), key_of(node.record.id.value), encode(node.record)});
}

protocol::VmView BrokerCore::view(const Vm& vm) const {
    const VmRecord& record = vm.record;
    protocol::VmView view{.id = record.id,
                          .name = record.spec.name,
                          .state = record.state,
                          .intent = record.intent,
                          .reason = record.reason,
                          .node = {},
                          .image = record.spec.image,
                          .cpus_milli = record.spec.cpus_milli,
                          .memory_bytes = record.spec.memory_bytes,
                          .pids = record.spec.pids,
                          .ssh_host = {},
                          .ssh_port = record.report.ssh_port,
                          .username = defaults::username,
                          .host_key = record.report.host_key,
                          .created = record.created,
                          .started = record.report.started,
                          .expires = record.expires(),
                          .labels = record.spec.labels,
                          .password = !record.spec.password_hash.empty(),
                          .container = record.report.container,
                          .on_lost = record.on_lost,
                          .owner = record.owner};
    if (const Node* node = nodes_.find(record.node)) {
        view.node = node->record.name;
        view.ssh_host = node->record.advertise;
    }
    return view;
}

}  // namespace mc::broker

#include "sim/checker.hpp"

#include <utility>

#include "broker/core/records.hpp"
#include "broker/core/vm_table.hpp"
#include "protocol/codec.hpp"

namespace mc::sim {
namespace {

using broker::Table;

std::pair<std::uint8_t, std::string> row(Table table, std::string key) {
    return {static_cast<std::uint8_t>(table), std::move(key)};
}

/// A client says the same again no longer than this (client.cpp: 120 s, and 5 s more).
constexpr milliseconds request_life_max{130s};

/// Between a broker's decision and its commit (nemesis.cpp).
constexpr milliseconds slow_commit_max{2s};

/// Until a silence that is long enough shows.
constexpr milliseconds look_max{1s};

bool carries_items(const protocol::Message& message) {
    const auto& header = message.header;
    return header.kind == protocol::Kind::reply && header.value == 0 && protocol::has_items(header.verb);
}

}  // namespace

void Checker::container_created(const std::string& engine, const Container& container) {
    ++work_.containers;
    if (!container.kept_apart) world_.violated("VM " + container.vm.str() + " can be reached by others of its engine");
    auto& live = live_[container.vm];
    live.insert(engine + " " + container.id);
    if (live.size() > 1) {
        world_.violated("VM " + container.vm.str() + " has " + std::to_string(live.size()) + " containers at once");
    }
    if (gone_.contains(container.vm)) ++work_.resurrected;
    if (container.spare) {
        spares_.insert(container.vm);
        return;
    }
    check_place(engine, container.vm, container.request);
    request_of_.emplace(container.vm, container.request);
    count_vm(container.request, container.vm);
}

void Checker::check_place(const std::string& engine, VmId vm, const std::string& request) {
    if (odd_only_.contains(request) && (engine.back() - '0') % 2 == 0) {
        world_.violated("VM " + vm.str() + " was made at " + engine + ", which has not the label it requires");
    }
}

void Checker::count_vm(const std::string& request, VmId vm) {
    const auto asked = asked_.find(request);
    if (asked == asked_.end()) {
        return world_.violated("a VM was made for request " + request + ", which nobody asked");
    }
    auto& vms = vms_of_request_[request];
    vms.insert(vm);
    if (vms.size() > asked->second) {
        world_.violated("request " + request + " asked for " + std::to_string(asked->second) + " VMs and made more");
    }
}

void Checker::container_given(const std::string& engine, const Container& container) {
    const auto request = request_of_.find(container.vm);
    if (request == request_of_.end()) {
        return world_.violated("the spare " + container.vm.str() + " was given to a VM that nobody asked for");
    }
    ++work_.given;
    check_place(engine, container.vm, request->second);
    if (given_.emplace(container.vm, request->second).first->second != request->second) {
        world_.violated("the spare " + container.vm.str() + " was given away twice");
    }
}

void Checker::container_stopped(const Container& container, bool by_itself) {
    if (by_itself) ended_by_itself_.insert(container.vm);
}

void Checker::removal_begun(const Container& container) {
    if (established_.contains(container.vm) && !may_go(container.vm, "")) {
        world_.violated("the container of VM " + container.vm.str() + " is removed, and nobody had asked for it");
    }
}

void Checker::container_removed(const std::string& engine, const Container& container, bool by_fault) {
    live_[container.vm].erase(engine + " " + container.id);
    if (live_[container.vm].empty()) live_.erase(container.vm);
    if (by_fault) taken_away_.insert(container.vm);
}

void Checker::orphan_made(VmId vm) {
    orphans_[vm] = world_.now();
}

void Checker::stranger_touched(const Container& container, const std::string& what) {
    world_.violated("a worker did " + what + " to somebody else's container, named " + container.name);
}

void Checker::check_cleanup(const protocol::Event& event) {
    if (event.kind != protocol::event_kind::vm_cleanup || event.reason != "no VM accounts for this container") return;
    // Of a worker's earlier process: nobody's any more.
    if (spares_.contains(event.vm) && !request_of_.contains(event.vm)) return;
    const auto orphan = orphans_.find(event.vm);
    if (orphan == orphans_.end()) {
        return world_.violated("VM " + event.vm.str() + " was taken for one that there never was");
    }
    if (world_.now() - orphan->second < waits_.orphan_grace) {
        world_.violated("a container that nobody accounts for was removed within the grace period");
    }
}

void Checker::committed(std::span<const StoreChange> changes) {
    access_.committed(changes);
    for (const auto& change : changes) {
        if (change.table == static_cast<std::uint8_t>(Table::requests)) {
            request_rows_[broker::request_of_row(change.key)] = change.key;
        }
        if (change.table != static_cast<std::uint8_t>(Table::events)) continue;
        if (!change.value) {
            ++dropped_;
            continue;
        }
        const auto event = protocol::decode<protocol::Event>(*change.value);
        if (event) on_event(*event);
    }
}

void Checker::on_event(const protocol::Event& event) {
    ++work_.events;
    const std::uint64_t expected = log_.empty() ? 1 : log_.rbegin()->first + 1;
    if (event.seq.value != expected) {
        return world_.violated("event " + std::to_string(event.seq.value) + " was committed after " +
                               std::to_string(expected - 1));
    }
    log_[event.seq.value] = event;
    access_.event_committed(event);
    check_successor(event);
    if (!event.vm) return on_node_event(event);
    check_cleanup(event);
    first_seen_.emplace(event.vm, world_.now());
    if (event.request &&
        (event.kind == protocol::event_kind::vm_pending || event.kind == protocol::event_kind::vm_creating)) {
        request_of_.emplace(event.vm, event.request.str());
        count_vm(event.request.str(), event.vm);
    }
    const bool replaced = event.kind == protocol::event_kind::vm_replaced;
    const bool leaves =
        replaced || event.kind == protocol::event_kind::vm_deleted || event.kind == protocol::event_kind::vm_failed;
    if (gone_.contains(event.vm) && event.kind != protocol::event_kind::vm_cleanup) {
        return world_.violated("VM " + event.vm.str() + " is gone, and then came " + event.kind);
    }
    if (event.kind == protocol::event_kind::vm_running) established_.insert(event.vm);
    if (replaced) on_replaced(event);
    if (event.kind == protocol::event_kind::vm_failed && successors_.contains(event.vm) && !event.request) {
        world_.violated("VM " + event.name + " was made anew and given up, though somebody had it");
    }
    if (leaves) {
        gone_.insert(event.vm);
        const bool forgotten = forgets_.contains(event.request);
        if (!replaced && !forgotten && established_.contains(event.vm) && !may_go(event.vm, event.name)) {
            world_.violated("VM " + event.name + " is gone (" + event.reason + "), and nobody had asked for it");
        }
    }
}

void Checker::on_node_event(const protocol::Event& event) {
    using namespace protocol::event_kind;
    const std::string& kind = event.kind;
    if (kind == node_silent) silent_[event.node] = world_.now();
    if (kind == node_lost) lost_.insert(event.node);
    if (kind == node_lost && world_.now() - silent_[event.node] < waits_.lost_after - slow_commit_max) {
        world_.violated("node " + event.node + " was given up before its time");
    }
    if (kind == node_joined || kind == node_ready || kind == node_not_ready) lost_.erase(event.node);
    if (kind == node_draining) draining_.insert(event.node);
    if (kind == node_drained || kind == node_uncordoned) draining_.erase(event.node);
    if (kind == node_drained) ++work_.drained;
    if (kind == node_forgotten) ++work_.forgotten;
}

void Checker::on_replaced(const protocol::Event& event) {
    ++work_.replaced;
    const auto request = request_of_.find(event.vm);
    if (request == request_of_.end() || !replaceable_.contains(request->second)) {
        return world_.violated("VM " + event.name + " was replaced, and its owner had not said that it may be");
    }
    // One that was never there before its node was lost is replaced because its create failed.
    if (established_.contains(event.vm) && !lost_.contains(event.node) && !draining_.contains(event.node)) {
        return world_.violated("VM " + event.name + " was replaced, and its node is in use");
    }
    ++asked_[request->second];
    replaced_ = event;
}

void Checker::check_successor(const protocol::Event& event) {
    if (!replaced_) return;
    const auto before = *std::exchange(replaced_, std::nullopt);
    if (event.kind != protocol::event_kind::vm_creating || event.name != before.name || event.vm == before.vm) {
        return world_.violated("VM " + before.name + " was replaced by nothing");
    }
    successors_.insert(event.vm);
    request_of_.emplace(event.vm, request_of_.at(before.vm));
}

bool Checker::may_go(VmId vm, const std::string& name) const {
    if (ended_by_itself_.contains(vm) || taken_away_.contains(vm)) return true;
    if (name.empty() && gone_.contains(vm)) return true;  // a leftover of what the log says is gone
    const auto request = request_of_.find(vm);
    if (request != request_of_.end() && (mortal_.contains(request->second) || cancelled_.contains(request->second))) {
        return true;
    }
    const auto seen = first_seen_.find(vm);
    const std::string owner = access_.owner_of(vm);
    const auto asked_by = [&](const std::string& who, const std::string& target) {
        const auto asked = delete_asked_.find({who, target});
        return asked != delete_asked_.end() && seen != first_seen_.end() && asked->second >= seen->second;
    };
    const auto asked_since = [&](const std::string& target) {
        return asked_by("", target) || (!owner.empty() && asked_by(owner, target));
    };
    const auto named = [&](const std::string& own) { return asked_since(own) || asked_since(owner + '/' + own); };
    if (asked_since(vm.str()) || (!name.empty() && named(name))) return true;
    for (const auto& [seq, event] : log_) {
        // By any name that it has had.
        if (event.vm == vm && !event.name.empty() && named(event.name)) return true;
    }
    return false;
}

void Checker::broker_started(Epoch epoch, const Store& store) {
    access_.broker_started(store);
    if (epoch <= epoch_) world_.violated("epoch " + std::to_string(epoch.value) + " came a second time");
    epoch_ = epoch;
}

void Checker::event_published(const protocol::Event& event, const Store& /*store*/) {
    const auto found = log_.find(event.seq.value);
    if (found == log_.end() || found->second != event) {
        world_.violated("event " + std::to_string(event.seq.value) + " was published before it was committed");
    }
    if (event.seq.value <= last_published_) {
        world_.violated("event " + std::to_string(event.seq.value) + " was published out of order");
    }
    last_published_ = event.seq.value;
}

void Checker::client_told(const std::optional<PublicKey>& key, const protocol::Message& message, const Store& store) {
    access_.client_told(key, message);
    const auto& header = message.header;
    const bool accepted = header.kind == protocol::Kind::progress && header.verb == protocol::Verb::create;
    if (!accepted && !carries_items(message)) return;
    const std::string row_key = request_rows_[header.id];
    if (!store.contains(row(Table::requests, row_key))) {
        return world_.violated("a client was told about request " + header.id.str() + ", which is not in the store");
    }
    if (accepted) return;
    const auto items = protocol::decode<protocol::ItemsReply>(message.body);
    if (!items) return world_.violated("a reply that can't be read");
    for (std::uint64_t i = 0; i < items->items.size(); ++i) {
        if (!store.contains(row(Table::request_items, row_key + broker::key_of(i)))) {
            return world_.violated("a client was told an outcome that is not in the store");
        }
    }
}

void Checker::worker_told(const protocol::Message& message, const Store& store) {
    if (message.header.kind != protocol::Kind::request || message.header.verb != protocol::Verb::vm_create) return;
    const auto order = protocol::decode<protocol::CreateOrder>(message.body);
    if (!order) return world_.violated("an order that can't be read");
    const auto found = store.find(row(Table::vms, broker::key_of(order->vm.value)));
    const auto vm =
        found == store.end() ? std::nullopt : std::optional(protocol::decode<broker::VmRecord>(found->second));
    if (!vm || !*vm || !(*vm)->job || (*vm)->job->id != protocol::as_job_id(message.header.id)) {
        // It may have been superseded later in the same turn.
        if (!gone_.contains(order->vm) && !vm) world_.violated("a VM was ordered that is not in the store");
    }
    if (order->epoch != epoch_ && epoch_ < order->epoch) epoch_ = order->epoch;
}

void Checker::node_shown(HostId host, milliseconds unheard, const broker::BrokerCore::Shown& shown) {
    if (unheard < waits_.silence_max + look_max) return;
    const std::string since = node_name(host) + " was not heard for " + std::to_string(unheard.count()) + " ms, and ";
    if (shown.state != protocol::NodeState::silent) {
        world_.violated(since + "is shown as " + std::string(protocol::name_of(shown.state)));
    } else if (shown.vms_certain > 0) {
        world_.violated(since + std::to_string(shown.vms_certain) + " of its VMs are not shown as unknown");
    } else if (shown.streams > 0) {
        world_.violated(since + std::to_string(shown.streams) + " of its streams go on");
    }
}

void Checker::create_asked(const Person& who, RequestId request, const protocol::CreateRequest& create) {
    asked_[request.str()] = create.count;
    if (create.spec.ttl_seconds != 0 || who.holds.ttl_seconds != 0) mortal_.insert(request.str());
    if (!create.placement.require.empty()) odd_only_.insert(request.str());
    if (create.on_lost == protocol::OnLost::replace) replaceable_.insert(request.str());
}

void Checker::delete_asked(const Person& who, const std::vector<std::string>& targets) {
    if (!AccessChecker::may_change(who, who.name)) return;
    for (const auto& target : targets) {
        delete_asked_[{who.is_admin ? "" : who.name, target}] = world_.now() + request_life_max;
    }
}

void Checker::cancel_asked(const Person& who, RequestId request) {
    const Person* author = access_.author_of(request);
    if (author && AccessChecker::may_change(who, author->name)) cancelled_.insert(request.str());
}

void Checker::forget_asked(const Person& who, RequestId request) {
    if (who.is_admin) forgets_.insert(request);
}

void Checker::create_answered(RequestId request, const protocol::ItemsReply& reply) {
    std::vector<VmId> vms;
    for (const auto& item : reply.items) {
        const bool ok = item.code == ErrorCode::ok;
        vms.push_back(ok && item.vm ? item.vm->id : VmId{});
        if (!ok || !item.vm) continue;
        ++work_.creates_ok;
        acknowledged_[item.vm->id] = item.vm->name;
    }
    const auto [before, fresh] = outcomes_.try_emplace(request, vms);
    if (!fresh && before->second != vms) {
        world_.violated("request " + request.str() + " was answered with two different outcomes");
    }
}

void Checker::request_began(RequestId request) {
    open_.insert(request);
}

void Checker::request_ended(RequestId request) {
    open_.erase(request);
}

std::optional<EventSeq> Checker::next_seen(const Person& who, EventSeq after) const {
    for (auto it = log_.upper_bound(after.value); it != log_.end(); ++it) {
        if (access_.sees(who, it->second)) return EventSeq{it->first};
    }
    return std::nullopt;
}

void Checker::watcher_printed(const std::string& watcher, const Person& who, EventSeq before,
                              const protocol::Event& event) {
    if (next_seen(who, before) != event.seq) {
        return world_.violated(watcher + " was shown event " + std::to_string(event.seq.value) + " after " +
                               std::to_string(before.value));
    }
    if (log_.at(event.seq.value) != event) {
        world_.violated(watcher + " was shown an event that was never committed");
    }
}

void Checker::watcher_missed(const std::string& watcher, const Person& who, EventSeq before, EventSeq first,
                             EventSeq last) {
    const auto next = next_seen(who, before);
    // What is not for this one to see may be left out of what it is told is gone.
    const bool begins = who.sees_all() ? first.value == before.value + 1 : first > before && !(next && *next < first);
    if (!begins || last.value > dropped_) {
        world_.violated(watcher + " was told that events " + std::to_string(first.value) + " to " +
                        std::to_string(last.value) + " are gone after " + std::to_string(before.value) +
                        "; the store had dropped " + std::to_string(dropped_));
    }
}

}  // namespace mc::sim

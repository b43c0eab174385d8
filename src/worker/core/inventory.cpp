#include "worker/core/inventory.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "base/rule.hpp"
#include "protocol/limits.hpp"
#include "worker/core/engine_requests.hpp"
#include "worker/core/lookup.hpp"
#include "worker/core/pool.hpp"

namespace mc::worker {

void Inventory::on_registered(Now now) {
    registered_ = true;
    sent_.clear();
    settled_ = 0;
    ++registrations_;
    ++results_sent_;               // a list under way may be another cloud's: not for this broker
    context_.known.forget_list();  // orders that come now may have been an earlier process's
    hinted_ = in_flight();
    next_list_ = now.instant;
}

void Inventory::hint(Now now) {
    hinted_ = in_flight();
    next_list_ = std::min(next_list_, std::max(now.instant, last_list_ + bounds::inventory_spacing));
}

void Inventory::on_event(Now now, const std::optional<VmId>& vm) {
    // The job's end is a hint as well, and until then the broker does not look at what the inventory says of it.
    if (!vm || !jobs_.has_jobs(*vm)) hint(now);
}

void Inventory::on_result_sent(Now now) {
    ++results_sent_;
    hint(now);
}

void Inventory::on_tick(Now now) {
    if (!in_flight() && now.instant >= next_list_) list(now);
}

void Inventory::list(Now now) {
    listing_ = true;
    hinted_ = false;
    if (first_list_ == Instant{}) first_list_ = now.instant;
    last_list_ = now.instant;
    next_list_ = now.instant + bounds::inventory_interval;
    results_at_list_ = results_sent_;
    registrations_at_list_ = registrations_;
    context_.calls.start(owner_inventory, CallPurpose::list, engine::list(context_.identity));
}

void Inventory::on_call_done(Now now, CallId id, CallPurpose purpose, const CallResult& result) {
    if (purpose == CallPurpose::list) return on_list(now, result);
    if (purpose == CallPurpose::remove) {
        removing_surplus_ = false;
        // Else it is tried again with the next list, not at once: an engine may be at it for long.
        if (result && engine::is_good(*result)) hint(now);
        return;
    }
    if (details_pending_ == 0) return;
    if (purpose == CallPurpose::host_key) {
        const std::string container = key_calls_[id];
        key_calls_.erase(id);
        const std::string key = result && engine::is_good(*result) ? engine::host_key_in(*result) : std::string();
        if (!key.empty()) {
            context_.known.note_host_key(container, key);
        } else if (result && (engine::is_good(*result) || result->status == 404)) {
            // No ed25519 key, or none yet: asked for again, but not with each list.
            context_.known.put_off_host_key(container, now.instant + bounds::host_key_interval);
        }
    } else if (result && engine::is_good(*result)) {
        if (const auto info = engine::parse_inspect(result->body)) context_.known.note(*info);
    }
    if (--details_pending_ == 0) finish_round(now);
}

void Inventory::on_list(Now now, const CallResult& result) {
    listing_ = false;
    auto containers =
        !result ? Result<std::vector<engine::ContainerInfo>>(fail(result.error()))
        : engine::is_good(*result)
            ? engine::parse_list(result->body)
            : Result<std::vector<engine::ContainerInfo>>(fail(ErrorCode::engine_failed, engine::message_of(*result)));
    if (!containers) {
        health_.on_list_failed(containers.error());
        const bool slow = !result && result.error().code == ErrorCode::deadline_exceeded;
        if (!result && !slow) context_.endings.on_engine_gone(now);
        next_list_ = now.instant + bounds::inventory_retry;
        return;
    }
    health_.on_list_answered(now);
    listed_ = std::move(*containers);
    // The engine filtered them already; nothing leaves here on its word alone.
    std::erase_if(listed_, [&](const auto& c) { return !is_ours(c.labels, context_.identity) || !vm_of(c.labels); });
    const auto engine = context_.endings.engine();
    context_.endings.on_list(now, listed_);
    std::set<std::string> ids;
    std::set<VmId> made;
    for (const auto& container : listed_) {
        ids.insert(container.id);
        made.insert(*vm_of(container.labels));
    }
    end_leftovers(now, engine, ids);
    // From here on the list is of VMs alone.
    context_.pool.on_list(last_list_, listed_);
    std::erase_if(listed_, [this](const auto& c) { return jobs_.removes_behind(*vm_of(c.labels)); });
    containers_ = listed_.size();
    std::set<VmId> vms;
    for (const auto& container : listed_) vms.insert(*vm_of(container.labels));
    context_.known.keep_only(ids);
    if (vms.size() < listed_.size() && rule_holds(Rule::surplus_is_removed)) part_with_surplus();
    running_.clear();
    for (const auto& container : listed_) {
        if (container.state == protocol::ContainerState::running) running_[*vm_of(container.labels)] = container.id;
    }
    // The engine may still be at a create of this worker's earlier process, which no list shows until it is done.
    const bool settled = now.instant - first_list_ >= bounds::create_call_max;
    if (settled && registered_ && registrations_ == registrations_at_list_) context_.known.note_list(std::move(made));
    ask_details(now);
    if (details_pending_ == 0) finish_round(now);
}

void Inventory::end_leftovers(Now now, Leftovers::Engine engine, const std::set<std::string>& ids) {
    Leftovers& leftovers = context_.leftovers;
    EndLeftovers end;
    end.now = now.instant;
    end.leftovers = leftovers.on_list(
        now, last_list_, listed_, [this](VmId vm) { return jobs_.has_jobs(vm); }, engine);
    if (const auto since = leftovers.unlisted_since(now, last_list_)) {
        if (const auto root = health_.data_root(*since)) {
            end.unlisted = Unlisted{ids, mark_of(context_.identity), *root, now.instant - *since};
            leftovers.looked_for_unlisted();
        }
    }
    if (!end.leftovers.empty() || end.unlisted) context_.outbox.push(std::move(end));
}

void Inventory::part_with_surplus() {
    // Each VM's best one first; what follows it is not its VM's container but a copy.
    std::sort(listed_.begin(), listed_.end(), [](const auto& a, const auto& b) {
        const VmId left = *vm_of(a.labels);
        const VmId right = *vm_of(b.labels);
        return left != right ? left < right : is_better(a, b);
    });
    const auto same_vm = [](const auto& a, const auto& b) { return vm_of(a.labels) == vm_of(b.labels); };
    // A job may be about to start the very one that is the worse until then. It looks for itself, and ends with a hint.
    const auto idle_copy = [&](const auto& a, const auto& b) {
        return same_vm(a, b) && !jobs_.has_jobs(*vm_of(a.labels));
    };
    const auto stays = std::adjacent_find(listed_.begin(), listed_.end(), idle_copy);
    // One at a time; the next list shows what is left.
    if (stays != listed_.end() && !std::exchange(removing_surplus_, true)) {
        const auto copy = std::next(stays);
        if (std::exchange(surplus_told_, copy->id) != copy->id) {
            context_.outbox.log(LogLevel::warning, "VM " + vm_of(copy->labels)->str() +
                                                       " has more than one container: " + copy->id + " is removed, " +
                                                       stays->id + " stays");
        }
        context_.calls.start(owner_inventory, CallPurpose::remove, engine::remove(copy->id));
    }
    listed_.erase(std::unique(listed_.begin(), listed_.end(), same_vm), listed_.end());
}

void Inventory::ask_details(Now now) {
    for (auto& container : listed_) {
        if (details_pending_ >= bounds::detail_calls_per_round_max) return;
        // Docker goes on listing a removal that has failed as one in progress: only an inspect tells that it is dead.
        if (container.state == protocol::ContainerState::removing) context_.known.forget_run(container.id);
        if (!context_.known.complete(container)) {
            ++details_pending_;
            context_.calls.start(owner_inventory, CallPurpose::inspect, engine::inspect(container.id));
        }
        // After a restart of this worker the broker would otherwise hear that the key is not known.
        const bool has_sshd = container.state == protocol::ContainerState::running && container.ssh_port != 0;
        // A job that starts it reads it by itself, and needs the engine meanwhile.
        const bool idle = !jobs_.has_jobs(*vm_of(container.labels));
        if (has_sshd && idle && context_.known.wants_host_key(container.id, now.instant)) {
            ++details_pending_;
            const CallId id =
                context_.calls.start(owner_inventory, CallPurpose::host_key, engine::host_key(container.id));
            key_calls_[id] = container.id;
        }
    }
}

void Inventory::finish_round(Now now) {
    const bool stale = results_sent_ != results_at_list_;
    if (registered_ && !stopping_ && (!stale || !rule_holds(Rule::fresh_inventory_only))) send();
    if (stale || hinted_) next_list_ = std::max(now.instant, last_list_ + bounds::inventory_spacing);
    listed_.clear();
}

void Inventory::send() {
    protocol::Inventory body;
    body.boot = context_.settings.boot;
    body.spares = context_.pool.ready();
    for (auto& container : listed_) {
        static_cast<void>(context_.known.complete(container));
        auto report = engine::to_report(*vm_of(container.labels), container);
        report.host_key = context_.known.host_key(container.id);
        report.ended = context_.endings.of(container.id);
        body.vms.push_back(std::move(report));
    }
    protocol::Message message;
    message.header.kind = protocol::Kind::notice;
    message.header.verb = protocol::Verb::node_inventory;
    message.body = protocol::encode(body);
    if (message.body.size() > limits::message_bytes_max) {
        // Host keys don't change: the broker has them from the creates.
        for (auto& report : body.vms) report.host_key.clear();
        message.body = protocol::encode(body);
    }
    if (body.vms.size() > limits::inventory_max || message.body.size() > limits::message_bytes_max) {
        // Half an inventory would read as half the VMs gone.
        context_.outbox.log(LogLevel::error, "there are too many VMs on this node to report them in one inventory");
        return;
    }
    if (message.body != sent_) {
        sent_ = message.body;
        ++number_;
    } else if (number_ == settled_) {
        return;
    }
    message.header.sequence = number_;
    context_.outbox.push(SendBroker{std::move(message)});
}

}  // namespace mc::worker

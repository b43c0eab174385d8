#include "broker/core/vm_table.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "base/assert.hpp"
#include "base/big_endian.hpp"
#include "protocol/codec.hpp"

namespace mc::broker {
namespace {

/// Of VMs that one name may stand for, in a sentence.
constexpr std::size_t choices_shown_max = 5;

/// Time alone does not move it.
bool stands_by_itself(const VmRecord& record) {
    if (record.replacement) return false;
    // What is to become of it is seen when its node is back.
    if (record.state == protocol::VmState::unknown) return true;
    return record.state == protocol::VmState::running && record.intent == protocol::VmIntent::running &&
           record.ttl_seconds() == 0;
}

/// Its record says all that is known of it.
bool may_rest(const Vm& vm) {
    return stands_by_itself(vm.record) && !vm.record.job && !vm.stop_seen && vm.retry_at == Instant{} &&
           vm.replace_tries == 0 && vm.start_tries == 0;
}

}  // namespace

std::string key_of(std::uint64_t value) {
    std::string key(sizeof value, '\0');
    store_big_endian(key.data(), value);
    return key;
}

std::string key_of(RequestId id) {
    return key_of(id.high) + key_of(id.low);
}

std::string full_name(const std::string& owner, const std::string& name) {
    return owner + '/' + name;
}

std::string_view VmTable::Entry::owner() const {
    return full_name().substr(0, full_name().find('/'));
}

std::string_view VmTable::Entry::name() const {
    return full_name().substr(full_name().find('/') + 1);
}

void VmTable::Entry::set_full_name(std::string_view full) {
    text.replace(0, full_name_bytes, full.data(), full.size());
    full_name_bytes = static_cast<std::uint16_t>(full.size());
}

void VmTable::Entry::set_row(std::string_view row) {
    text.replace(full_name_bytes, text.npos, row.data(), row.size());
}

Vm& VmTable::restore(VmRecord record, std::string_view row, Instant now) {
    Vm& vm = add(std::move(record), now);
    vms_.at(vm.record.id).set_row(row);
    dirty_.clear();
    note_rest(vm.record.id, &vm);
    return vm;
}

Vm& VmTable::look_at(Entry& entry) const {
    if (!entry.vm) {
        auto record = protocol::decode<VmRecord>(entry.row());
        MC_ASSERT(record);  // it was encoded here, or decoded at the start
        entry.vm = std::make_unique<Vm>();
        entry.vm->record = std::move(*record);
        ++unpacked_;
    }
    if (!std::exchange(entry.looked_at, true)) looked_at_.push_back(entry.vm->record.id);
    return *entry.vm;
}

void VmTable::put_to_rest(Entry& entry) {
    entry.looked_at = false;
    if (!entry.vm || !may_rest(*entry.vm)) return;
    if (entry.row().empty()) entry.set_row(protocol::encode(entry.vm->record));
    // An older release's row has fewer fields. Only in debug builds: it doubles the work.
    assert(protocol::encode(*protocol::decode<VmRecord>(entry.row())) == protocol::encode(entry.vm->record));
    // This string would be made anew even where there is nothing to gain.
    if (entry.text.capacity() > entry.text.size()) entry.text.shrink_to_fit();
    entry.vm.reset();
    --unpacked_;
}

void VmTable::rest() {
    for (const VmId id : looked_at_) {
        const auto it = vms_.find(id);
        if (it != vms_.end()) put_to_rest(it->second);
    }
    looked_at_.clear();
}

void VmTable::note_rest(VmId id, const Vm* vm) {
    if (!vm || stands_by_itself(vm->record)) {
        restless_.erase(id);
    } else {
        restless_.insert(id);
    }
}

std::uint64_t VmTable::changes_of(NodeId node) const {
    const auto it = changes_of_.find(node);
    return it == changes_of_.end() ? 0 : it->second;
}

std::vector<Vm*> VmTable::restless() {
    std::vector<Vm*> found;
    for (const VmId id : restless_) {
        if (Vm* vm = find(id)) found.push_back(vm);
    }
    return found;
}

Vm& VmTable::add(VmRecord record, Instant now) {
    MC_ASSERT(record.id && !vms_.contains(record.id));
    MC_ASSERT(!has_name(record.owner, record.spec.name));
    const VmId id = record.id;
    Usage& used = usage_[record.owner];
    ++used.vms;
    used.cpus_milli += record.spec.cpus_milli;
    used.memory_bytes += record.spec.memory_bytes;
    if (record.job) by_job_[record.job->id] = id;
    Entry& entry = vms_[id];
    add_name(entry, record);
    entry.vm = std::make_unique<Vm>();
    ++unpacked_;
    entry.vm->record = std::move(record);
    Vm& vm = look_at(entry);
    vm.since = now;
    note_change(vm.record);
    return vm;
}

void VmTable::erase(VmId id) {
    const auto it = vms_.find(id);
    MC_ASSERT(it != vms_.end());
    const VmRecord& record = look_at(it->second).record;
    erase_name(it->second);
    const auto used = usage_.find(record.owner);
    used->second.cpus_milli -= record.spec.cpus_milli;
    used->second.memory_bytes -= record.spec.memory_bytes;
    if (--used->second.vms == 0) usage_.erase(used);
    if (record.job) by_job_.erase(record.job->id);
    note_change(record);
    --unpacked_;
    vms_.erase(it);
}

void VmTable::rename(Vm& vm, const std::string& name) {
    MC_ASSERT(!has_name(vm.record.owner, name));
    Entry& entry = vms_.at(vm.record.id);
    erase_name(entry);
    vm.record.spec.name = name;
    add_name(entry, vm.record);
    touch(vm);
}

VmTable::Entry* VmTable::named(const std::string& full) const {
    const auto it = by_full_name_.find(std::string_view(full), ByFullName());
    return it == by_full_name_.end() ? nullptr : &*it;
}

bool VmTable::has_name(const std::string& owner, const std::string& name) const {
    return named(full_name(owner, name)) != nullptr;
}

void VmTable::add_name(Entry& entry, const VmRecord& record) {
    entry.set_full_name(full_name(record.owner, record.spec.name));
    by_full_name_.insert(entry);
    by_name_.insert(entry);
}

void VmTable::erase_name(Entry& entry) {
    by_full_name_.erase(by_full_name_.iterator_to(entry));
    by_name_.erase(by_name_.iterator_to(entry));
}

Vm* VmTable::find(VmId id) {
    const auto it = vms_.find(id);
    return it == vms_.end() ? nullptr : &look_at(it->second);
}

const Vm* VmTable::find(VmId id) const {
    const auto it = vms_.find(id);
    return it == vms_.end() ? nullptr : &look_at(it->second);
}

Vm* VmTable::find_awake(VmId id) {
    const auto it = vms_.find(id);
    return it == vms_.end() || !it->second.vm ? nullptr : &look_at(it->second);
}

Vm* VmTable::find_by_job(JobId job) {
    const auto it = by_job_.find(job);
    return it == by_job_.end() ? nullptr : find(it->second);
}

Result<Vm*> VmTable::find_target(const std::string& target, const Actor& actor) {
    const auto at = [&](const std::string& full) -> Vm* {
        Entry* entry = named(full);
        return entry && actor.sees(std::string(entry->owner())) ? &look_at(*entry) : nullptr;
    };
    // Before any name: one that looks like the id of another's VM must not take what is meant for that.
    if (const auto id = VmId::parse(target)) {
        if (Vm* vm = find(*id); vm && actor.sees(vm->record.owner)) return vm;
    }
    if (Vm* own = at(full_name(actor.name, target))) return own;
    if (Vm* vm = at(target)) return vm;
    if (const auto [first, last] = by_name_.equal_range(std::string_view(target), ByName());
        first != last && actor.sees_all()) {
        if (std::next(first) == last) return &look_at(*first);
        std::string choices;
        std::size_t left = choices_shown_max;
        for (auto it = first; it != last; ++it) {
            choices += (choices.empty() ? "" : ", ") + (left == 0 ? "…" : std::string(it->full_name()));
            if (left-- == 0) break;
        }
        return fail(ErrorCode::invalid_argument,
                    "several people have a VM named " + target + ": say one of " + choices);
    }
    return fail(ErrorCode::not_found, "there is no VM named " + target + "; see yours with: mccli list");
}

VmTable::Usage VmTable::usage(const std::string& owner) const {
    const auto it = usage_.find(owner);
    return it == usage_.end() ? Usage{} : it->second;
}

void VmTable::set_job(Vm& vm, JobRecord job) {
    clear_job(vm);
    by_job_[job.id] = vm.record.id;
    vm.record.job = std::move(job);
    vm.job_acknowledged = false;
    touch(vm);
}

void VmTable::clear_job(Vm& vm) {
    if (!vm.record.job) return;
    by_job_.erase(vm.record.job->id);
    vm.record.job.reset();
    touch(vm);
}

std::vector<const Vm*> VmTable::page(const std::string& after, std::size_t limit,
                                     const std::optional<std::string>& owner, bool& more) const {
    std::vector<const Vm*> found;
    // Of another's VMs an owner can't have a page by naming one of them.
    const std::string own = owner ? full_name(*owner, "") : "";
    auto it = by_full_name_.upper_bound(std::string_view(after.starts_with(own) ? after : own), ByFullName());
    const auto goes_on = [&] { return it != by_full_name_.end() && it->full_name().starts_with(own); };
    for (; goes_on() && found.size() < limit; ++it) found.push_back(&look_at(*it));
    more = goes_on();
    return found;
}

std::vector<Vm*> VmTable::with_jobs() {
    std::vector<Vm*> found;
    found.reserve(by_job_.size());
    for (const auto& [job, id] : by_job_) found.push_back(find(id));
    return found;
}

void VmTable::take_changes(std::vector<StoreChange>& into) {
    for (const VmId id : dirty_) {
        StoreChange change{static_cast<std::uint8_t>(Table::vms), key_of(id.value), std::nullopt};
        const auto it = vms_.find(id);
        Vm* vm = it == vms_.end() ? nullptr : &look_at(it->second);
        if (vm) change.value = protocol::encode(vm->record);
        // Kept only when it is to rest: else it would be held twice.
        if (vm) it->second.set_row(may_rest(*vm) ? std::string_view(*change.value) : std::string_view());
        note_rest(id, vm);
        into.push_back(std::move(change));
    }
    dirty_.clear();
    rest();
}

}  // namespace mc::broker

#include "broker/core/vm_table.hpp"

#include "base/assert.hpp"
#include "protocol/codec.hpp"

namespace mc::broker {

std::string key_of(std::uint64_t value) {
    std::string key;
    for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>((value >> shift) & 0xFF));
    return key;
}

std::string key_of(RequestId id) {
    return key_of(id.high) + key_of(id.low);
}

void VmTable::restore(VmRecord record, Instant now) {
    add(std::move(record), now);
    dirty_.clear();
}

Vm& VmTable::add(VmRecord record, Instant now) {
    MC_ASSERT(record.id && !vms_.contains(record.id));
    MC_ASSERT(!by_name_.contains(record.spec.name));
    const VmId id = record.id;
    by_name_[record.spec.name] = id;
    if (record.job) by_job_[record.job->id] = id;
    Vm& vm = vms_[id];
    vm.record = std::move(record);
    vm.since = now;
    dirty_.insert(id);
    return vm;
}

void VmTable::erase(VmId id) {
    const auto it = vms_.find(id);
    MC_ASSERT(it != vms_.end());
    by_name_.erase(it->second.record.spec.name);
    if (it->second.record.job) by_job_.erase(it->second.record.job->id);
    vms_.erase(it);
    dirty_.insert(id);
}

Vm* VmTable::find(VmId id) {
    const auto it = vms_.find(id);
    return it == vms_.end() ? nullptr : &it->second;
}

const Vm* VmTable::find(VmId id) const {
    const auto it = vms_.find(id);
    return it == vms_.end() ? nullptr : &it->second;
}

Vm* VmTable::find_by_job(JobId job) {
    const auto it = by_job_.find(job);
    return it == by_job_.end() ? nullptr : find(it->second);
}

Result<Vm*> VmTable::find_target(const std::string& target) {
    if (const auto it = by_name_.find(target); it != by_name_.end()) return find(it->second);
    if (const auto id = VmId::parse(target)) {
        if (Vm* vm = find(*id)) return vm;
    }
    return fail(ErrorCode::not_found, "there is no VM named " + target + "; see yours with: mccli list");
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

std::vector<const Vm*> VmTable::page(const std::string& after, std::size_t limit, bool& more) const {
    std::vector<const Vm*> found;
    auto it = after.empty() ? by_name_.begin() : by_name_.upper_bound(after);
    for (; it != by_name_.end() && found.size() < limit; ++it) found.push_back(&vms_.at(it->second));
    more = it != by_name_.end();
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
        if (const Vm* vm = find(id)) change.value = protocol::encode(vm->record);
        into.push_back(std::move(change));
    }
    dirty_.clear();
}

}  // namespace mc::broker

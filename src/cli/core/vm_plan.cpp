#include "cli/core/vm_plan.hpp"

#include <algorithm>
#include <map>

#include "cli/core/quantities.hpp"

namespace mc::cli {
namespace {

using protocol::VmView;

using ByName = std::map<std::string_view, const VmView*>;

/// Names are per owner: those of others are other VMs.
ByName own_vms(const std::vector<VmView>& vms, const std::string& me) {
    ByName out;
    for (const auto& vm : vms) {
        if (vm.owner.empty() || vm.owner == me) out.emplace(vm.name, &vm);
    }
    return out;
}

/// "512M" where that is all of it: two amounts that are not the same must not look so.
std::string size_text(std::uint64_t bytes) {
    std::string text = format_size(bytes);
    const auto read = parse_size(text);
    return read && *read == bytes ? text : std::to_string(bytes);
}

void compare_labels(const std::vector<protocol::Label>& is, const std::vector<protocol::Label>& wanted,
                    std::vector<Difference>& out) {
    std::map<std::string, Difference> all;
    for (const auto& label : is) all[label.key].is = label.value;
    for (const auto& label : wanted) all[label.key].wanted = label.value;
    for (auto& [key, difference] : all) {
        if (difference.is == difference.wanted) continue;
        difference.field = "labels." + key;
        out.push_back(std::move(difference));
    }
}

/// Adds how `vm` differs from `wanted` in one field. False: that can't be said.
bool compare(std::string_view field, const VmView& vm, const CreateCommand& wanted, std::vector<Difference>& out) {
    const auto& spec = wanted.request.spec;
    const auto add = [&](std::string is, std::string wants) {
        if (is != wants) out.push_back({std::string(field), std::move(is), std::move(wants)});
        return true;
    };
    const auto flag = [](bool on) { return on ? "true" : "false"; };
    if (field == "image") return add(vm.image, spec.image);
    if (field == "cpus") return add(format_cpus(vm.cpus_milli), format_cpus(spec.cpus_milli));
    if (field == "memory") return add(size_text(vm.memory_bytes), size_text(spec.memory_bytes));
    if (field == "pids") return add(std::to_string(vm.pids), std::to_string(spec.pids));
    if (field == "password") return add(flag(vm.password), flag(wanted.password));
    if (field == "node") return vm.node.empty() || add(vm.node, wanted.request.node);  // it is yet to be placed
    if (field == "on-lost") {
        return add(std::string(name_of(vm.on_lost)), std::string(name_of(wanted.request.on_lost)));
    }
    if (field != "labels") return false;
    compare_labels(vm.labels, spec.labels, out);
    return true;
}

/// One that is there by name only is not what the file wants, whatever it looks like.
void compare_state(const VmView& vm, std::vector<Difference>& out) {
    const bool going = vm.intent == protocol::VmIntent::deleted;
    if (!going && vm.state != protocol::VmState::failed) return;
    out.push_back({"state", std::string(name_of(going ? protocol::VmState::deleting : vm.state)), "running"});
}

PlanItem planned(const WantedVm& wanted, const VmView* vm, bool replace) {
    PlanItem item{.name = wanted.name};
    if (vm == nullptr) return item;
    item.vm = *vm;
    compare_state(*vm, item.differences);
    for (const auto& field : wanted.fields) {
        if (!compare(field, *vm, wanted.command, item.differences)) item.not_compared.push_back(field);
    }
    const auto changed = replace ? PlanAction::replace : PlanAction::differs;
    item.action = item.differences.empty() ? PlanAction::unchanged : changed;
    return item;
}

}  // namespace

std::string_view name_of(PlanAction action) {
    switch (action) {
        case PlanAction::create:
            return "create";
        case PlanAction::unchanged:
            return "unchanged";
        case PlanAction::differs:
            return "differs";
        case PlanAction::replace:
            return "replace";
        case PlanAction::remove:
            return "delete";
    }
    return "unchanged";
}

std::vector<PlanItem> make_plan(const VmFile& file, const std::vector<VmView>& vms, const PlanOptions& options) {
    ByName own = own_vms(vms, options.me);
    std::vector<PlanItem> out;
    for (std::size_t i = 0; i < file.vms.size(); ++i) {
        const auto found = own.find(file.vms[i].name);
        out.push_back(planned(file.vms[i], found == own.end() ? nullptr : found->second, options.replace));
        out.back().index = i;
        if (found != own.end()) own.erase(found);
    }
    if (!options.prune) return out;
    for (const auto& vm : vms) {
        if (!own.contains(vm.name) || own[vm.name] != &vm || !options.prune->matches(vm.labels)) continue;
        out.push_back({.name = vm.name, .action = PlanAction::remove, .vm = vm});
    }
    return out;
}

bool is_change(const PlanItem& item) {
    return item.action != PlanAction::unchanged;
}

bool deletes(const PlanItem& item) {
    return item.action == PlanAction::replace || item.action == PlanAction::remove;
}

FileTargets targets_of(const VmFile& file, const std::vector<VmView>& vms, const std::string& me) {
    const ByName own = own_vms(vms, me);
    FileTargets out;
    for (const auto& wanted : file.vms) {
        const auto found = own.find(wanted.name);
        if (found == own.end())
            out.missing.push_back(wanted.name);
        else
            out.vms.push_back(*found->second);
    }
    return out;
}

}  // namespace mc::cli

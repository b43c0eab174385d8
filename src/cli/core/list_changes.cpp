#include "cli/core/list_changes.hpp"

#include <set>

#include "cli/core/quantities.hpp"
#include "cli/core/targets.hpp"
#include "cli/core/views.hpp"

namespace mc::cli {

std::vector<ListChanges::Change> ListChanges::on_listing(const std::vector<protocol::VmView>& vms) {
    std::vector<Change> out;
    std::map<std::uint64_t, protocol::VmView> now;
    for (const auto& vm : vms) {
        const auto before = known_.find(vm.id.value);
        if (before == known_.end() || before->second != vm) out.push_back({vm});
        now.emplace(vm.id.value, vm);
    }
    for (auto& [id, vm] : known_) {
        if (now.contains(id)) continue;
        vm.state = protocol::VmState::deleted;
        out.push_back({std::move(vm), true});
    }
    known_ = std::move(now);
    return out;
}

std::string text_vm_line(const protocol::VmView& vm, bool owner, WallTime now, const TextStyle& style) {
    std::string line = coloured(format_time(now), Colour::dim, style.colours) + "  " +
                       printable(owner ? full_name(vm) : vm.name) + "  " + std::string(name_of(vm.state));
    for (const auto& part : {vm.node, plain_ssh_command(vm), vm.reason}) {
        if (!part.empty()) line += "  " + printable(part);
    }
    return line + "\n";
}

}  // namespace mc::cli

#include "cli/core/targets.hpp"

#include <algorithm>

#include "cli/core/suggest.hpp"

namespace mc::cli {

std::string full_name(const protocol::VmView& vm) {
    return vm.owner.empty() ? vm.name : vm.owner + "/" + vm.name;
}

bool of_several_owners(const std::vector<protocol::VmView>& vms) {
    return std::any_of(vms.begin(), vms.end(), [&](const auto& vm) { return vm.owner != vms.front().owner; });
}

std::string called(std::string_view target, const protocol::VmView& vm) {
    return target.find('/') == std::string_view::npos ? vm.name : std::string(target);
}

void name_as_asked(std::vector<protocol::ItemResult>& items, const std::vector<std::string>& asked) {
    if (items.size() != asked.size()) return;
    for (std::size_t i = 0; i < items.size(); ++i) items[i].target = asked[i];
}

std::optional<std::string> nearest_target(std::string_view target, const std::vector<protocol::VmView>& vms) {
    const bool names_owner = target.find('/') != std::string_view::npos;
    std::vector<std::string> names;
    for (const auto& vm : vms) names.push_back(names_owner ? full_name(vm) : vm.name);
    const auto near = nearest_vm(target, names);
    if (!near || names_owner || !of_several_owners(vms)) return near;
    const auto vm = std::find_if(vms.begin(), vms.end(), [&](const auto& other) { return other.name == *near; });
    return full_name(*vm);
}

std::string did_you_mean(std::string_view target, const std::vector<protocol::VmView>& vms) {
    const auto near = nearest_target(target, vms);
    return near ? "; did you mean " + *near + "?" : "";
}

}  // namespace mc::cli

#include "cli/core/top.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <utility>

#include "cli/core/option_readers.hpp"
#include "cli/core/quantities.hpp"

namespace mc::cli {
namespace {

using protocol::VmState;
using protocol::VmUsage;

constexpr std::size_t vms_max_max = 1'000'000;

constexpr std::array<std::pair<std::string_view, TopOrder>, 4> orders{
    {{"cpu", TopOrder::cpu}, {"memory", TopOrder::memory}, {"name", TopOrder::name}, {"network", TopOrder::network}}};

Result<TopOrder> parse_top_order(std::string_view text) {
    for (const auto& [name, order] : orders) {
        if (name == text) return order;
    }
    return fail(ErrorCode::invalid_argument,
                "\"" + std::string(text) + "\" is no order: use cpu, memory, name or network");
}

Result<std::size_t> parse_vms_max(std::string_view text) {
    const auto count = parse_count(text, 1, vms_max_max);
    if (!count) return fail(count.error());
    return static_cast<std::size_t>(*count);
}

bool runs(const protocol::VmView& vm) {
    return vm.state == VmState::running || vm.state == VmState::unknown;
}

/// What comes first has most; who has nothing to say comes last.
std::pair<bool, std::uint64_t> rank(const TopVm& vm, TopOrder order) {
    if (!vm.usage) return {false, 0};
    switch (order) {
        case TopOrder::cpu:
            return {vm.has_rates(), vm.usage->cpu_milli};
        case TopOrder::memory:
            return {true, vm.usage->memory_bytes};
        case TopOrder::network:
            return {vm.has_rates(), vm.usage->rx_bytes_per_s + vm.usage->tx_bytes_per_s};
        case TopOrder::name:
            break;
    }
    return {true, 0};
}

void add(TopNode& node, const std::optional<VmUsage>& usage) {
    ++node.vms;
    if (!usage) return;
    ++node.measured;
    node.memory_bytes += usage->memory_bytes;
    node.cpu_milli += usage->cpu_milli;
    node.rx_bytes_per_s += usage->rx_bytes_per_s;
    node.tx_bytes_per_s += usage->tx_bytes_per_s;
}

}  // namespace

std::string_view name_of(TopOrder order) {
    const auto found = std::find_if(orders.begin(), orders.end(), [&](const auto& one) { return one.second == order; });
    return found == orders.end() ? "cpu" : found->first;
}

Result<TopCommand> read_top(const Settings& settings, std::span<const std::string> operands) {
    TopCommand out;
    auto filter = read_filter(settings, operands);
    if (!filter) return fail(filter.error());
    out.filter = std::move(*filter);
    out.once = settings.flag("once");
    out.nodes = settings.flag("nodes");
    if (auto checked = first_error(
            {take(settings, "sort", out.order, parse_top_order), take(settings, "limit", out.vms_max, parse_vms_max)});
        !checked) {
        return fail(checked.error());
    }
    return out;
}

bool Top::complete() const {
    return std::all_of(vms.begin(), vms.end(),
                       [](const TopVm& one) { return one.vm.state != VmState::running || one.has_rates(); });
}

std::size_t Top::known() const {
    std::size_t known = 0;
    for (const auto& one : vms) known += (one.usage ? 1 : 0) + (one.has_rates() ? 1 : 0);
    return known;
}

Top make_top(const TopCommand& command, const std::vector<protocol::VmView>& listed, const std::vector<VmUsage>& usage,
             const std::optional<std::vector<protocol::NodeView>>& nodes) {
    std::unordered_map<std::uint64_t, const VmUsage*> known;
    for (const auto& one : usage) known.emplace(one.vm.value, &one);
    const auto usage_of = [&](const protocol::VmView& vm) {
        const auto found = known.find(vm.id.value);
        return found == known.end() ? std::nullopt : std::optional(*found->second);
    };
    VmFilter on_nodes;
    on_nodes.nodes = command.filter.nodes;

    std::map<std::string, TopNode> by_name;
    if (nodes) {
        for (const auto& node : *nodes) {
            protocol::VmView on_it;
            on_it.node = node.name;
            if (on_nodes.holds(on_it)) by_name[node.name].node = node;
        }
    }
    for (const auto& vm : listed) {
        if (runs(vm) && on_nodes.holds(vm)) add(by_name[vm.node], usage_of(vm));
    }
    Top top;
    for (auto& [name, node] : by_name) {
        node.name = name;
        top.nodes.push_back(std::move(node));
    }

    ListCommand by_their_names;
    by_their_names.filter = command.filter;
    by_their_names.order.field = "name";
    for (auto& vm : chosen(by_their_names, listed)) {
        if (!runs(vm)) continue;
        auto used = usage_of(vm);
        top.vms.push_back({std::move(vm), std::move(used)});
    }
    if (command.order != TopOrder::name) {
        std::stable_sort(top.vms.begin(), top.vms.end(), [&](const TopVm& a, const TopVm& b) {
            return rank(a, command.order) > rank(b, command.order);
        });
    }
    if (command.vms_max != 0 && top.vms.size() > command.vms_max) {
        top.vms.erase(top.vms.begin() + static_cast<std::ptrdiff_t>(command.vms_max), top.vms.end());
    }
    return top;
}

}  // namespace mc::cli

#include "broker/core/placement.hpp"

#include <algorithm>

#include "broker/core/node_table.hpp"

namespace mc::broker {
namespace {

using protocol::Label;
using protocol::PlacementPolicy;

constexpr std::uint64_t whole_ppm = 1'000'000;

bool has_label(const Node& node, const Label& wanted) {
    const auto& labels = node.record.labels;
    return std::find(labels.begin(), labels.end(), wanted) != labels.end();
}

/// A worker that knows no set-up scripts would make the VM without it, and say nothing. One that knows images knows
/// these.
bool is_too_old(const Node& node, const PlacementQuery& query) {
    return query.with_setup && node.verb_max < static_cast<std::uint16_t>(protocol::Verb::node_images);
}

const Label* missing_label(const Node& node, const PlacementQuery& query) {
    const auto& required = query.placement.require;
    const auto missing =
        std::find_if(required.begin(), required.end(), [&](const Label& label) { return !has_label(node, label); });
    return missing == required.end() ? nullptr : &*missing;
}

/// More than the whole where a node's VMs may use more than it has.
std::uint64_t share_ppm(std::uint64_t given, std::uint64_t all) {
    if (all == 0) return whole_ppm;
    return static_cast<std::uint64_t>(static_cast<double>(given) / static_cast<double>(all) * whole_ppm);
}

/// Of what the node has least left of, with the VM on it.
std::uint64_t load_ppm(const Node& node, const PlacementQuery& query) {
    const auto& status = node.record.status;
    return std::max({share_ppm(node.vms.size() + 1, status.slots),
                     share_ppm(node.load.cpus_milli + query.spec.cpus_milli, status.cpus_milli),
                     share_ppm(node.load.memory_bytes + query.spec.memory_bytes, status.memory_bytes)});
}

std::uint64_t rank_by_policy(const Node& node, const PlacementQuery& query) {
    switch (query.placement.policy) {
        case PlacementPolicy::round_robin:
            break;
        case PlacementPolicy::least_loaded:
            return load_ppm(node, query);
        case PlacementPolicy::pack:
            return UINT64_MAX - load_ppm(node, query);
        case PlacementPolicy::spread: {
            const auto own = node.load.vms_of.find(query.owner);
            return own == node.load.vms_of.end() ? 0 : own->second;
        }
    }
    return 0;
}

}  // namespace

void NodeLoad::add(const VmRecord& vm) {
    cpus_milli += vm.spec.cpus_milli;
    memory_bytes += vm.spec.memory_bytes;
    ++vms_of[vm.owner];
}

void NodeLoad::remove(const VmRecord& vm) {
    cpus_milli -= vm.spec.cpus_milli;
    memory_bytes -= vm.spec.memory_bytes;
    const auto own = vms_of.find(vm.owner);
    if (--own->second == 0) vms_of.erase(own);
}

Unfit unfitness(const Node& node, const PlacementQuery& query) {
    const auto& status = node.record.status;
    if (node.record.cordoned) return node.record.drain ? Unfit::draining : Unfit::cordoned;
    if (is_too_old(node, query)) return Unfit::release;
    if (missing_label(node, query)) return Unfit::label;
    if (node.vms.size() - node.vms.count(query.leaving) >= status.slots) return Unfit::slots;
    if (query.spec.cpus_milli > status.cpus_milli) return Unfit::cpus;
    if (query.spec.memory_bytes > status.memory_bytes) return Unfit::memory;
    return Unfit::no;
}

std::string why_unfit(const Node& node, const PlacementQuery& query) {
    const auto& status = node.record.status;
    switch (unfitness(node, query)) {
        case Unfit::no:
            break;
        case Unfit::draining:
            return "it is being drained";
        case Unfit::cordoned:
            return "it is cordoned";
        case Unfit::release:
            return "its mcworker is " + node.record.worker_version +
                   ", an older release that knows no set-up scripts: update it";
        case Unfit::label: {
            const Label& label = *missing_label(node, query);
            return "it has no label " + label.key + "=" + label.value;
        }
        case Unfit::slots:
            return "all its " + std::to_string(status.slots) + " slots are used";
        case Unfit::cpus:
            return "it has " + std::to_string(status.cpus_milli / 1000) + " cores";
        case Unfit::memory:
            return "it has " + std::to_string(status.memory_bytes >> 20) + " MiB of memory";
    }
    return "";
}

Rank rank_of(const Node& node, const PlacementQuery& query) {
    const auto& preferred = query.placement.prefer;
    const auto missed =
        std::count_if(preferred.begin(), preferred.end(), [&](const Label& label) { return !has_label(node, label); });
    return {static_cast<std::size_t>(missed), rank_by_policy(node, query)};
}

}  // namespace mc::broker

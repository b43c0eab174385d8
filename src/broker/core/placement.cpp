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
    return query.with_setup && !node.knows(protocol::Verb::node_images);
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

std::uint64_t load_ppm(const Node& node, std::size_t vms_more, std::uint64_t cpus_more, std::uint64_t memory_more) {
    const auto& status = node.record.status;
    return std::max({share_ppm(node.vms.size() + vms_more, status.slots),
                     share_ppm(node.load.cpus_milli + cpus_more, status.cpus_milli),
                     share_ppm(node.load.memory_bytes + memory_more, status.memory_bytes)});
}

std::uint64_t rank_by_policy(const Node& node, const PlacementQuery& query, std::uint32_t own) {
    switch (query.placement.policy) {
        case PlacementPolicy::round_robin:
            break;
        case PlacementPolicy::least_loaded:
            return load_ppm(node, query);
        case PlacementPolicy::pack:
            return UINT64_MAX - load_ppm(node, query);
        case PlacementPolicy::spread:
            return own;
    }
    return 0;
}

}  // namespace

void NodeLoad::add(const VmRecord& vm) {
    cpus_milli += vm.spec.cpus_milli;
    memory_bytes += vm.spec.memory_bytes;
}

void NodeLoad::remove(const VmRecord& vm) {
    cpus_milli -= vm.spec.cpus_milli;
    memory_bytes -= vm.spec.memory_bytes;
}

std::uint64_t load_ppm(const Node& node, const PlacementQuery& query) {
    return load_ppm(node, 1, query.spec.cpus_milli, query.spec.memory_bytes);
}

std::uint32_t load_of(const Node& node) {
    constexpr std::uint64_t ppm_of_one = whole_ppm / load_whole;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(load_ppm(node, 0, 0, 0) / ppm_of_one, load_whole));
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

Rank rank_of(const Node& node, const PlacementQuery& query, std::uint32_t own) {
    const auto& preferred = query.placement.prefer;
    const auto missed =
        std::count_if(preferred.begin(), preferred.end(), [&](const Label& label) { return !has_label(node, label); });
    return {static_cast<std::size_t>(missed), rank_by_policy(node, query, own)};
}

}  // namespace mc::broker

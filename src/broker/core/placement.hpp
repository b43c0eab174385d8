#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/ids.hpp"
#include "broker/core/records.hpp"
#include "protocol/vm.hpp"

/// Which node takes a VM: who may, and who of them should. Pure. ADR 32.
namespace mc::broker {

struct Node;

/// What has been given to the VMs of one node, by what was asked for them.
struct NodeLoad {
    std::uint64_t cpus_milli = 0;
    std::uint64_t memory_bytes = 0;

    void add(const VmRecord& vm);
    void remove(const VmRecord& vm);
};

/// One VM that looks for a node. Refers to what it was made from.
struct PlacementQuery {
    const protocol::VmSpec& spec;  ///< its sizes are no defaults any more
    const std::string& owner;
    const protocol::Placement& placement;
    const std::string& node;  ///< this one only; "" = any
    bool with_setup = false;  ///< it has a set-up script
    VmId leaving = {};        ///< a VM whose place this one takes: its slot counts as free
};

/// Why a node can't take a VM.
enum class Unfit { no, draining, cordoned, release, label, slots, cpus, memory };

/// Of a node that is ready.
[[nodiscard]] Unfit unfitness(const Node& node, const PlacementQuery& query);

/// For a person: "it is cordoned". "" when it can.
[[nodiscard]] std::string why_unfit(const Node& node, const PlacementQuery& query);

/// Of what the node has least left of, the share that is used, in parts of a million: with the query's VM on it. More
/// than the whole where a node's VMs may use more than it has.
[[nodiscard]] std::uint64_t load_ppm(const Node& node, const PlacementQuery& query);

/// The same, as the node is, in thousandths and never more than the whole.
inline constexpr std::uint32_t load_whole = 1000;
[[nodiscard]] std::uint32_t load_of(const Node& node);

/// How much less than the best a node suits a VM: the lowest is taken, among equals whose turn it is.
struct Rank {
    std::size_t preferences_missed = 0;
    std::uint64_t by_policy = 0;

    auto operator<=>(const Rank&) const = default;
};
/// `own`: how many VMs the query's owner has there.
[[nodiscard]] Rank rank_of(const Node& node, const PlacementQuery& query, std::uint32_t own);

}  // namespace mc::broker

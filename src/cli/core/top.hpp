#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/core/vm_filter.hpp"
#include "protocol/client_bodies.hpp"

/// `top`: what VMs and nodes use, put together from the broker's answers.
namespace mc::cli {

enum class TopOrder { cpu, memory, name, network };

struct TopCommand {
    VmFilter filter;  ///< states and owners are not asked for
    TopOrder order = TopOrder::cpu;
    std::size_t vms_max = 0;  ///< 0 = all
    bool once = false;
    bool nodes = false;  ///< no VMs
};
/// Errors: usage, invalid_argument.
[[nodiscard]] Result<TopCommand> read_top(const Settings& settings, std::span<const std::string> operands);

/// "cpu", "memory", …
[[nodiscard]] std::string_view name_of(TopOrder order);

struct TopVm {
    protocol::VmView vm;
    std::optional<protocol::VmUsage> usage;  ///< nullopt: its node has said nothing of it

    [[nodiscard]] bool has_rates() const { return usage && usage->span_ms != 0; }
};

/// Sums over a node's VMs; what is not known of one counts as nothing.
struct TopNode {
    std::string name;
    std::optional<protocol::NodeView> node;  ///< nullopt: a user is not told about nodes
    std::size_t vms = 0;                     ///< that run, of those that are seen
    std::size_t measured = 0;                ///< of these
    std::uint64_t cpu_milli = 0;
    std::uint64_t memory_bytes = 0;
    std::uint64_t rx_bytes_per_s = 0;
    std::uint64_t tx_bytes_per_s = 0;
};

struct Top {
    std::vector<TopVm> vms;      ///< those that were asked for, in the order that was, at most vms_max
    std::vector<TopNode> nodes;  ///< by name; of those that --node means, all VMs

    /// Whether there is nothing more to wait for: each VM that runs has its rates.
    [[nodiscard]] bool complete() const;
    /// How much is known; rises while figures come in.
    [[nodiscard]] std::size_t known() const;
};

/// `listed`: all VMs; `nodes`: nullopt where one may not ask for them. VMs that don't run have no place in it; one
/// whose node is silent has.
[[nodiscard]] Top make_top(const TopCommand& command, const std::vector<protocol::VmView>& listed,
                           const std::vector<protocol::VmUsage>& usage,
                           const std::optional<std::vector<protocol::NodeView>>& nodes);

}  // namespace mc::cli

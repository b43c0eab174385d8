#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "cli/core/json_helpers.hpp"
#include "cli/core/text.hpp"
#include "protocol/client_bodies.hpp"

namespace mc::cli {

/// One node, with those of its VMs that one may see.
struct NodeDetails {
    protocol::NodeView node;
    std::vector<protocol::VmView> vms;
};

/// The one called `name`, or with that id. Error: not_found, with the name that was probably meant.
[[nodiscard]] Result<protocol::NodeView> find_node(const std::vector<protocol::NodeView>& nodes,
                                                   const std::string& name);

[[nodiscard]] Json json_node(const NodeDetails& details);
[[nodiscard]] std::string text_node(const NodeDetails& details, WallTime now, const TextStyle& style);

}  // namespace mc::cli

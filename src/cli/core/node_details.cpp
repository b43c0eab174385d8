#include "cli/core/node_details.hpp"

#include <algorithm>

#include "cli/core/json_views.hpp"
#include "cli/core/suggest.hpp"
#include "cli/core/views.hpp"

namespace mc::cli {

Result<protocol::NodeView> find_node(const std::vector<protocol::NodeView>& nodes, const std::string& name) {
    const auto found = std::find_if(nodes.begin(), nodes.end(),
                                    [&](const auto& node) { return node.name == name || node.id.str() == name; });
    if (found != nodes.end()) return *found;
    std::vector<std::string> names;
    for (const auto& node : nodes) names.push_back(node.name);
    const auto near = nearest(name, names);
    return fail(ErrorCode::not_found,
                "there is no node \"" + name + "\"" + (near ? "; did you mean " + *near + "?" : "; see: mccli nodes"));
}

Json json_node(const NodeDetails& details) {
    Json out = json_nodes({details.node}).front();
    out["vms"] = json_vms(details.vms);
    return out;
}

std::string text_node(const NodeDetails& details, WallTime now, const TextStyle& style) {
    std::string out = text_node_fields(details.node, now, style);
    if (!details.vms.empty()) out += "\n" + text_vms(details.vms, now, style);
    return out;
}

}  // namespace mc::cli

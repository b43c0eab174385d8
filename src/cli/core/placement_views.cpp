#include "cli/core/placement_views.hpp"

#include "cli/core/table.hpp"

namespace mc::cli {
namespace {

using protocol::PlacementReply;

Json json_placement(const PlacementReply& placement) {
    Json out = Json::array();
    for (const auto& item : placement.items) {
        Json one;
        one["name"] = text_or_null(item.name);
        one["node"] = text_or_null(item.node);
        one["error"] = item.code == ErrorCode::ok ? Json(nullptr) : error_json(item.code, item.message);
        one["others"] = Json::array();
        for (const auto& node : placement.nodes) {
            if (node.name == item.node) continue;
            one["others"].push_back({{"node", node.name}, {"vms", node.taken}, {"reason", text_or_null(node.reason)}});
        }
        out.push_back(std::move(one));
    }
    return out;
}

std::string text_placement(const PlacementReply& placement, const TextStyle& style) {
    std::vector<std::vector<Cell>> vms;
    for (const auto& item : placement.items) {
        vms.push_back(
            {{item.name.empty() ? "(the next vm-N)" : item.name, Colour::bold}, {item.node.empty() ? "-" : item.node}});
    }
    std::vector<std::vector<Cell>> nodes;
    for (const auto& node : placement.nodes) {
        const bool passed_over = node.reason.empty() && node.taken == 0;
        nodes.push_back({{node.name, Colour::bold},
                         {std::to_string(node.taken)},
                         {passed_over ? "it could take it; another comes first" : node.reason}});
    }
    return layout_table({{"NAME", false, 10}, {"NODE", false, 9}}, vms, style) + "\n" +
           layout_table({{"NODE", false, 10}, {"VMS", true, 9}, {"WHY NO MORE", false, 8, 12}}, nodes, style);
}

}  // namespace

View view_placement(const PlacementReply& placement) {
    return {.json = [&placement] { return json_placement(placement); },
            .text = [&placement](const TextStyle& style) { return text_placement(placement, style); },
            .objects = {"placement"},
            .none = "nothing would be made"};
}

std::vector<protocol::ItemResult> items_of(const PlacementReply& placement) {
    std::vector<protocol::ItemResult> items;
    for (const auto& item : placement.items) items.push_back({item.name, item.code, item.message, std::nullopt});
    return items;
}

}  // namespace mc::cli

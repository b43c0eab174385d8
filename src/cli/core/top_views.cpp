#include "cli/core/top_views.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "cli/core/quantities.hpp"
#include "cli/core/table.hpp"
#include "cli/core/targets.hpp"

namespace mc::cli {
namespace {

using protocol::VmUsage;

constexpr std::string_view unknown = "-";

/// "99.8%", of one core.
std::string percent(std::uint64_t milli) {
    return std::to_string(milli / 10) + "." + std::to_string(milli % 10) + "%";
}

/// As percent(), for programs.
double percent_number(std::uint64_t milli) {
    return static_cast<double>(milli) / 10.0;
}

/// From nine tenths of its limit on.
Colour colour_of(std::uint64_t used, std::uint64_t limit) {
    return limit != 0 && used >= limit - limit / 10 ? Colour::yellow : Colour::plain;
}

Cell rate(bool known, std::uint64_t bytes_per_s) {
    return {known ? format_size(bytes_per_s) : std::string(unknown)};
}

std::string table_of(std::span<const TopVm> vms, bool owners, const TextStyle& style) {
    const std::vector<Column> columns{{"NAME", false, 10}, {"OWNER", false, 4}, {"NODE", false, 5},
                                      {"CPU", true, 9},    {"CPUS", true, 3},   {"MEMORY", true, 8},
                                      {"LIMIT", true, 3},  {"RX/S", true, 7},   {"TX/S", true, 7}};
    std::vector<std::vector<Cell>> rows;
    for (const auto& [vm, usage] : vms) {
        const bool rates = usage && usage->span_ms != 0;
        const std::uint64_t cpu = rates ? usage->cpu_milli : 0;
        const std::uint64_t memory = usage ? usage->memory_bytes : 0;
        rows.push_back({{vm.name, Colour::bold},
                        {owners ? vm.owner : ""},
                        {vm.node},
                        {rates ? percent(cpu) : std::string(unknown), colour_of(cpu, vm.cpus_milli)},
                        {format_cpus(vm.cpus_milli)},
                        {usage ? format_size(memory) : std::string(unknown), colour_of(memory, vm.memory_bytes)},
                        {format_size(vm.memory_bytes)},
                        rate(rates, rates ? usage->rx_bytes_per_s : 0),
                        rate(rates, rates ? usage->tx_bytes_per_s : 0)});
    }
    return rows.empty() ? "" : layout_table(columns, rows, style);
}

std::string table_of(std::span<const TopNode> nodes, const TextStyle& style) {
    const std::vector<Column> columns{{"NODE", false, 10}, {"STATE", false, 4}, {"VMS", true, 6},
                                      {"CPU", true, 9},    {"CPUS", true, 5},   {"MEMORY", true, 8},
                                      {"OF", true, 5},     {"RX/S", true, 7},   {"TX/S", true, 7}};
    std::vector<std::vector<Cell>> rows;
    for (const auto& one : nodes) {
        const auto& node = one.node;
        const bool known = one.measured != 0 || one.vms == 0;
        // Of a node that does as it should there is nothing to say.
        const bool odd = node && node->state != protocol::NodeState::ready;
        rows.push_back({{one.name, Colour::bold},
                        {odd ? std::string(node->lost ? "lost" : name_of(node->state)) : "", Colour::red},
                        {std::to_string(one.vms)},
                        {known ? percent(one.cpu_milli) : std::string(unknown),
                         colour_of(one.cpu_milli, node ? node->cpus_milli : 0)},
                        {node ? format_cpus(node->cpus_milli) : ""},
                        {known ? format_size(one.memory_bytes) : std::string(unknown),
                         colour_of(one.memory_bytes, node ? node->memory_bytes : 0)},
                        {node ? format_size(node->memory_bytes) : ""},
                        rate(known, one.rx_bytes_per_s),
                        rate(known, one.tx_bytes_per_s)});
    }
    return rows.empty() ? "" : layout_table(columns, rows, style);
}

/// `show` of as many as `rows` lines with their titles have room for, and how many there are besides.
template <class Row, class Show>
std::string part(const std::vector<Row>& all, std::size_t rows, const std::string& what, Show show) {
    if (all.empty() || rows < 2) return "";
    const bool fits = all.size() + 1 <= rows;
    const std::size_t shown = fits ? all.size() : std::max<std::size_t>(rows, 3) - 2;
    std::string out = show(std::span(all).first(shown));
    // In the two rows that a title and one entry take there is no room to count the others.
    if (!fits && rows > 2) out += "… and " + std::to_string(all.size() - shown) + " more " + what + "\n";
    return out;
}

std::size_t lines_of(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::vector<protocol::VmView> views_of(const Top& top) {
    std::vector<protocol::VmView> out;
    for (const auto& one : top.vms) out.push_back(one.vm);
    return out;
}

std::string head_line(const Top& top, const TopHead& head, const TextStyle& style) {
    const auto counted = [](std::size_t n, const std::string& what) {
        return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
    };
    const std::string text = "mccli top  " + format_time(head.now) + "  " + counted(top.vms.size(), "VM") + " on " +
                             counted(top.nodes.size(), "node") + " by " + head.order + "  q quits";
    if (!head.note.empty()) return coloured(shortened(printable(head.note), style.columns), Colour::red, style.colours);
    return coloured(shortened(text, style.columns), Colour::dim, style.colours);
}

}  // namespace

std::string text_top(const Top& top, const TextStyle& style) {
    const std::string vms = table_of(top.vms, style.wide || of_several_owners(views_of(top)), style);
    return vms.empty() ? "" : text_top_nodes(top, style) + "\n" + vms;
}

std::string text_top_nodes(const Top& top, const TextStyle& style) {
    return table_of(top.nodes, style);
}

std::string text_screen(const Top& top, const TopHead& head, bool nodes_only, std::size_t rows,
                        const TextStyle& style) {
    const bool owners = of_several_owners(views_of(top));
    if (rows == 0) return "";
    const std::size_t room = rows - 1;
    const auto nodes_of = [&](std::span<const TopNode> some) { return table_of(some, style); };
    const auto vms_of = [&](std::span<const TopVm> some) { return table_of(some, owners, style); };
    // A third, or what the VMs with their title and an empty line leave.
    const std::size_t left = room - std::min(room, top.vms.size() + 2);
    std::string out = head_line(top, head, style) + "\n";
    const std::string nodes = part(top.nodes, nodes_only ? room : std::max(room / 3, left), "nodes", nodes_of);
    out += nodes;
    if (nodes_only) return out;
    std::size_t used = lines_of(nodes);
    if (used != 0 && used < room) {
        out += "\n";
        ++used;
    }
    out += part(top.vms, room - used, "VMs", vms_of);
    if (top.vms.empty() && used < room) out += "no VM runs\n";
    return out;
}

Json json_top(const Top& top) {
    Json out = Json::array();
    for (const auto& [vm, usage] : top.vms) {
        const bool rates = usage && usage->span_ms != 0;
        Json one;
        one["name"] = vm.name;
        one["owner"] = text_or_null(vm.owner);
        one["node"] = text_or_null(vm.node);
        one["id"] = vm.id.str();
        one["state"] = std::string(name_of(vm.state));
        one["cpu_percent"] = rates ? Json(percent_number(usage->cpu_milli)) : Json(nullptr);
        one["cpus"] = static_cast<double>(vm.cpus_milli) / 1000.0;
        one["memory_used_bytes"] = usage ? Json(usage->memory_bytes) : Json(nullptr);
        one["memory_bytes"] = vm.memory_bytes;
        one["rx_bytes_per_s"] = rates ? Json(usage->rx_bytes_per_s) : Json(nullptr);
        one["tx_bytes_per_s"] = rates ? Json(usage->tx_bytes_per_s) : Json(nullptr);
        out.push_back(std::move(one));
    }
    return out;
}

Json json_top_nodes(const Top& top) {
    Json out = Json::array();
    for (const auto& one : top.nodes) {
        const auto& node = one.node;
        const bool known = one.measured != 0 || one.vms == 0;
        const auto figure = [&](auto value) { return known ? Json(value) : Json(nullptr); };
        Json json;
        json["name"] = one.name;
        json["state"] = node ? Json(state_of(*node)) : Json(nullptr);
        json["vms"] = one.vms;
        json["vms_measured"] = one.measured;
        json["cpu_percent"] = figure(percent_number(one.cpu_milli));
        json["cpus"] = node ? Json(static_cast<double>(node->cpus_milli) / 1000.0) : Json(nullptr);
        json["memory_used_bytes"] = figure(one.memory_bytes);
        json["memory_bytes"] = node ? Json(node->memory_bytes) : Json(nullptr);
        json["rx_bytes_per_s"] = figure(one.rx_bytes_per_s);
        json["tx_bytes_per_s"] = figure(one.tx_bytes_per_s);
        out.push_back(std::move(json));
    }
    return out;
}

}  // namespace mc::cli

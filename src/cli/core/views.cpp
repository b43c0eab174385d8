#include "cli/core/views.hpp"

#include "cli/core/output.hpp"
#include "cli/core/quantities.hpp"
#include "cli/core/table.hpp"
#include "cli/core/targets.hpp"

namespace mc::cli {
namespace {

using protocol::NodeState;
using protocol::VmState;

Colour colour_of(VmState state) {
    switch (state) {
        case VmState::running:
            return Colour::green;
        case VmState::pending:
        case VmState::creating:
        case VmState::deleting:
            return Colour::yellow;
        case VmState::failed:
        case VmState::unknown:
            return Colour::red;
        case VmState::stopped:
        case VmState::deleted:
            return Colour::dim;
    }
    return Colour::plain;
}

Colour colour_of(const protocol::NodeView& node) {
    switch (node.state) {
        case NodeState::ready:
            return node.cordoned ? Colour::yellow : Colour::green;
        case NodeState::not_ready:
            return Colour::yellow;
        case NodeState::silent:
            return Colour::red;
    }
    return Colour::plain;
}

std::string node_state_text(const protocol::NodeView& node) {
    std::string text(node.lost ? "lost" : name_of(node.state));
    if (node.drain_deadline.unix_ms != 0) return text + ", draining";
    return node.cordoned ? text + ", cordoned" : text;
}

Colour colour_of_kind(std::string_view kind) {
    if (kind == "vm.running" || kind == "node.ready") return Colour::green;
    if (kind == "vm.failed" || kind == "vm.unknown" || kind == "node.silent" || kind == "node.lost") {
        return Colour::red;
    }
    if (kind == "vm.cleanup" || kind == "vm.replaced" || kind == "node.not_ready") return Colour::yellow;
    return Colour::plain;
}

std::string age_since(WallTime then, WallTime now) {
    return then.unix_ms == 0 ? "" : format_age(milliseconds(now.unix_ms - then.unix_ms));
}

std::string host_and_port(const protocol::VmView& vm) {
    if (vm.ssh_port == 0) return "";
    const bool is_v6 = vm.ssh_host.find(':') != std::string::npos;
    return (is_v6 ? "[" + vm.ssh_host + "]" : vm.ssh_host) + ":" + std::to_string(vm.ssh_port);
}

std::string labels_text(const std::vector<protocol::Label>& labels) {
    std::string out;
    for (const auto& label : labels) out += (out.empty() ? "" : ", ") + label.key + "=" + label.value;
    return out;
}

std::string_view state_word(const protocol::ItemResult& item, bool done) {
    if (item.code != ErrorCode::ok) return "failed";
    if (done) return "done";
    return item.vm ? name_of(item.vm->state) : "under way";
}

}  // namespace

std::string plain_ssh_command(const protocol::VmView& vm) {
    if (vm.ssh_port == 0) return "";
    return "ssh -p " + std::to_string(vm.ssh_port) + " " + (vm.username.empty() ? defaults::username : vm.username) +
           "@" + vm.ssh_host;
}

std::string_view done_word(protocol::Verb verb) {
    switch (verb) {
        case protocol::Verb::create:
            return "created";
        case protocol::Verb::start:
            return "started";
        case protocol::Verb::stop:
            return "stopped";
        case protocol::Verb::restart:
            return "restarted";
        case protocol::Verb::remove:
            return "deleted";
        case protocol::Verb::update:
            return "updated";
        case protocol::Verb::cordon:
            return "cordoned";
        case protocol::Verb::uncordon:
            return "uncordoned";
        case protocol::Verb::drain:
            return "drained";
        case protocol::Verb::forget:
            return "forgotten";
        case protocol::Verb::revoke:
            return "revoked";
        default:
            return "done";
    }
}

std::string text_created(const protocol::VmView& vm, const std::string& password) {
    std::string out = printable(vm.name) + " is running on " + printable(vm.node);
    if (vm.ssh_port == 0) return out + "; its image has no sshd\n\n  mccli ssh " + printable(vm.name) + "\n";
    out += ", ssh at " + printable(host_and_port(vm)) + "\n\n  mccli ssh " + printable(vm.name) + "\n";
    if (!password.empty()) {
        out += "  " + printable(plain_ssh_command(vm)) + "\n\npassword (shown once): " + password + "\n";
    }
    return out;
}

std::string text_created_all(const std::vector<protocol::ItemResult>& items, const std::vector<std::string>& passwords,
                             const TextStyle& style) {
    const std::vector<Column> columns{
        {"NAME", false, 9}, {"NODE", false, 5}, {"SSH", false, 8}, {"PASSWORD", false, 10}};
    std::vector<std::vector<Cell>> rows;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto& vm = items[i].vm;
        if (items[i].code != ErrorCode::ok || !vm) continue;
        rows.push_back(
            {{vm->name, Colour::bold}, {vm->node}, {host_and_port(*vm)}, {passwords.empty() ? "" : passwords[i]}});
    }
    if (rows.empty()) return "";
    return layout_table(columns, rows, style) + (passwords.empty() ? "" : "\nThe passwords are shown once.\n");
}

std::string sheet(const std::vector<protocol::ItemResult>& items, const std::vector<std::string>& passwords) {
    Json rows = Json::array();
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto& vm = items[i].vm;
        if (items[i].code != ErrorCode::ok || !vm) continue;
        rows.push_back(Json{{"name", vm->name},
                            {"host", vm->ssh_host},
                            {"port", vm->ssh_port == 0 ? Json(nullptr) : Json(vm->ssh_port)},
                            {"user", vm->username.empty() ? defaults::username : vm->username},
                            {"password", passwords.empty() ? "" : passwords[i]},
                            {"ssh", plain_ssh_command(*vm)}});
    }
    return csv(rows, {"name", "host", "port", "user", "password", "ssh"});
}

std::string text_accepted(const std::vector<Accepted>& accepted) {
    std::string out;
    for (const auto& one : accepted) {
        out += (one.name.empty() ? "" : printable(one.name) + " ") + "accepted; look with: mccli job " +
               one.request.str() + "\n";
    }
    return out;
}

std::string text_created_names(const std::vector<protocol::ItemResult>& items,
                               const std::vector<std::string>& passwords) {
    std::string out;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (items[i].code != ErrorCode::ok || !items[i].vm) continue;
        out += printable(items[i].vm->name) + "\n";
        if (!passwords.empty() && !passwords[i].empty()) out += passwords[i] + "\n";
    }
    return out;
}

std::string text_vms(const std::vector<protocol::VmView>& vms, WallTime now, const TextStyle& style) {
    const std::vector<Column> columns{
        {"NAME", false, 10}, {"OWNER", false, 9},     {"STATE", false, 9}, {"NODE", false, 7},
        {"SSH", false, 8},   {"IMAGE", false, 4, 12}, {"CPUS", true, 2},   {"MEMORY", true, 2},
        {"AGE", true, 6},    {"EXPIRES", false, 3},   {"ID", false, 1},    {"REASON", false, 5, 16},
    };
    const bool owners = style.wide || of_several_owners(vms);
    std::vector<std::vector<Cell>> rows;
    for (const auto& vm : vms) {
        const std::string left =
            vm.expires.unix_ms == 0 ? "" : "in " + format_age(milliseconds(vm.expires.unix_ms - now.unix_ms));
        rows.push_back({{vm.name, Colour::bold},
                        {owners ? vm.owner : ""},
                        {std::string(name_of(vm.state)), colour_of(vm.state)},
                        {vm.node},
                        {host_and_port(vm)},
                        {vm.image},
                        {format_cpus(vm.cpus_milli)},
                        {format_size(vm.memory_bytes)},
                        {age_since(vm.created, now)},
                        {left},
                        {style.wide ? vm.id.str() : ""},
                        {vm.reason}});
    }
    return rows.empty() ? "" : layout_table(columns, rows, style);
}

std::string text_vm(const protocol::VmView& vm, WallTime now, const TextStyle& style) {
    const auto when = [&](WallTime time) {
        return time.unix_ms == 0 ? "" : format_time(time) + " (" + age_since(time, now) + " ago)";
    };
    const std::string expires =
        vm.expires.unix_ms == 0
            ? ""
            : format_time(vm.expires) + " (in " + format_age(milliseconds(vm.expires.unix_ms - now.unix_ms)) + ")";
    return layout_fields({{"name", {vm.name, Colour::bold}},
                          {"owner", {vm.owner}},
                          {"id", {vm.id.str()}},
                          {"state", {std::string(name_of(vm.state)), colour_of(vm.state)}},
                          {"reason", {vm.reason}},
                          {"node", {vm.node}},
                          {"image", {vm.image}},
                          {"cpus", {format_cpus(vm.cpus_milli)}},
                          {"memory", {format_size(vm.memory_bytes)}},
                          {"pids", {std::to_string(vm.pids)}},
                          {"ssh", {plain_ssh_command(vm)}},
                          {"host key", {vm.host_key}},
                          {"if lost", {vm.on_lost == protocol::OnLost::replace ? "replaced elsewhere, empty" : ""}},
                          {"password", {vm.password ? "login by password is on" : ""}},
                          {"labels", {labels_text(vm.labels)}},
                          {"created", {when(vm.created)}},
                          {"started", {when(vm.started)}},
                          {"expires", {expires}},
                          {"container", {vm.container}}},
                         style);
}

std::string text_nodes(const std::vector<protocol::NodeView>& nodes, const TextStyle& style) {
    const std::vector<Column> columns{
        {"NAME", false, 10}, {"STATE", false, 9},       {"VMS", true, 8},     {"CPUS", true, 4},
        {"MEMORY", true, 4}, {"ADDRESS", false, 6, 12}, {"ENGINE", false, 3}, {"WORKER", false, 1},
        {"HEARD", true, 5},  {"REASON", false, 7, 16},
    };
    std::vector<std::vector<Cell>> rows;
    for (const auto& node : nodes) {
        rows.push_back({{node.name, Colour::bold},
                        {node_state_text(node), colour_of(node)},
                        {std::to_string(node.slots_used) + "/" + std::to_string(node.slots)},
                        {format_cpus(node.cpus_milli)},
                        {format_size(node.memory_bytes)},
                        {node.advertise},
                        {node.engine_version},
                        {node.worker_version},
                        {format_ago(node.silent_ms)},
                        {node.reason}});
    }
    return rows.empty() ? "" : layout_table(columns, rows, style);
}

/// "" where it is not known.
std::string fact_text(protocol::Fact fact, const char* yes, const char* no) {
    return fact == protocol::Fact::unknown ? "" : fact == protocol::Fact::yes ? yes : no;
}

std::string text_node_fields(const protocol::NodeView& node, WallTime now, const TextStyle& style) {
    const std::string drained =
        node.drain_deadline.unix_ms == 0
            ? ""
            : "what still runs is stopped at " + format_time(node.drain_deadline) +
                  (node.drain_deadline > now
                       ? " (in " + format_age(milliseconds(node.drain_deadline.unix_ms - now.unix_ms)) + ")"
                       : "");
    const auto& disk = node.engine.disk;
    const auto is_off = [](protocol::Fact fact) { return fact == protocol::Fact::no ? Colour::yellow : Colour::plain; };
    return layout_fields(
        {{"name", {node.name, Colour::bold}},
         {"id", {node.id.str()}},
         {"state", {node_state_text(node), colour_of(node)}},
         {"reason", {node.reason}},
         {"drain", {drained}},
         {"vms", {std::to_string(node.slots_used) + " of " + std::to_string(node.slots) + " slots"}},
         {"cpus", {format_cpus(node.cpus_milli)}},
         {"memory", {format_size(node.memory_bytes)}},
         {"address", {node.advertise}},
         {"labels", {labels_text(node.labels)}},
         {"engine", {node.engine_version}},
         {"disk", {disk.bytes == 0 ? "" : format_room(disk) + " where the engine keeps its data"}},
         {"live-restore",
          {fact_text(node.engine.live_restore, "on", "off: VMs are stopped when the engine is"),
           is_off(node.engine.live_restore)}},
         {"seccomp",
          {fact_text(node.engine.seccomp, "Docker's own profile", "none, or another profile"),
           is_off(node.engine.seccomp)}},
         {"userns-remap", {fact_text(node.engine.userns_remap, "on: root in a VM is another user on the node", "off")}},
         {"worker", {node.worker_version}},
         {"heard", {format_ago(node.silent_ms)}}},
        style);
}

std::string text_items(const std::vector<protocol::ItemResult>& items, std::string_view done) {
    std::string out;
    for (const auto& item : items) {
        if (item.code != ErrorCode::ok) continue;
        out += printable(item.vm ? called(item.target, *item.vm) : item.target) + " " + std::string(done);
        // A start publishes a new port: what was written down before is no longer true.
        if (done == "started" || done == "restarted") {
            if (item.vm && item.vm->ssh_port != 0) out += ", ssh at " + printable(host_and_port(*item.vm));
        }
        out += "\n";
    }
    return out;
}

std::string text_job(const protocol::JobView& job, WallTime now, const TextStyle& style) {
    std::string out =
        layout_fields({{"request", {job.request.str()}},
                       {"verb", {std::string(name_of(job.verb))}},
                       {"state", {job.done ? "done" : "under way", job.done ? Colour::plain : Colour::yellow}},
                       {"accepted", {format_time(job.accepted) + " (" + age_since(job.accepted, now) + " ago)"}}},
                      style);
    if (job.items.empty()) return out;
    const std::vector<Column> columns{
        {"VM", false, 10}, {"RESULT", false, 9}, {"NODE", false, 5}, {"SSH", false, 7}, {"MESSAGE", false, 8, 20}};
    std::vector<std::vector<Cell>> rows;
    for (const auto& item : job.items) {
        const auto word = state_word(item, job.done);
        rows.push_back({{item.vm ? item.vm->name : item.target, Colour::bold},
                        {std::string(word), word == "failed" ? Colour::red : Colour::plain},
                        {item.vm ? item.vm->node : ""},
                        {item.vm ? host_and_port(*item.vm) : ""},
                        {item.message}});
    }
    return out + "\n" + layout_table(columns, rows, style);
}

std::string text_jobs(const std::vector<protocol::JobView>& jobs, WallTime now, const TextStyle& style) {
    const std::vector<Column> columns{
        {"REQUEST", false, 10}, {"VERB", false, 9}, {"STATE", false, 8}, {"AGE", true, 7}};
    std::vector<std::vector<Cell>> rows;
    for (const auto& job : jobs) {
        rows.push_back({{job.request.str()},
                        {std::string(name_of(job.verb))},
                        {job.done ? "done" : "under way", job.done ? Colour::plain : Colour::yellow},
                        {age_since(job.accepted, now)}});
    }
    return rows.empty() ? "" : layout_table(columns, rows, style);
}

std::string text_event(const protocol::Event& event, const std::string& me, const TextStyle& style) {
    const auto padded = [](std::string text, std::size_t width) {
        const std::size_t have = columns_of(text);
        if (have < width) text.append(width - have, ' ');
        return text;
    };
    const auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : printable(text); };
    const std::string name = event.owner.empty() || event.owner == me ? event.name : event.owner + "/" + event.name;
    std::string line = coloured(format_time_ms(event.time), Colour::dim, style.colours) + "  " +
                       padded(std::to_string(event.seq.value), 5) + "  " +
                       coloured(padded(printable(event.kind), 14), colour_of_kind(event.kind), style.colours) + "  " +
                       padded(or_dash(name), 10) + "  " + padded(or_dash(event.node), 8) + "  " +
                       printable(event.reason);
    while (line.ends_with(' ')) line.pop_back();
    return line + "\n";
}

std::string text_gap(EventSeq first, EventSeq last) {
    if (first == last) return "-- event " + std::to_string(first.value) + " is no longer kept --\n";
    return "-- events " + std::to_string(first.value) + " to " + std::to_string(last.value) +
           " are no longer kept --\n";
}

std::string text_other_cloud(CloudId cloud) {
    return "-- another cloud (" + cloud.str() + ") answers here now: its events have numbers of their own --\n";
}

std::string text_versions(const Versions& versions) {
    std::string out = "mccli     " + versions.client + "\n";
    out += "mcbroker  " + (versions.broker.empty() ? "not reached" : printable(versions.broker)) + "\n";
    for (const auto& node : versions.nodes) {
        out += "mcworker  " + printable(node.worker_version) + "  on " + printable(node.name);
        if (!node.engine_version.empty()) out += " (Docker " + printable(node.engine_version) + ")";
        out += "\n";
    }
    return out;
}

std::string text_error(const Error& error) {
    return "mccli: " + printable(error.message) + "\n";
}

}  // namespace mc::cli

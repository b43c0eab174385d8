#include "cli/core/doctor.hpp"

#include <algorithm>
#include <charconv>

#include "cli/core/doctor_disks.hpp"
#include "cli/core/quantities.hpp"
#include "protocol/endpoints.hpp"

namespace mc::cli {
namespace {

using protocol::NodeState;
using protocol::NodeView;
using protocol::VmState;
using protocol::VmView;

constexpr std::string_view update = "update the older of the two; mccli version shows all of them";
constexpr std::string_view for_viewers = "not asked: for viewers and admins";

/// An error as a check that failed. Our sentences have the advice, where they have one, behind a semicolon.
Check failed_by(std::string_view check, const Error& error, std::string_view otherwise) {
    const auto cut = error.message.find("; ");
    if (cut == std::string::npos) return {check, "", CheckState::failed, error.message, std::string(otherwise)};
    return {check, "", CheckState::failed, error.message.substr(0, cut), error.message.substr(cut + 2)};
}

std::string counted(std::size_t count, std::string_view one) {
    return std::to_string(count) + " " + std::string(one) + (count == 1 ? "" : "s");
}

// This machine

Check check_context(const RouteFacts& route) {
    std::string found = route.endpoint;
    const std::string context = route.context.empty() ? "" : "the context " + route.context;
    if (!route.endpoint_origin.empty()) {
        found += ", from " + route.endpoint_origin;
        found += route.context.empty() ? "; without a key" : "; the key is that of " + context;
    } else if (!route.context.empty()) {
        const std::string why = route.context_origin.empty() ? "the current one" : "from " + route.context_origin;
        found += ", from " + context + " (" + why + ")";
    } else {
        found += ", the usual place: no context is used, and no --broker is given";
    }
    return {"context", "", CheckState::ok, std::move(found), ""};
}

void check_route(const Result<RouteFacts>& route, std::vector<Check>& out) {
    if (!route) {
        out.push_back(failed_by("context", route.error(), "mccli context"));
        return;
    }
    out.push_back(check_context(*route));
    if (!route->key_file.empty()) {
        out.push_back(
            {"key_file", "", CheckState::ok, route->key_file + " is complete, and nobody else may read it", ""});
    }
}

/// The numbers of "OpenSSH_9.2p1 Debian-2, …"; nullopt = it is another ssh.
std::optional<std::pair<int, int>> openssh_version(std::string_view text) {
    constexpr std::string_view begin = "OpenSSH_";
    const auto at = text.find(begin);
    if (at == std::string_view::npos) return std::nullopt;
    const char* const end = text.data() + text.size();
    std::pair<int, int> version;
    const auto major = std::from_chars(text.data() + at + begin.size(), end, version.first);
    if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
    if (std::from_chars(major.ptr + 1, end, version.second).ec != std::errc()) return std::nullopt;
    return version;
}

Check check_openssh(const MachineFacts& machine) {
    const auto& missing = machine.missing_programs;
    if (!missing.empty()) {
        std::string names;
        for (const auto& name : missing) names += (names.empty() ? "" : ", ") + name;
        const bool no_ssh = std::find(missing.begin(), missing.end(), "ssh") != missing.end();
        return {"openssh", "", no_ssh ? CheckState::failed : CheckState::warning, "not on PATH: " + names,
                "install OpenSSH's client, such as: sudo apt install openssh-client"};
    }
    const std::string said = machine.ssh_version.substr(0, machine.ssh_version.find_first_of(" ,\n"));
    const auto version = openssh_version(machine.ssh_version);
    const std::string wanted =
        std::to_string(doctor::openssh_major_min) + "." + std::to_string(doctor::openssh_minor_min);
    if (!version) {
        return {"openssh", "", CheckState::warning,
                said.empty() ? "ssh does not say its version" : "ssh is another than OpenSSH: " + said,
                "ssh -V; what mccli ssh-config writes is for OpenSSH " + wanted + " or later"};
    }
    if (*version < std::pair(doctor::openssh_major_min, doctor::openssh_minor_min)) {
        return {"openssh", "", CheckState::warning,
                said + " is older than " + wanted + ": what mccli ssh-config writes needs KnownHostsCommand",
                "update openssh-client; until then use mccli ssh and mccli cp"};
    }
    return {"openssh", "", CheckState::ok, said + ": ssh, scp and ssh-keygen are on PATH", ""};
}

void check_machine(const MachineFacts& machine, std::vector<Check>& out) {
    if (machine.state_dir) {
        out.push_back({"state_dir", "", CheckState::ok, *machine.state_dir + " can be written to", ""});
    } else {
        out.push_back(failed_by("state_dir", machine.state_dir.error(), "choose another with --state-dir DIR"));
    }
    out.push_back(check_openssh(machine));
}

// The broker

Check check_version(const std::string& own, const protocol::HelloReply& hello) {
    const std::string speaks = "protocol " + std::to_string(protocol::version_current);
    if (own == hello.version) return {"version", "", CheckState::ok, own + " like this mccli, " + speaks, ""};
    return {"version", "", CheckState::warning,
            "the broker is " + hello.version + ", this mccli " + own + "; both speak " + speaks, std::string(update)};
}

Check check_clock(const BrokerFacts& broker) {
    const auto skew = clock_skew(broker.asked, broker.hello.time, broker.answered);
    const auto apart = skew < 0ms ? -skew : skew;
    if (apart <= doctor::clock_skew_max) return {"clock", "", CheckState::ok, "like the broker's", ""};
    // The answer's time on its way is missing in it: 6.999 s are 7.
    return {"clock", "", CheckState::warning,
            "this machine's is " + format_age(std::chrono::round<seconds>(apart)) +
                (skew < 0ms ? " ahead of" : " behind") +
                " the broker's: ages, expiries and times of events are off by that",
            "on the machine whose `date -u` is wrong: sudo timedatectl set-ntp true"};
}

/// Its own key among those that it was shown; nullptr = it was shown none, or not that.
const protocol::KeyView* own_key(const BrokerFacts& broker, const std::string& fingerprint) {
    if (!broker.keys || !*broker.keys) return nullptr;
    const auto& keys = **broker.keys;
    const auto own =
        std::find_if(keys.begin(), keys.end(), [&](const auto& key) { return key.fingerprint == fingerprint; });
    return own == keys.end() ? nullptr : &*own;
}

Check check_key(const DoctorFacts& facts) {
    const auto& hello = facts.broker->hello;
    const std::string role(name_of(hello.role));
    if (!facts.route || facts.route->fingerprint.empty()) {
        return {"key", "", CheckState::ok, "none: whoever reaches this broker is " + hello.name + ", role " + role, ""};
    }
    std::string found = facts.route->fingerprint + " is known as " + hello.name + ", role " + role;
    if (facts.broker->keys && !*facts.broker->keys) {
        return {"key", "", CheckState::warning,
                found + "; when it expires was not said: " + facts.broker->keys->error().message, "mccli keys"};
    }
    const auto* own = own_key(*facts.broker, facts.route->fingerprint);
    if (own == nullptr) {
        found += sees_cloud(hello.role) ? "" : "; when it expires is told to viewers and admins";
    } else if (own->expires.unix_ms == 0) {
        found += ", and does not expire";
    } else {
        const milliseconds left(own->expires.unix_ms - facts.now.unix_ms);
        found += ", and expires in " + format_age(left);
        if (left < doctor::key_expiry_near) {
            const auto& context = facts.route->context;
            const bool is_path = context.find('/') != std::string::npos;
            return {"key", "", CheckState::warning, found,
                    "have an admin make a new token (mccli token create --role " + role + " --name " + hello.name +
                        "), then: mccli join TOKEN" + (is_path ? "" : " --as " + context + " --replace")};
        }
    }
    return {"key", "", CheckState::ok, std::move(found), ""};
}

/// The command that tries whether anything listens there.
std::string probe_of(std::string_view endpoint) {
    const auto host = protocol::host_of(endpoint);
    constexpr std::string_view ipc = "ipc://";
    if (endpoint.starts_with(ipc)) return "ls -l " + std::string(endpoint.substr(ipc.size()));
    return "nc -vz " + std::string(protocol::bare_host(host)) + " " +
           std::string(endpoint.substr(endpoint.rfind(':') + 1));
}

Check check_events(const BrokerFacts& broker) {
    if (!broker.beacon) {
        return failed_by("events", broker.beacon.error(),
                         "mccli watch needs them: does a firewall drop that port? " + probe_of(broker.events_endpoint));
    }
    return {"events", "", CheckState::ok, "arrive from " + broker.events_endpoint, ""};
}

void check_broker(const DoctorFacts& facts, std::vector<Check>& out) {
    const auto& broker = *facts.broker;
    const auto took = broker.answered.unix_ms - broker.asked.unix_ms;
    out.push_back({"broker", "", CheckState::ok,
                   "answers within " + std::to_string(std::max<std::int64_t>(took, 1)) + " ms", ""});
    out.push_back(check_version(facts.version, broker.hello));
    out.push_back(check_clock(broker));
    if (!broker.warning.empty()) {
        out.push_back(failed_by("store", {ErrorCode::store_failed, broker.warning},
                                "free space in the broker's state directory"));
    } else {
        check_store(broker.hello.disk, out);
    }
    out.push_back(check_key(facts));
    out.push_back(check_events(broker));
}

// The cloud

bool takes_vms(const NodeView& node) {
    return node.state == NodeState::ready && !node.lost && !node.cordoned && node.drain_deadline.unix_ms == 0;
}

Check check_state(const NodeView& node) {
    const std::string there = node.advertise.empty() ? "on its machine" : "at " + node.advertise;
    const auto failed = [&](std::string found, std::string next) {
        return Check{"node", node.name, CheckState::failed, std::move(found), std::move(next)};
    };
    if (node.lost) {
        return failed("lost: nothing was heard of its worker for " + format_age(milliseconds(node.silent_ms)),
                      there + ": start mcworker again; if it will not come back: mccli nodes forget " + node.name);
    }
    if (node.state == NodeState::silent) {
        return failed("silent: nothing was heard of its worker for " + format_age(milliseconds(node.silent_ms)) +
                          "; its VMs are unknown",
                      there +
                          ": does mcworker run, and reach the broker? systemctl status mcworker; "
                          "journalctl -u mcworker");
    }
    if (node.state == NodeState::not_ready) {
        Check check = failed_by("node", {ErrorCode::engine_unreachable, "not ready: " + node.reason},
                                "docker info; journalctl -u mcworker");
        check.target = node.name;
        check.next = there + ": " + check.next;
        return check;
    }
    return {"node", node.name, CheckState::ok,
            "ready, " + std::to_string(node.slots_used) + " of " + counted(node.slots, "VM") + "; Docker " +
                node.engine_version + " answered " + format_ago(node.engine_age_ms),
            ""};
}

void check_node(const NodeView& node, const std::string& broker_version, std::vector<Check>& out) {
    const auto first = out.size();
    const auto warn = [&](std::string found, std::string next) {
        out.push_back({"node", node.name, CheckState::warning, std::move(found), std::move(next)});
    };
    const auto state = check_state(node);
    if (state.state != CheckState::ok) out.push_back(state);
    if (node.worker_version != broker_version) {
        warn("its worker is " + node.worker_version + ", the broker " + broker_version, std::string(update));
    }
    const bool ready = state.state == CheckState::ok;
    if (ready && node.engine_age_ms > static_cast<std::uint64_t>(doctor::engine_age_max.count())) {
        warn("its Docker engine answered last " + format_ago(node.engine_age_ms),
             "there: docker ps; journalctl -u docker");
    }
    if (node.drain_deadline.unix_ms != 0) {
        warn("draining: takes no new VMs, and what runs there is stopped at " + format_time(node.drain_deadline),
             "when the maintenance is over, or to end the drain: mccli nodes uncordon " + node.name);
    } else if (node.cordoned) {
        warn("cordoned: takes no new VMs", "mccli nodes uncordon " + node.name);
    }
    if (ready && node.slots_used >= node.slots) {
        warn("full: " + std::to_string(node.slots_used) + " of " + counted(node.slots, "VM"),
             "see what could go: mccli list --node " + node.name);
    }
    if (out.size() == first) out.push_back(state);
}

Check check_room(const std::vector<NodeView>& nodes) {
    if (nodes.empty()) {
        return {"room", "", CheckState::failed, "there are no nodes",
                "start a worker on a machine with Docker: mcworker --broker ENDPOINT --node NAME (with keys, join it "
                "first: mccli token create --role worker)"};
    }
    std::size_t on = 0;
    std::uint64_t free = 0;
    for (const auto& node : nodes) {
        if (!takes_vms(node) || node.slots_used >= node.slots) continue;
        ++on;
        free += node.slots - node.slots_used;
    }
    if (on > 0) {
        return {"room", "", CheckState::ok, counted(free, "VM") + " more, on " + counted(on, "node"), ""};
    }
    if (std::none_of(nodes.begin(), nodes.end(), [](const auto& node) { return node.state == NodeState::ready; })) {
        return {"room", "", CheckState::failed, "no node is ready", "mccli nodes says of each why"};
    }
    return {"room", "", CheckState::warning, "none: no node that is ready takes another VM",
            "delete VMs (mccli list, mccli delete NAME), uncordon a node, or join another: mccli token create --role "
            "worker"};
}

void check_nodes(const BrokerFacts& broker, std::vector<Check>& out) {
    if (!broker.nodes) {
        for (const std::string_view check : {"node", "engine", "disk", "room"}) {
            out.push_back({check, "", CheckState::not_asked, std::string(for_viewers), ""});
        }
        return;
    }
    if (!*broker.nodes) {
        out.push_back(failed_by("node", broker.nodes->error(), "mccli nodes"));
        return;
    }
    for (const auto& node : **broker.nodes) check_node(node, broker.hello.version, out);
    check_engines(**broker.nodes, out);
    out.push_back(check_room(**broker.nodes));
}

Check check_vm(const VmView& vm, const std::string& me) {
    const std::string name = vm.owner == me ? vm.name : vm.owner + "/" + vm.name;
    const std::string why = vm.reason.empty() ? "" : ": " + vm.reason;
    if (vm.state == VmState::unknown) {
        return {"vm", name, CheckState::failed, "unknown" + why,
                "it is known again when its node " + vm.node + " is: mccli info " + name};
    }
    return {"vm", name, CheckState::warning, "failed" + why,
            "mccli info " + name + "; when it is of no more use: mccli delete " + name};
}

void check_vms(const BrokerFacts& broker, std::vector<Check>& out) {
    if (!broker.vms) {
        out.push_back(failed_by("vm", broker.vms.error(), "mccli list"));
        return;
    }
    std::size_t in_trouble = 0;
    CheckState worst = CheckState::warning;
    for (const auto& vm : *broker.vms) {
        if (vm.state != VmState::failed && vm.state != VmState::unknown) continue;
        auto check = check_vm(vm, broker.hello.name);
        if (++in_trouble <= doctor::vms_shown_max)
            out.push_back(std::move(check));
        else if (check.state == CheckState::failed)
            worst = CheckState::failed;
    }
    if (in_trouble > doctor::vms_shown_max) {
        out.push_back({"vm", "", worst, "and " + std::to_string(in_trouble - doctor::vms_shown_max) + " more",
                       "mccli list --state failed --state unknown"});
    }
    if (in_trouble == 0) {
        out.push_back({"vm", "", CheckState::ok, counted(broker.vms->size(), "VM") + ", none failed or unknown", ""});
    }
}

}  // namespace

std::string_view name_of(CheckState state) {
    switch (state) {
        case CheckState::ok:
            return "ok";
        case CheckState::warning:
            return "warning";
        case CheckState::failed:
            return "failed";
        case CheckState::not_asked:
            return "not_asked";
    }
    return "failed";
}

milliseconds clock_skew(WallTime asked, WallTime broker, WallTime answered) {
    if (broker < asked) return milliseconds(broker.unix_ms - asked.unix_ms);
    if (broker > answered) return milliseconds(broker.unix_ms - answered.unix_ms);
    return 0ms;
}

std::vector<Check> diagnose(const DoctorFacts& facts) {
    std::vector<Check> out;
    check_route(facts.route, out);
    check_machine(facts.machine, out);
    if (!facts.route) return out;  // nobody could be asked
    if (!facts.broker) {
        out.push_back(failed_by("broker", facts.broker.error(), "join with a token: mccli join TOKEN"));
        return out;
    }
    check_broker(facts, out);
    check_nodes(*facts.broker, out);
    check_vms(*facts.broker, out);
    return out;
}

ExitCode exit_code_of(const DoctorFacts& facts, const std::vector<Check>& checks) {
    if (facts.route && !facts.broker && facts.broker.error().code == ErrorCode::broker_unreachable) {
        return ExitCode::broker_unreachable;
    }
    const bool failed =
        std::any_of(checks.begin(), checks.end(), [](const auto& check) { return check.state == CheckState::failed; });
    return failed ? ExitCode::failed : ExitCode::ok;
}

}  // namespace mc::cli

#include "cli/core/commands.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "cli/core/name_pattern.hpp"
#include "cli/core/option_readers.hpp"
#include "cli/core/quantities.hpp"
#include "cli/core/vm_filter.hpp"
#include "protocol/codec.hpp"
#include "protocol/validate.hpp"

namespace mc::cli {
namespace {

/// check_spec says the same in bytes; a person wrote 1M.
Result<std::uint64_t> parse_memory(std::string_view text) {
    auto bytes = parse_size(text);
    if (!bytes) return bytes;
    if (*bytes < limits::memory_bytes_min || *bytes > limits::memory_bytes_max) {
        return fail(ErrorCode::invalid_argument, "it must be between " + format_size(limits::memory_bytes_min) +
                                                     " and " + format_size(limits::memory_bytes_max) + ", not " +
                                                     format_size(*bytes));
    }
    return bytes;
}

Result<protocol::OnLost> parse_policy(std::string_view text) {
    if (text == "keep") return protocol::OnLost::keep;
    if (text == "replace") return protocol::OnLost::replace;
    return fail(ErrorCode::invalid_argument, "\"" + std::string(text) + "\" is no policy: use keep or replace");
}

Result<protocol::PlacementPolicy> parse_placement_policy(std::string_view text) {
    using protocol::PlacementPolicy;
    for (const auto policy : {PlacementPolicy::round_robin, PlacementPolicy::least_loaded, PlacementPolicy::spread,
                              PlacementPolicy::pack}) {
        if (text == protocol::name_of(policy)) return policy;
    }
    return fail(ErrorCode::invalid_argument,
                "\"" + std::string(text) + "\" is no policy: use round-robin, least-loaded, spread or pack");
}

Result<void> take_expiry(const Settings& settings, protocol::UpdateRequest& update) {
    using protocol::Expiry;
    const auto by = settings.get("by");
    const auto ttl = settings.get("ttl");
    if (by.has_value() == ttl.has_value()) {
        return fail(ErrorCode::usage, "either --by DURATION, later than it was, or --ttl DURATION, from now, or never");
    }
    if (ttl && *ttl == "never") {
        update.expiry = Expiry::never;
        return {};
    }
    const auto moved = [](std::string_view text) { return parse_seconds(text, 1s, seconds(limits::ttl_seconds_max)); };
    update.expiry = by ? Expiry::later : Expiry::from_now;
    return take(settings, by ? "by" : "ttl", update.seconds, moved);
}

Result<void> take_labels(const Settings& settings, const std::string& option, std::vector<protocol::Label>& into) {
    for (const auto& text : settings.all(option)) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            return fail(ErrorCode::invalid_argument,
                        "--" + option + ": \"" + text + "\" is not a label: write it as key=value");
        }
        into.push_back({text.substr(0, equals), text.substr(equals + 1)});
    }
    return about(option, protocol::check_labels(into));
}

Result<std::vector<std::string>> parse_env(const Settings& settings) {
    auto env = settings.all("env");
    for (const auto& entry : env) {
        if (auto checked = about("env", protocol::check_env(entry)); !checked) return fail(checked.error());
    }
    return env;
}

/// Nothing chosen is never "all", and two ways to choose that don't narrow each other are a slip.
Result<void> check_choice(const ActionCommand& command, std::string_view verb) {
    const bool named = !command.request.targets.empty();
    if (!command.file.empty()) {
        if (!named && !command.chooses()) return {};
        return fail(ErrorCode::usage,
                    "--file says which VMs: leave out the names, patterns, -l and --all, or --file; what deletes "
                    "without asking is --yes (-y)");
    }
    if (!named && !command.chooses()) {
        return fail(ErrorCode::usage, "mccli " + std::string(verb) +
                                          " needs the name of a VM, a pattern, -l SELECTOR or --all; see: mccli help " +
                                          std::string(verb));
    }
    if (command.all && (named || command.selector || !command.globs.empty())) {
        return fail(ErrorCode::usage, "--all means every VM: leave out the names and -l, or --all");
    }
    if (command.selector && named) {
        return fail(ErrorCode::usage, "names and -l can't be combined; patterns such as 'lab-*' and -l can");
    }
    return {};
}

/// --name and operands, expanded; a name that is there twice counts once.
Result<std::vector<std::string>> read_names(const Settings& settings, std::span<const std::string> operands) {
    std::vector<std::string> words(operands.begin(), operands.end());
    if (const auto name = settings.get("name")) {
        if (!words.empty() && (words.size() > 1 || words.front() != *name)) {
            return fail(ErrorCode::usage,
                        "the VM's name was given twice: \"" + *name + "\" and \"" + words.front() + "\"");
        }
        words = {*name};
    }
    std::vector<std::string> names;
    for (const auto& word : words) {
        const auto expanded = expand_names(word);
        if (!expanded) return fail(expanded.error());
        names.insert(names.end(), expanded->begin(), expanded->end());
        if (names.size() > limits::batch_max) return fail(ErrorCode::usage, "these are over 1000 VMs at once");
    }
    std::set<std::string> seen;
    std::erase_if(names, [&](const std::string& name) { return !seen.insert(name).second; });
    for (const auto& name : names) {
        if (auto checked = protocol::check_name("VM name", name); !checked) return fail(checked.error());
    }
    return names;
}

}  // namespace

std::vector<protocol::CreateRequest> requests_of(const CreateCommand& command, const std::vector<std::string>& hashes) {
    if (command.names.size() < 2 && (command.request.count < 2 || hashes.empty())) {
        std::vector<protocol::CreateRequest> one{command.request};
        if (!hashes.empty()) one.front().spec.password_hash = hashes.front();
        return one;
    }
    const std::size_t size = std::max<std::size_t>(command.names.size(), command.request.count);
    std::vector<protocol::CreateRequest> all(size, command.request);
    for (std::size_t i = 0; i < size; ++i) {
        all[i].count = 1;
        if (!command.names.empty()) all[i].spec.name = command.names[i];
        if (!hashes.empty()) all[i].spec.password_hash = hashes[i];
    }
    return all;
}

protocol::PlacementRequest placement_of(const CreateCommand& command) {
    protocol::PlacementRequest out{command.request, {}};
    if (command.names.size() > 1) {
        out.names = command.names;
        out.create.spec.name.clear();
        out.create.count = static_cast<std::uint32_t>(command.names.size());
    }
    return out;
}

Result<CommonOptions> read_common(const Settings& settings) {
    CommonOptions out;
    out.broker = settings.get("broker").value_or("");
    out.context = settings.get("context").value_or("");
    out.quiet = settings.flag("quiet");
    out.state_dir = settings.get("state-dir").value_or("");
    // "localhost:7710" is what fingers type; ZeroMQ wants the transport too.
    if (!out.broker.empty() && out.broker.find("://") == std::string::npos) out.broker.insert(0, "tcp://");
    const auto format = settings.get("output").value_or("table");
    const auto known = output_format_of(format);
    if (!known) {
        return fail(ErrorCode::usage,
                    "--output: \"" + format + "\" is not a format: use table, wide, json, yaml, csv or name");
    }
    out.output = *known;
    auto timeout = take(settings, "connect-timeout", out.connect_timeout, parse_duration);
    if (!timeout) return fail(timeout.error());
    return out;
}

milliseconds create_timeout(std::size_t vms) {
    constexpr seconds each_more{10};
    const auto more = each_more * static_cast<std::int64_t>(std::max<std::size_t>(vms, 1) - 1);
    return std::min<milliseconds>(limits::request_deadline_default + more, limits::request_deadline_max);
}

Result<CreateCommand> read_create(const Settings& settings, std::span<const std::string> operands) {
    CreateCommand out;
    protocol::VmSpec& spec = out.request.spec;
    auto names = read_names(settings, operands);
    if (!names) return fail(names.error());
    out.names = std::move(*names);
    if (!out.names.empty()) spec.name = out.names.front();
    out.detach = settings.flag("detach");
    out.sheet = settings.get("sheet").value_or("");
    spec.image = settings.get("image").value_or("");
    out.request.node = settings.get("node").value_or("");
    out.key_files = settings.all("key");
    out.password = settings.flag("password");
    out.many = settings.get("count").has_value() || out.names.size() > 1;
    out.setup_file = settings.get("setup").value_or("");
    out.dry_run = settings.flag("dry-run");
    out.all_or_nothing = settings.flag("all-or-nothing");
    if (out.detach && (out.password || !out.sheet.empty())) {
        return fail(ErrorCode::usage, "--detach does not wait for what --password and --sheet would show");
    }
    if (out.detach && (out.all_or_nothing || settings.flag("wait"))) {
        return fail(ErrorCode::usage, std::string("--detach does not wait, which ") +
                                          (out.all_or_nothing ? "--all-or-nothing has to" : "--wait is for"));
    }
    const auto count = [](std::string_view text) { return parse_count(text, 1, limits::batch_max); };
    const auto pids = [](std::string_view text) { return parse_count(text, limits::pids_min, limits::pids_max); };
    const auto ttl = [](std::string_view text) { return parse_seconds(text, 1s, seconds(limits::ttl_seconds_max)); };
    const auto values = first_error({
        take(settings, "count", out.request.count, count),
        take(settings, "cpus", spec.cpus_milli, parse_cpus),
        take(settings, "memory", spec.memory_bytes, parse_memory),
        take(settings, "pids", spec.pids, pids),
        take(settings, "ttl", spec.ttl_seconds, ttl),
        take(settings, "on-lost", out.request.on_lost, parse_policy),
        take(settings, "policy", out.request.placement.policy, parse_placement_policy),
        take_labels(settings, "label", spec.labels),
        take_labels(settings, "require", out.request.placement.require),
        take_labels(settings, "prefer", out.request.placement.prefer),
        take_timeout(settings, out.timeout),
    });
    if (!values) return fail(values.error());
    if (!settings.get("timeout")) {
        out.timeout = create_timeout(std::max<std::size_t>(out.names.size(), out.request.count));
    }
    auto env = parse_env(settings);
    if (!env) return fail(env.error());
    spec.env = std::move(*env);
    if (out.request.count > 1 && !spec.name.empty()) {
        return fail(ErrorCode::usage, "a name is one VM's: leave it out with -n " + std::to_string(out.request.count) +
                                          ", the VMs are then numbered, or write a pattern such as " + spec.name +
                                          "-{1.." + std::to_string(out.request.count) + "}");
    }
    if (!out.request.node.empty()) {
        if (auto checked = about("node", protocol::check_name("node name", out.request.node)); !checked) {
            return fail(checked.error());
        }
    }
    if (auto checked = protocol::check_spec(spec); !checked) return fail(checked.error());
    return out;
}

Result<NodeActionCommand> read_node_action(VerbId verb, const Settings& settings,
                                           std::span<const std::string> operands) {
    NodeActionCommand out;
    out.verb = verb == VerbId::cordon     ? protocol::Verb::cordon
               : verb == VerbId::uncordon ? protocol::Verb::uncordon
               : verb == VerbId::drain    ? protocol::Verb::drain
                                          : protocol::Verb::forget;
    auto targets = distinct_names("node name", operands);
    if (!targets) return fail(targets.error());
    out.request.targets = std::move(*targets);
    out.request.with_vms = settings.flag("with-vms");
    const auto deadline = [](std::string_view text) { return parse_seconds(text, 0s, limits::drain_deadline_max); };
    if (auto taken = take(settings, "deadline", out.request.deadline_seconds, deadline); !taken) {
        return fail(taken.error());
    }
    if (out.verb == protocol::Verb::drain) {
        constexpr seconds stopping{60};  // after the deadline
        out.timeout =
            std::min<milliseconds>(seconds(out.request.deadline_seconds) + stopping, limits::request_deadline_max);
    }
    if (auto taken = take_timeout(settings, out.timeout); !taken) return fail(taken.error());
    return out;
}

Result<std::string> read_target(std::span<const std::string> operands) {
    const std::string& target = operands.front();
    if (auto checked = protocol::check_target(target); !checked) return fail(checked.error());
    return target;
}

Result<ActionCommand> read_action(VerbId verb, const Settings& settings, std::span<const std::string> operands) {
    ActionCommand out;
    switch (verb) {
        case VerbId::stop:
            out.verb = protocol::Verb::stop;
            break;
        case VerbId::restart:
            out.verb = protocol::Verb::restart;
            break;
        case VerbId::remove:
            out.verb = protocol::Verb::remove;
            break;
        case VerbId::extend:
            out.verb = protocol::Verb::update;
            break;
        default:
            out.verb = protocol::Verb::start;
            break;
    }
    std::vector<std::string> names;
    for (const auto& word : operands) (is_glob(word) ? out.globs : names).push_back(word);
    auto targets = distinct_targets(names);
    if (!targets) return fail(targets.error());
    out.request.targets = std::move(*targets);
    auto selector = read_selector(settings);
    if (!selector) return fail(selector.error());
    out.selector = std::move(*selector);
    out.all = settings.flag("all");
    out.yes = settings.flag("yes") || settings.flag("force");
    out.file = settings.get("file").value_or("");
    if (auto checked = check_choice(out, verb_of(verb).name); !checked) return fail(checked.error());
    const auto grace = [](std::string_view text) { return parse_seconds(text, 0s, limits::request_deadline_max); };
    const auto values =
        first_error({take(settings, "grace", out.request.grace_seconds, grace), take_timeout(settings, out.timeout)});
    if (!values) return fail(values.error());
    if (verb == VerbId::extend) {
        if (auto taken = take_expiry(settings, out.update); !taken) return fail(taken.error());
    }
    return out;
}

protocol::Bytes ActionCommand::body(std::vector<std::string> targets) const {
    if (verb == protocol::Verb::update) {
        protocol::UpdateRequest out = update;
        out.targets = std::move(targets);
        return protocol::encode(out);
    }
    protocol::ActionRequest out = request;
    out.targets = std::move(targets);
    return protocol::encode(out);
}

Result<protocol::UpdateRequest> read_rename(std::span<const std::string> operands) {
    const auto target = read_target(operands);
    if (!target) return fail(target.error());
    if (auto checked = protocol::check_name("VM name", operands[1]); !checked) return fail(checked.error());
    return protocol::UpdateRequest{{*target}, operands[1], protocol::Expiry::keep, 0};
}

Result<ExecCommand> read_exec(const Settings& settings, const CommandLine& line) {
    const auto target = read_target(line.operands);
    if (!target) return fail(target.error());
    ExecCommand out;
    out.target = *target;
    out.spec.argv = line.command;
    if (out.spec.argv.empty()) {
        return fail(ErrorCode::usage, "mccli exec needs a command: mccli exec " + *target +
                                          " -- COMMAND...; for a shell use: mccli ssh " + *target);
    }
    if (out.spec.argv.size() > limits::arguments_max) {
        return fail(ErrorCode::usage, "the command has more than 4096 arguments");
    }
    for (const auto& argument : out.spec.argv) {
        if (argument.size() > limits::argument_bytes_max) {
            return fail(ErrorCode::usage, "an argument of the command is over 128 KiB; pass it through stdin with -i");
        }
    }
    out.interactive = settings.flag("interactive");
    if (settings.flag("tty") && settings.flag("no-tty")) {
        return fail(ErrorCode::usage, "--tty and --no-tty can't be given together");
    }
    if (settings.flag("tty")) out.tty = TtyWish::yes;
    if (settings.flag("no-tty")) out.tty = TtyWish::no;
    auto env = parse_env(settings);
    if (!env) return fail(env.error());
    out.spec.env = std::move(*env);
    out.spec.user = settings.get("user").value_or("");
    out.spec.workdir = settings.get("workdir").value_or("");
    return out;
}

Result<LogsCommand> read_logs(const Settings& settings, std::span<const std::string> operands, WallTime now) {
    const auto target = read_target(operands);
    if (!target) return fail(target.error());
    LogsCommand out;
    out.target = *target;
    out.spec.follow = settings.flag("follow");
    out.spec.timestamps = settings.flag("timestamps");
    const auto tail = [](std::string_view text) {
        return parse_count(text, 1, std::numeric_limits<std::uint32_t>::max());
    };
    const auto since = [&](std::string_view text) -> Result<std::int64_t> {
        const auto moment = parse_moment(text, now);
        if (!moment) return fail(moment.error());
        return moment->unix_ms / 1000;
    };
    const auto values = first_error(
        {take(settings, "tail", out.spec.tail, tail), take(settings, "since", out.spec.since_unix_seconds, since)});
    if (!values) return fail(values.error());
    return out;
}

Result<std::optional<EventSeq>> read_watch(const Settings& settings) {
    const auto text = settings.get("since");
    if (!text) return std::optional<EventSeq>{};
    const auto number = about("since", parse_count(*text, 0, std::numeric_limits<std::int64_t>::max()));
    if (!number) return fail(number.error());
    return std::optional<EventSeq>(EventSeq{*number});
}

Result<RequestId> read_request_id(std::span<const std::string> operands) {
    const auto id = RequestId::parse(operands.front());
    if (id && *id) return *id;
    return fail(ErrorCode::invalid_argument, "\"" + operands.front().substr(0, 40) +
                                                 "\" is not the id of a request: it has 32 hexadecimal digits; "
                                                 "`mccli jobs` shows the latest");
}

}  // namespace mc::cli

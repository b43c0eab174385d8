#include "worker/shell/worker_options.hpp"

#include <charconv>
#include <optional>

#include "base/version.hpp"
#include "io/contexts.hpp"
#include "io/curve_keys.hpp"
#include "io/files.hpp"
#include "io/options.hpp"
#include "protocol/endpoints.hpp"
#include "protocol/limits.hpp"
#include "protocol/validate.hpp"
#include "worker/core/text.hpp"
#include "worker/shell/own_address.hpp"

namespace mc::worker {
namespace {

Result<protocol::Label> parse_label(const std::string& text) {
    const auto equals = text.find('=');
    protocol::Label label{.key = text.substr(0, equals),
                          .value = equals == std::string::npos ? "" : text.substr(equals + 1)};
    protocol::VmSpec probe;
    probe.labels.push_back(label);
    if (const auto valid = protocol::check_spec(probe); !valid) return fail(ErrorCode::usage, valid.error().message);
    return label;
}

io::OptionExtra shown_default(std::string text) {
    io::OptionExtra extra;
    extra.default_shown = std::move(text);
    return extra;
}

/// A network that VMs can be in: the engine takes other words there that would give them the machine's own network
/// (host), another container's (container:…) or none that their sshd is reached by (none).
Result<void> check_vm_network(const std::string& name) {
    static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    if (name.empty()) return {};
    if (name == "host" || name == "none" || name == "default" || name.starts_with("container:")) {
        return fail(ErrorCode::usage, "--vm-network " + name +
                                          " is refused: VMs never share the network of the machine or of another "
                                          "container, and need one; name a network of the engine (docker network ls)");
    }
    if (name.size() > limits::host_bytes_max || letters.find(name.front()) == std::string_view::npos ||
        name.find_first_not_of(std::string(letters) + "_.-") != std::string::npos) {
        return fail(ErrorCode::usage, "--vm-network: \"" + to_sentence(name, limits::word_bytes_max) +
                                          "\" is no name of a network: letters, digits and _.- after a letter or "
                                          "digit (docker network ls)");
    }
    return {};
}

struct Raw {
    std::string broker;
    std::string broker_key;
    std::string key;
    std::string node;
    std::string docker;
    std::string advertise;
    std::string vm_network;
    std::string state_dir;
    std::string log_level = "info";
    bool replace = false;
    std::vector<std::string> labels;
    std::uint32_t slots = 0;
    std::uint32_t cpus_milli = 0;
    std::uint64_t memory_bytes = 0;
    std::uint32_t engine_calls = bounds::engine_calls_default;
    std::uint32_t pool = 0;
};

io::Options declare(Raw& raw) {
    io::Options options("mcworker",
                        "mcworker [options]\n       mcworker join TOKEN [--node NAME] [--state-dir DIR] [--replace]",
                        "Serves one node of a minicloud: takes jobs from the broker and runs VMs on a Docker engine.");
    options.group("Broker");
    options.add("broker", "ENDPOINT", raw.broker, "the broker's endpoint for workers",
                shown_default("the one it has joined, else " + std::string(defaults::workers_endpoint)));
    options.add("broker-key", "KEY", raw.broker_key, "the broker's public key; with --key",
                shown_default("the one it has joined"));
    options.add("key", "FILE", raw.key, "file with this worker's secret key (mode 0600); with --broker-key",
                shown_default("the one it has joined with, else none: plaintext"));
    options.add("node", "NAME", raw.node, "name of this node in the cloud", shown_default("this machine's name"));
    options.add("advertise", "HOST", raw.advertise, "host name or address under which people reach this node's VMs",
                shown_default("127.0.0.1 with a broker on this machine, else this machine's address towards it"));
    options.add("label", "KEY=VALUE", raw.labels, "label of this node");
    options.group("Engine");
    io::OptionExtra docker_extra = shown_default("the first usual socket that exists");
    docker_extra.env_aliases = {"DOCKER_HOST"};
    options.add("docker", "ENDPOINT", raw.docker, "the Docker engine: unix:///PATH or tcp://HOST:PORT", docker_extra);
    options.add("vm-network", "NAME", raw.vm_network, "the engine's network that VMs are put in",
                shown_default("its default bridge if that keeps VMs apart, else one that is made for it"));
    options.add("engine-calls", "N", raw.engine_calls,
                "creates, starts and removals the engine is asked for at the same time", {}, 1,
                static_cast<std::uint32_t>(bounds::engine_calls_max));
    options.add("pool", "N", raw.pool,
                "VMs kept started for creates to come, of the default image and of the one last asked for; needs root "
                "and an engine on this machine",
                shown_default("0: none"), 0, static_cast<std::uint32_t>(bounds::pool_max));
    options.group("Capacity");
    options.add("slots", "N", raw.slots, "how many VMs this node takes",
                shown_default("32 per core, but one per 256 MiB of memory"), 0, bounds::slots_max * 4);
    options.add_custom(
        "cpus", "CORES", "all of the engine's",
        [&raw](const std::string& text) -> Result<void> {
            const auto value = parse_cpus(text);
            if (!value) return fail(value.error());
            raw.cpus_milli = *value;
            return {};
        },
        "cores this node offers, e.g. 4 or 1.5");
    options.add_custom(
        "memory", "SIZE", "all of the engine's",
        [&raw](const std::string& text) -> Result<void> {
            const auto value = parse_bytes(text);
            if (!value) return fail(value.error());
            raw.memory_bytes = *value;
            return {};
        },
        "memory this node offers, e.g. 8g");
    options.group("Process");
    options.add("state-dir", "DIR", raw.state_dir, "where this worker keeps who it is; one worker per directory",
                shown_default("worker-NAME in $XDG_STATE_HOME/minicloud"));
    options.add_flag("replace", raw.replace, "with join: give up the key and broker that it has joined with before",
                     {.command_line_only = true});
    options.add("log-level", "LEVEL", raw.log_level, "trace, debug, info, warn, error or off");
    options.epilog(
        "join has this worker's key admitted to a cloud and stores it in the state directory, where mcworker then "
        "finds "
        "it. TOKEN is what `mccli token create --role worker` printed; - reads it from stdin.\n"
        "Several workers may share one machine and one engine: each needs a --node of its own and touches only its "
        "own VMs.\nExit codes: 0 stopped as asked, 1 failed, 2 wrong usage.");
    return options;
}

}  // namespace

Result<std::uint64_t> parse_bytes(const std::string& text) {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    std::string unit(stop, text.data() + text.size());
    for (char& c : unit) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (unit.ends_with("ib")) unit.resize(unit.size() - 2);
    if (unit.size() == 2 && unit.back() == 'b') unit.pop_back();
    const int shift = unit.empty() || unit == "b" ? 0
                      : unit == "k"               ? 10
                      : unit == "m"               ? 20
                      : unit == "g"               ? 30
                      : unit == "t"               ? 40
                                                  : -1;
    if (error != std::errc{} || shift < 0 || value == 0 || value > (limits::memory_bytes_max >> shift)) {
        return fail(ErrorCode::invalid_argument, "\"" + text + "\" is not a size: write it as 512m, 8g or in bytes");
    }
    return value << shift;
}

Result<std::uint32_t> parse_cpus(const std::string& text) {
    double cores = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), cores);
    const double milli = cores * 1000 + 0.5;
    if (error != std::errc{} || stop != text.data() + text.size() || !(milli >= limits::cpus_milli_min) ||
        !(milli < limits::cpus_milli_max)) {
        return fail(ErrorCode::invalid_argument, "\"" + text + "\" is not a number of cores: write it as 4 or 1.5");
    }
    return static_cast<std::uint32_t>(milli);
}

std::filesystem::path connection_file(const std::filesystem::path& state_dir) {
    return state_dir / "connection";
}

std::filesystem::path lock_file(const std::filesystem::path& state_dir) {
    return state_dir / "lock";
}

namespace {

/// Where the broker is and which keys are for it: as told, else as stored.
Result<void> find_broker(const Raw& raw, WorkerOptions& result) {
    result.broker = raw.broker;
    if (raw.broker_key.empty() != raw.key.empty()) {
        return fail(ErrorCode::usage, "--broker-key and --key belong together: give both, or join with a token");
    }
    std::optional<io::CurveClient> keys;
    if (!raw.key.empty()) {
        const auto broker = io::public_key_from_z85(raw.broker_key);
        if (!broker) return fail(ErrorCode::usage, "--broker-key: " + broker.error().message);
        auto own = io::read_key_file(raw.key);
        if (!own) return fail(own.error());
        keys = io::CurveClient{std::move(*own), *broker};
    } else {
        auto stored = io::read_connection(connection_file(result.state_dir));
        if (!stored && stored.error().code != ErrorCode::not_found) return fail(stored.error());
        if (stored && result.broker.empty()) result.broker = stored->endpoint;
        if (stored) keys = io::CurveClient{std::move(stored->own), stored->broker};
    }
    if (result.broker.empty()) result.broker = defaults::workers_endpoint;
    // On a local socket nobody asks for keys.
    if (keys && result.broker.starts_with("tcp://")) result.security = std::move(*keys);
    return keys ? Result<void>() : protocol::check_keyless(result.broker, "mcworker join TOKEN");
}

}  // namespace

Result<WorkerOptions> read_options(std::span<const std::string> arguments, const io::Environment& environment) {
    Raw raw;
    io::Options options = declare(raw);
    const bool joins = !arguments.empty() && arguments.front() == "join";
    if (joins) options.positionals(1, 1, "TOKEN");
    const auto parsed = options.parse(arguments.subspan(joins ? 1 : 0), environment);
    if (!parsed) return fail(parsed.error());
    WorkerOptions result;
    if (parsed->help) result.print = options.help();
    if (parsed->version) result.print = options.version_text();
    if (!result.print.empty()) return result;

    Settings& settings = result.settings;
    settings.name = raw.node.empty() ? node_name_from(own_host_name()) : raw.node;
    if (const auto valid = protocol::check_name("--node", settings.name); !valid) {
        return fail(ErrorCode::usage, valid.error().message);
    }
    const auto level = io::parse_log_level(raw.log_level);
    if (!level) return fail(level.error());
    result.log_level = *level;
    result.state_dir = raw.state_dir.empty() ? io::state_dir(environment) / ("worker-" + settings.name)
                                             : std::filesystem::path(raw.state_dir);
    if (!raw.state_dir.empty()) result.state_dir_option = " --state-dir " + raw.state_dir;
    if (joins) {
        result.join_token = parsed->positional.front();
        result.replace = raw.replace;
        return result;
    }
    if (raw.replace) return fail(ErrorCode::usage, "--replace is for join: mcworker join TOKEN --replace");
    auto engine = io::EngineEndpoint::choose(raw.docker, environment);
    if (!engine) return fail(ErrorCode::usage, engine.error().message);
    result.engine = std::move(*engine);
    for (const auto& text : raw.labels) {
        auto label = parse_label(text);
        if (!label) return fail(label.error());
        settings.labels.push_back(std::move(*label));
    }
    if (settings.labels.size() > limits::labels_max) return fail(ErrorCode::usage, "at most 32 --label can be given");

    if (auto found = find_broker(raw, result); !found) return fail(found.error());
    settings.advertise = raw.advertise;
    if (settings.advertise.empty()) {
        const bool near = protocol::is_local_endpoint(result.broker);
        auto own = near ? Result<std::string>("127.0.0.1") : own_address_towards(result.broker);
        if (!own) return fail(ErrorCode::io_failed, own.error().message + "; or say --advertise HOST");
        settings.advertise = std::move(*own);
    }
    // The broker would refuse it each time that the worker registers.
    if (const auto valid = protocol::check_host("--advertise", settings.advertise); !valid) {
        return fail(ErrorCode::usage, valid.error().message);
    }
    if (const auto valid = check_vm_network(raw.vm_network); !valid) return fail(valid.error());
    settings.vm_network = raw.vm_network;
    // A local engine's ports are on this machine, however people reach it from outside. On that address alone when a
    // person named one that the machine has; a name or a translated address is none to bind, and one that was found by
    // itself may be another after the next boot, when VMs that are bound to it could not start again.
    const bool local_engine = result.engine.is_unix() || protocol::is_loopback_host(result.engine.host);
    const bool own = local_engine && !raw.advertise.empty() && is_own_address(settings.advertise);
    settings.port_host_ip = protocol::is_loopback_host(settings.advertise) ? "127.0.0.1"
                            : own                                          ? settings.advertise
                                                                           : "0.0.0.0";
    settings.probe_host = own || !local_engine ? settings.advertise : "127.0.0.1";
    settings.engine = result.engine.str();
    settings.version = mc::version;
    settings.slots = raw.slots;
    settings.cpus_milli = raw.cpus_milli;
    settings.memory_bytes = raw.memory_bytes;
    settings.engine_calls = raw.engine_calls;
    settings.pool = raw.pool;
    return result;
}

}  // namespace mc::worker

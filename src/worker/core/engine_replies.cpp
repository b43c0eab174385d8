#include "worker/core/engine_replies.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <tuple>

#include "protocol/limits.hpp"
#include "protocol/validate.hpp"
#include "worker/core/bounds.hpp"
#include "worker/core/demultiplexer.hpp"
#include "worker/core/text.hpp"

namespace mc::worker::engine {
namespace {

using nlohmann::json;
using protocol::ContainerState;

/// Null when `body` is not JSON.
json parse(std::string_view body) {
    return json::parse(body, nullptr, false);
}

/// Walks `path` through objects; null when something is missing.
const json& at(const json& value, std::initializer_list<const char*> path) {
    static const json null;
    const json* here = &value;
    for (const char* key : path) {
        if (!here->is_object()) return null;
        const auto found = here->find(key);
        if (found == here->end()) return null;
        here = &*found;
    }
    return *here;
}

std::string text(const json& value) {
    return value.is_string() ? value.get<std::string>() : std::string();
}
bool flag(const json& value) {
    return value.is_boolean() && value.get<bool>();
}

template <class T>
T integer(const json& value) {
    if (value.is_number_unsigned()) {
        const auto v = value.get<std::uint64_t>();
        return v <= static_cast<std::uint64_t>(std::numeric_limits<T>::max()) ? static_cast<T>(v) : T{};
    }
    if (!value.is_number_integer()) return T{};
    const auto v = value.get<std::int64_t>();
    const bool fits = v >= static_cast<std::int64_t>(std::numeric_limits<T>::min());
    return fits ? static_cast<T>(v) : T{};
}

/// 0 of what no clock shows: times 1000 it would be no number.
std::int64_t seconds_in_ms(const json& value) {
    constexpr std::int64_t seconds_max = 1LL << 40;
    const auto seconds = integer<std::int64_t>(value);
    return seconds < 0 || seconds > seconds_max ? 0 : seconds * 1000;
}

tl::unexpected<Error> unreadable(const char* what) {
    return fail(ErrorCode::engine_failed, std::string("the engine's answer about ") + what + " can't be read");
}

Labels read_labels(const json& value) {
    Labels labels;
    if (!value.is_object()) return labels;
    for (const auto& [key, entry] : value.items()) labels[key] = text(entry);
    return labels;
}

ContainerState state_from(const std::string& word) {
    if (word == "created") return ContainerState::created;
    if (word == "running" || word == "paused" || word == "restarting") return ContainerState::running;
    if (word == "removing") return ContainerState::removing;
    return ContainerState::exited;
}

std::uint16_t port_from(const std::string& digits) {
    std::uint16_t port = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return error == std::errc{} && stop == digits.data() + digits.size() ? port : std::uint16_t{0};
}

/// "Exited (137) 5 seconds ago" -> 137.
std::int32_t exit_code_in(const std::string& status) {
    const auto open = status.find('(');
    std::int32_t code = 0;
    if (open != std::string::npos) std::from_chars(status.data() + open + 1, status.data() + status.size(), code);
    return code;
}

std::string reason_of(const json& state) {
    if (flag(at(state, {"OOMKilled"}))) return "it used up its memory and was killed by the kernel";
    return to_sentence(text(at(state, {"Error"})), limits::reason_bytes_max);
}

}  // namespace

bool is_good(const EngineResponse& response) {
    return response.status >= 200 && response.status < 300;
}

std::string message_of(const EngineResponse& response) {
    std::string message = text(at(parse(response.body), {"message"}));
    if (message.empty()) message = "HTTP " + std::to_string(response.status);
    return to_sentence(message, limits::reason_bytes_max / 2);
}

bool is_port_taken(const EngineResponse& response) {
    const std::string message = message_of(response);
    return response.status == 500 && (message.find("port is already allocated") != std::string::npos ||
                                      message.find("address already in use") != std::string::npos);
}

std::string start_message_of(const EngineResponse& response, const std::string& container) {
    std::string message = message_of(response);
    if (message.find("id already in use") != std::string::npos) message += " (container " + container + ")";
    return message;
}

Result<EngineInfo> parse_info(std::string_view body) {
    const json value = parse(body);
    if (!value.is_object()) return unreadable("itself");
    bool remaps_users = false;
    bool filters_calls = false;
    const json options = at(value, {"SecurityOptions"});
    for (const auto& option : options.is_array() ? options : json::array()) {
        const std::string word = text(option);
        remaps_users = remaps_users || word.starts_with("name=userns");
        // "builtin" since Docker 23; anything else is "unconfined" or a file that somebody wrote.
        filters_calls =
            filters_calls || word == "name=seccomp,profile=default" || word == "name=seccomp,profile=builtin";
    }
    return EngineInfo{.version = to_sentence(text(at(value, {"ServerVersion"})), limits::word_bytes_max),
                      .cpus = integer<std::uint32_t>(at(value, {"NCPU"})),
                      .memory_bytes = integer<std::uint64_t>(at(value, {"MemTotal"})),
                      .live_restore = flag(at(value, {"LiveRestoreEnabled"})),
                      .id = text(at(value, {"ID"})),
                      .data_root = text(at(value, {"DockerRootDir"})),
                      .remaps_users = remaps_users,
                      .filters_calls = filters_calls};
}

Result<NetworkInfo> parse_network(std::string_view body) {
    const json value = parse(body);
    if (!value.is_object()) return unreadable("a network");
    return NetworkInfo{.isolates = text(at(value, {"Options", "com.docker.network.bridge.enable_icc"})) == "false",
                       .internal = flag(at(value, {"Internal"})),
                       .ours = text(at(value, {"Labels", label::network})) == "1"};
}

Result<ImageInfo> parse_image(std::string_view body) {
    const json value = parse(body);
    if (!value.is_object()) return unreadable("an image");
    return ImageInfo{.id = text(at(value, {"Id"})),
                     .has_sshd = at(value, {"Config", "ExposedPorts", "22/tcp"}).is_object(),
                     .is_vm = text(at(value, {"Config", "Labels", label::vm_image})) == "1",
                     .sets_up = text(at(value, {"Config", "Labels", label::sets_up})) == "1"};
}

Result<std::vector<protocol::ImageView>> parse_images(std::string_view body) {
    const json value = parse(body);
    if (!value.is_array()) return unreadable("its images");
    std::vector<protocol::ImageView> images;
    for (const auto& entry : value) {
        protocol::ImageView image;
        image.id = to_sentence(text(at(entry, {"Id"})), limits::label_value_bytes_max);
        if (image.id.empty()) return unreadable("its images");
        image.size_bytes = integer<std::uint64_t>(at(entry, {"Size"}));
        image.created = WallTime{seconds_in_ms(at(entry, {"Created"}))};
        bool named = false;
        const json& tags = at(entry, {"RepoTags"});
        for (const auto& tag : tags.is_array() ? tags : json::array()) {
            image.name = text(tag);
            // "<none>:<none>" is how engines up to 24 write that there is no name.
            if (!protocol::check_image(image.name)) continue;
            named = true;
            images.push_back(image);
        }
        image.name.clear();
        if (!named) images.push_back(std::move(image));
    }
    std::sort(images.begin(), images.end(), [](const auto& a, const auto& b) {
        if (a.name.empty() != b.name.empty()) return b.name.empty();
        if (a.name.empty() && a.created != b.created) return b.created < a.created;
        return std::tie(a.name, a.id) < std::tie(b.name, b.id);
    });
    return images;
}

Result<protocol::ImageView> parse_image_view(std::string_view body, const std::string& name) {
    const json value = parse(body);
    const std::string id = text(at(value, {"Id"}));
    if (id.empty()) return unreadable("an image");
    return protocol::ImageView{.name = name,
                               .id = to_sentence(id, limits::label_value_bytes_max),
                               .size_bytes = integer<std::uint64_t>(at(value, {"Size"})),
                               .created = parse_time(text(at(value, {"Created"})))};
}

Result<ContainerInfo> parse_inspect(std::string_view body) {
    const json value = parse(body);
    ContainerInfo info;
    info.id = text(at(value, {"Id"}));
    const json& state = at(value, {"State"});
    if (info.id.empty() || !state.is_object()) return unreadable("a container");
    info.image = text(at(value, {"Config", "Image"}));
    info.image_id = text(at(value, {"Image"}));
    info.host_name = text(at(value, {"Config", "Hostname"}));
    info.pid = integer<std::int32_t>(at(state, {"Pid"}));
    info.labels = read_labels(at(value, {"Config", "Labels"}));
    info.dead = flag(at(state, {"Dead"}));
    info.state = info.dead ? ContainerState::exited : state_from(text(at(state, {"Status"})));
    info.exposes_ssh = at(value, {"Config", "ExposedPorts", "22/tcp"}).is_object();
    const json& bindings = at(value, {"NetworkSettings", "Ports", "22/tcp"});
    if (bindings.is_array() && !bindings.empty()) info.ssh_port = port_from(text(at(bindings[0], {"HostPort"})));
    if (info.state == ContainerState::running) {
        info.started = parse_time(text(at(state, {"StartedAt"})));
    } else {
        info.exit_code = integer<std::int32_t>(at(state, {"ExitCode"}));
        info.reason = reason_of(state);
    }
    return info;
}

Result<std::vector<ContainerInfo>> parse_list(std::string_view body) {
    const json value = parse(body);
    if (!value.is_array()) return unreadable("its containers");
    std::vector<ContainerInfo> containers;
    containers.reserve(value.size());
    for (const auto& entry : value) {
        ContainerInfo info;
        info.id = text(at(entry, {"Id"}));
        // One missing entry would read as "gone", so a half-readable list is no list.
        if (info.id.empty()) return unreadable("its containers");
        info.image = text(at(entry, {"Image"}));
        info.labels = read_labels(at(entry, {"Labels"}));
        const std::string state = text(at(entry, {"State"}));
        info.dead = state == "dead";
        info.state = state_from(state);
        info.created = WallTime{seconds_in_ms(at(entry, {"Created"}))};
        const json& ports = at(entry, {"Ports"});
        for (const auto& port : ports.is_array() ? ports : json::array()) {
            if (integer<int>(at(port, {"PrivatePort"})) == 22 && text(at(port, {"Type"})) == "tcp") {
                const auto published = integer<std::uint16_t>(at(port, {"PublicPort"}));
                if (published != 0) info.ssh_port = published;
            }
        }
        if (info.state == ContainerState::exited) info.exit_code = exit_code_in(text(at(entry, {"Status"})));
        containers.push_back(std::move(info));
    }
    return containers;
}

Result<std::string> parse_id(std::string_view body) {
    std::string id = text(at(parse(body), {"Id"}));
    if (id.empty()) return unreadable("a new container");
    return id;
}

Result<ExecInfo> parse_exec(std::string_view body) {
    const json value = parse(body);
    if (!at(value, {"Running"}).is_boolean()) return unreadable("a command");
    return ExecInfo{.running = flag(at(value, {"Running"})),
                    .exit_code = integer<std::int32_t>(at(value, {"ExitCode"}))};
}

Result<UsageCounters> parse_usage(std::string_view body) {
    const json value = parse(body);
    UsageCounters usage;
    usage.read = parse_time(text(at(value, {"read"})));
    const json& cpu = at(value, {"cpu_stats", "cpu_usage", "total_usage"});
    const json& memory = at(value, {"memory_stats", "usage"});
    if (usage.read.unix_ms <= 0 || !cpu.is_number_unsigned() || !memory.is_number_unsigned()) {
        return unreadable("what a container uses");
    }
    usage.cpu_ns = cpu.get<std::uint64_t>();
    usage.memory_bytes = memory.get<std::uint64_t>();
    // Of the kernel's two kinds of cgroups the first counts what is below it in `total_…`.
    const json& v1 = at(value, {"memory_stats", "stats", "total_inactive_file"});
    const json& cache = v1.is_null() ? at(value, {"memory_stats", "stats", "inactive_file"}) : v1;
    const auto cache_bytes = integer<std::uint64_t>(cache);
    if (cache_bytes < usage.memory_bytes) usage.memory_bytes -= cache_bytes;
    const json& networks = at(value, {"networks"});
    for (const auto& network : networks.is_object() ? networks : json::object()) {
        usage.rx_bytes += integer<std::uint64_t>(at(network, {"rx_bytes"}));
        usage.tx_bytes += integer<std::uint64_t>(at(network, {"tx_bytes"}));
    }
    return usage;
}

std::string public_key_in(std::string_view content) {
    std::string line = to_sentence(content.substr(0, content.find('\n')), limits::key_line_bytes_max);
    const auto type_end = line.find(' ');
    return type_end == std::string::npos ? std::string() : line.substr(0, line.find(' ', type_end + 1));
}

std::string host_key_in(const EngineResponse& response) {
    for (const auto& file : response.files) {
        std::string key = file.directory ? std::string() : public_key_in(file.content);
        if (!key.empty()) return key;
    }
    return {};
}

std::string last_words_in(std::string_view body) {
    std::string words;
    Demultiplexer streams;
    // A stream that is cut off or broken still has readable words before that.
    static_cast<void>(streams.feed(body, [&](protocol::Channel, std::string_view piece) { words += piece; }));
    return to_sentence(words, bounds::last_words_bytes_max);
}

protocol::VmReport to_report(VmId vm, const ContainerInfo& container) {
    protocol::VmReport report;
    report.vm = vm;
    report.state = container.state;
    report.container = to_sentence(container.id, limits::label_value_bytes_max);
    report.image = to_sentence(container.image, limits::image_bytes_max);
    report.ssh_port = container.ssh_port;
    report.started = container.started;
    report.exit_code = container.exit_code;
    report.reason = container.reason;
    return report;
}

std::vector<std::string> LineReader::feed(std::string_view bytes) {
    std::vector<std::string> lines;
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, end);
        if (dropping_ || partial_.size() + piece.size() > bounds::line_bytes_max) {
            dropping_ = true;
            partial_.clear();
        } else {
            partial_ += piece;
        }
        if (end == std::string_view::npos) break;
        bytes.remove_prefix(end + 1);
        if (!partial_.empty() && partial_.back() == '\r') partial_.pop_back();
        if (!partial_.empty()) lines.push_back(std::exchange(partial_, {}));
        dropping_ = false;
    }
    return lines;
}

void PullProgress::on_chunk(std::string_view bytes) {
    for (const auto& line : lines_.feed(bytes)) on_line(line);
}

void PullProgress::on_line(const std::string& line) {
    const json value = parse(line);
    std::string error = text(at(value, {"errorDetail", "message"}));
    if (error.empty()) error = text(at(value, {"error"}));
    if (!error.empty()) error_ = to_sentence(error, limits::reason_bytes_max / 2);
    const std::string id = text(at(value, {"id"}));
    const std::string status = text(at(value, {"status"}));
    const bool about_layer = status == "Downloading" || status == "Extracting" || status == "Pulling fs layer" ||
                             status == "Waiting" || status == "Download complete" || status == "Pull complete" ||
                             status == "Already exists" || status == "Verifying Checksum";
    if (id.empty() || !about_layer) return;
    if (layers_.size() >= bounds::layers_max && !layers_.contains(id)) return;
    Layer& layer = layers_[id];
    if (status == "Downloading") {
        layer.done = integer<std::uint64_t>(at(value, {"progressDetail", "current"}));
        layer.total = integer<std::uint64_t>(at(value, {"progressDetail", "total"}));
    }
    if (status == "Download complete" || status == "Extracting") layer.done = layer.total;
    if (status == "Pull complete" || status == "Already exists") {
        layer.complete = true;
        layer.done = layer.total;
    }
}

std::uint8_t PullProgress::percent() const {
    // Layers of unknown size count as much as a small one, so that the figure never runs backwards far.
    constexpr std::uint64_t unknown_bytes = 1 << 20;
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    for (const auto& [id, layer] : layers_) {
        const std::uint64_t size = std::min<std::uint64_t>(layer.total == 0 ? unknown_bytes : layer.total, 1ULL << 50);
        total += size;
        done += layer.complete ? size : std::min(layer.done, size);
    }
    return total == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(done * 100 / total);
}

std::string PullProgress::detail() const {
    if (layers_.empty()) return "";
    const auto complete =
        std::count_if(layers_.begin(), layers_.end(), [](const auto& e) { return e.second.complete; });
    return std::to_string(complete) + " of " + std::to_string(layers_.size()) + " layers";
}

std::optional<EngineEvent> parse_event(std::string_view line) {
    const json value = parse(line);
    EngineEvent event{.action = text(at(value, {"Action"})),
                      .container = text(at(value, {"Actor", "ID"})),
                      .unix_seconds = integer<std::int64_t>(at(value, {"time"})),
                      .vm = VmId::parse(text(at(value, {"Actor", "Attributes", label::vm})))};
    if (event.action.empty() || event.container.empty()) return std::nullopt;
    return event;
}

}  // namespace mc::worker::engine

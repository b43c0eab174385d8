#include "worker/core/engine_requests.hpp"

#include <nlohmann/json.hpp>

#include "base/rule.hpp"
#include "worker/core/bounds.hpp"
#include "worker/core/text.hpp"

namespace mc::worker::engine {
namespace {

using nlohmann::json;

/// 1.41 is Docker 20.10's; later engines serve it too.
std::string versioned(const std::string& path) {
    return "/v1.41" + path;
}

std::string container_path(const std::string& container, const std::string& rest) {
    return versioned("/containers/" + url_encode(container) + rest);
}

std::string exec_path(const std::string& exec, const std::string& rest) {
    return versioned("/exec/" + url_encode(exec) + rest);
}

/// The slashes of an image name are part of the path here.
std::string image_path(const std::string& image, const std::string& rest) {
    std::string path = "/images/";
    for (const char c : image) path += c == '/' ? std::string(1, c) : url_encode(std::string_view(&c, 1));
    return versioned(path + rest);
}

EngineRequest get(std::string target, milliseconds time_max) {
    EngineRequest request;
    request.target = std::move(target);
    request.time_max = time_max;
    return request;
}

EngineRequest post(std::string target, std::string body, milliseconds time_max) {
    EngineRequest request = get(std::move(target), time_max);
    request.method = "POST";
    request.body = std::move(body);
    return request;
}

json our_labels(const Identity& identity) {
    return json::array(
        {std::string(label::cloud) + "=" + identity.cloud.str(), std::string(label::node) + "=" + identity.node.str()});
}

EngineRequest list_of(const json& labels, milliseconds time_max) {
    const json filters{{"label", labels}};
    return get(versioned("/containers/json?all=1&filters=" + url_encode(filters.dump())), time_max);
}

/// bash where there is one, else sh; both as login shells.
const std::vector<std::string> login_shell{
    "/bin/sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash -l; else exec sh -l; fi"};

const std::string mark_variable = "MINICLOUD_EXEC=";
constexpr const char* hang_up_script =
    "for p in /proc/[0-9]*; do tr '\\0' '\\n' <\"$p/environ\" 2>/dev/null | grep -qx \"$0\" && kill -HUP "
    "\"${p#/proc/}\"; done";

}  // namespace

EngineRequest info() {
    return get(versioned("/info"), bounds::info_call_max);
}

EngineRequest network_inspect(const std::string& network) {
    return get(versioned("/networks/" + url_encode(network)), bounds::inspect_call_max);
}

EngineRequest own_network_create(std::string_view engine) {
    constexpr std::size_t digits = 12;  // a name of an interface has 15 bytes at most
    const json body{{"CheckDuplicate", true},
                    {"Driver", "bridge"},
                    {"Labels", {{label::network, "1"}}},
                    {"Name", own_network},
                    {"Options",
                     {{"com.docker.network.bridge.enable_icc", "false"},
                      {"com.docker.network.bridge.name", "mc-" + to_hex(fingerprint(engine)).substr(0, digits)}}}};
    return post(versioned("/networks/create"), body.dump(), bounds::create_call_max);
}

EngineRequest list(const Identity& identity) {
    return list_of(our_labels(identity), bounds::list_call_max);
}

EngineRequest find(const Identity& identity, VmId vm) {
    json labels = our_labels(identity);
    labels.push_back(std::string(label::vm) + "=" + vm.str());
    return list_of(labels, bounds::find_call_max);
}

EngineRequest events(const Identity& identity, std::int64_t since_unix_seconds) {
    const json filters{{"event", json::array({"die", "destroy", "oom", "pause", "start", "unpause"})},
                       {"label", our_labels(identity)},
                       {"type", json::array({"container"})}};
    EngineRequest request =
        get(versioned("/events?since=" + std::to_string(since_unix_seconds) + "&filters=" + url_encode(filters.dump())),
            0ms);
    request.stream = true;
    return request;
}

EngineRequest image_inspect(const std::string& image) {
    return get(image_path(image, "/json"), bounds::inspect_call_max);
}

EngineRequest image_list() {
    return get(versioned("/images/json"), bounds::image_list_call_max);
}

EngineRequest image_remove(const std::string& image) {
    EngineRequest request = get(image_path(image, ""), bounds::remove_call_max);
    request.method = "DELETE";
    return request;
}

EngineRequest pull(const std::string& image) {
    std::string name = image;
    std::string tag = "latest";  // without a tag the engine would pull every one there is
    if (const auto at = image.find('@'); at != std::string::npos) {
        name = image.substr(0, at);
        tag = image.substr(at + 1);
    } else if (const auto colon = image.rfind(':');
               colon != std::string::npos && image.find('/', colon) == std::string::npos) {
        name = image.substr(0, colon);
        tag = image.substr(colon + 1);
    }
    EngineRequest request =
        post(versioned("/images/create?fromImage=" + url_encode(name) + "&tag=" + url_encode(tag)), "", 0ms);
    request.stream = true;
    request.idle_max = bounds::pull_idle_max;
    return request;
}

EngineRequest create(VmId vm, std::string spec) {
    const std::string name = rule_holds(Rule::name_is_the_vms) ? "?name=" + container_name(vm) : "";
    return post(versioned("/containers/create" + name), std::move(spec), bounds::create_call_max);
}

EngineRequest upload(const std::string& container, std::vector<FileEntry> files) {
    EngineRequest request = get(container_path(container, "/archive?path=%2F"), bounds::upload_call_max);
    request.method = "PUT";
    request.files = std::move(files);
    return request;
}

EngineRequest update(const std::string& container, std::string limits) {
    return post(container_path(container, "/update"), std::move(limits), bounds::update_call_max);
}

EngineRequest start(const std::string& container) {
    return post(container_path(container, "/start"), "", bounds::start_call_max);
}

EngineRequest stop(const std::string& container, std::uint32_t grace_seconds) {
    return post(container_path(container, "/stop?t=" + std::to_string(grace_seconds)), "",
                seconds(grace_seconds) + bounds::stop_call_extra);
}

EngineRequest restart(const std::string& container, std::uint32_t grace_seconds) {
    return post(container_path(container, "/restart?t=" + std::to_string(grace_seconds)), "",
                seconds(grace_seconds) + bounds::stop_call_extra);
}

EngineRequest remove(const std::string& container) {
    EngineRequest request = get(container_path(container, "?force=1&v=1"), bounds::remove_call_max);
    request.method = "DELETE";
    return request;
}

EngineRequest inspect(const std::string& container) {
    return get(container_path(container, "/json"), bounds::inspect_call_max);
}

EngineRequest host_key(const std::string& container) {
    EngineRequest request =
        get(container_path(container, "/archive?path=" + url_encode("/" + host_key_file)), bounds::host_key_call_max);
    request.archive = true;
    return request;
}

EngineRequest last_logs(const std::string& container) {
    return get(container_path(container, "/logs?stdout=1&stderr=1&tail=5"), bounds::logs_call_max);
}

EngineRequest logs(const std::string& container, const protocol::LogsSpec& spec) {
    std::string query = "/logs?stdout=1&stderr=1";
    query += spec.follow ? "&follow=1" : "&follow=0";
    query += "&tail=" + (spec.tail == 0 ? std::string("all") : std::to_string(spec.tail));
    if (spec.since_unix_seconds > 0) query += "&since=" + std::to_string(spec.since_unix_seconds);
    if (spec.timestamps) query += "&timestamps=1";
    EngineRequest request = get(container_path(container, query), 0ms);
    request.stream = true;
    return request;
}

EngineRequest usage(const std::string& container) {
    return get(container_path(container, "/stats?stream=false&one-shot=true"), bounds::usage_call_max);
}

EngineRequest exec_create(const std::string& container, const protocol::ExecSpec& spec, const std::string& mark) {
    auto env = spec.env;
    env.push_back(mark_variable + mark);
    json body{{"AttachStdin", spec.input},
              {"AttachStdout", true},
              {"AttachStderr", true},
              {"Cmd", spec.argv.empty() ? login_shell : spec.argv},
              {"Env", env},
              {"Tty", spec.tty}};
    if (!spec.user.empty()) body["User"] = spec.user;
    if (!spec.workdir.empty()) body["WorkingDir"] = spec.workdir;
    // `replace`: arguments are bytes at the VM's end, but JSON only knows UTF-8.
    return post(container_path(container, "/exec"), body.dump(-1, ' ', false, json::error_handler_t::replace),
                bounds::exec_call_max);
}

EngineRequest hang_up(const std::string& container, const std::string& user, const std::string& mark) {
    // A process may read the environment of its own user's processes only: hence `user`.
    json body{{"Cmd", {"/bin/sh", "-c", hang_up_script, mark_variable + mark}}};
    if (!user.empty()) body["User"] = user;
    return post(container_path(container, "/exec"), body.dump(), bounds::exec_call_max);
}

EngineRequest exec_start_detached(const std::string& exec) {
    const json body{{"Detach", true}, {"Tty", false}};
    return post(exec_path(exec, "/start"), body.dump(), bounds::exec_call_max);
}

EngineRequest exec_start(const std::string& exec, bool tty) {
    const json body{{"Detach", false}, {"Tty", tty}};
    return post(exec_path(exec, "/start"), body.dump(), bounds::exec_call_max);
}

EngineRequest exec_resize(const std::string& exec, const protocol::Resize& size) {
    return post(exec_path(exec, "/resize?h=" + std::to_string(size.rows) + "&w=" + std::to_string(size.columns)), "",
                bounds::exec_call_max);
}

EngineRequest exec_inspect(const std::string& exec) {
    return get(exec_path(exec, "/json"), bounds::inspect_call_max);
}

}  // namespace mc::worker::engine

#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "worker/core/container_spec.hpp"
#include "worker/core/effects.hpp"

namespace mc::worker {

/// A Docker engine as a table: answers requests from what was done to it before.
/// `intercept` comes first and lets a test make it fail, lie or hang.
class FakeEngine {
public:
    struct Container {
        std::string id;
        std::string name;
        nlohmann::json spec;
        std::string state = "created";
        std::string listed_state;  ///< when the list says something else than an inspect
        int exit_code = 0;
        bool oom = false;
        int port = 0;
        int starts = 0;
        nlohmann::json limits;              ///< as they were changed to
        std::string host_name;              ///< as it was given one from outside
        std::int64_t created = 1795476000;  ///< in seconds since 1970
        std::string started_at = "2026-11-23T23:31:08.576661479Z";
        std::vector<FileEntry> files;
        std::uint64_t cpu_ns = 0;
        std::uint64_t rx_bytes = 0;
    };
    /// nullopt from `answer`: the call hangs.
    using Answer = std::optional<CallResult>;
    using Intercept = std::function<std::optional<Answer>(const EngineRequest&)>;

    static constexpr const char* icc = "com.docker.network.bridge.enable_icc";

    Intercept intercept;
    std::map<std::string, Container> containers;  ///< by name
    std::map<std::string, nlohmann::json> images{
        {"minicloud/vm:latest",
         {{"Id", "sha256:1"},
          {"Config",
           {{"ExposedPorts", {{"22/tcp", nlohmann::json::object()}}},
            {"Labels", {{label::vm_image, "1"}, {label::sets_up, "1"}}}}}}},
        {"plain:1", {{"Config", {{"ExposedPorts", nullptr}, {"Labels", nullptr}}}}}};
    std::string host_key = "ssh-ed25519 AAAAkey root@x";
    std::string pull_stream = R"({"errorDetail":{"message":"no registry here"},"error":"no registry here"})"
                              "\n";
    bool pull_brings_image = false;
    bool exits_at_start = false;
    std::string logs;
    std::string root_dir = "/var/lib/docker";
    /// Its networks but "bridge", and whether each keeps its containers apart.
    std::map<std::string, bool> networks;
    bool bridge_isolates = true;
    nlohmann::json exec_state{{"Running", false}, {"ExitCode", 0}};
    int next_port = 40000;
    std::int64_t unix_ms = 0;      ///< its clock
    std::vector<std::string> log;  ///< "METHOD target" of every request, without the version

    static CallResult reply(int status, const nlohmann::json& body = nullptr) {
        EngineResponse response;
        response.status = status;
        if (!body.is_null()) response.body = body.dump();
        return response;
    }
    static CallResult error(int status, const std::string& message) { return reply(status, {{"message", message}}); }

    Answer answer(const EngineRequest& request) {
        const std::string target = request.target.substr(std::string("/v1.41").size());
        log.push_back(request.method + " " + target);
        if (intercept) {
            if (auto answer = intercept(request)) return *answer;
        }
        const std::string path = target.substr(0, target.find('?'));
        if (path == "/info") {
            return reply(200, {{"ServerVersion", "20.10"},
                               {"NCPU", 2},
                               {"MemTotal", 8ULL << 30},
                               {"LiveRestoreEnabled", true},
                               {"DockerRootDir", root_dir}});
        }
        if (path == "/containers/json") return list();
        if (path == "/events") return std::nullopt;
        if (path.starts_with("/networks/")) return network(request, path.substr(10));
        if (path == "/images/create") return pull(target);
        if (path == "/images/json") return image_list();
        if (path.starts_with("/images/") && request.method == "DELETE") return remove_image(path.substr(8));
        if (path.starts_with("/images/")) return image(path.substr(8, path.size() - 8 - 5));
        if (path == "/containers/create") return create(target, request);
        if (path.starts_with("/containers/")) return container_call(request, path.substr(12));
        if (path.starts_with("/exec/")) return reply(200, exec_state);
        return error(404, "page not found");
    }

    [[nodiscard]] int count(const std::string& begins) const {
        int n = 0;
        for (const auto& line : log) n += line.starts_with(begins) ? 1 : 0;
        return n;
    }

    /// Of requests with `part` somewhere in their target.
    [[nodiscard]] int count_with(const std::string& part) const {
        int n = 0;
        for (const auto& line : log) n += line.find(part) != std::string::npos ? 1 : 0;
        return n;
    }

    /// As a person does it behind minicloud's back.
    void rename(const std::string& from, const std::string& to) {
        auto node = containers.extract(from);
        node.key() = node.mapped().name = to;
        containers.insert(std::move(node));
    }

private:
    Container* find(const std::string& key) {
        for (auto& [name, container] : containers) {
            if (name == key || container.id == key) return &container;
        }
        return nullptr;
    }
    Answer list() {
        auto all = nlohmann::json::array();
        for (const auto& [name, c] : containers) {
            nlohmann::json entry{
                {"Id", c.id},
                {"Image", c.spec.at("Image")},
                {"Labels", c.spec.at("Labels")},
                {"State", c.listed_state.empty() ? c.state : c.listed_state},
                {"Created", c.created},
                {"Status", c.state == "exited" ? "Exited (" + std::to_string(c.exit_code) + ") 1 s ago" : "Up"},
                {"Ports", nlohmann::json::array()}};
            if (c.port != 0 && c.state == "running") {
                entry["Ports"].push_back({{"PrivatePort", 22}, {"PublicPort", c.port}, {"Type", "tcp"}});
            }
            all.push_back(entry);
        }
        return reply(200, all);
    }
    Answer network(const EngineRequest& request, const std::string& name) {
        if (request.method == "POST") {
            const auto body = nlohmann::json::parse(request.body);
            if (!networks.emplace(body.at("Name"), body.at("Options").at(icc) == "false").second) {
                return error(409, "network with name minicloud already exists");
            }
            return reply(201, {{"Id", "n1"}});
        }
        const auto found = networks.find(name);
        if (name != "bridge" && found == networks.end()) return error(404, "network " + name + " not found");
        const bool isolates = name == "bridge" ? bridge_isolates : found->second;
        return reply(200, {{"Name", name},
                           {"Labels", {{"minicloud.network", "1"}}},
                           {"Options", {{icc, isolates ? "false" : "true"}}}});
    }
    static std::string plain_image(std::string name) {
        for (auto at = name.find("%3A"); at != std::string::npos; at = name.find("%3A")) name.replace(at, 3, ":");
        return name;
    }
    Answer image_list() {
        auto all = nlohmann::json::array();
        for (const auto& [name, image] : images) {
            all.push_back({{"Id", "sha256:" + name}, {"RepoTags", {name}}, {"Size", 1000}, {"Created", 1795476000}});
        }
        return reply(200, all);
    }
    Answer remove_image(const std::string& name) {
        const std::string plain = plain_image(name);
        if (!images.contains(plain)) return error(404, "No such image: " + plain);
        for (const auto& [container, c] : containers) {
            if (c.spec.at("Image") == plain) return error(409, "conflict: container " + c.id + " is using it");
        }
        images.erase(plain);
        return reply(200, nlohmann::json::array());
    }
    Answer image(const std::string& name) {
        const std::string plain = plain_image(name);
        const auto found = images.find(plain);
        return found == images.end() ? error(404, "No such image: " + plain) : reply(200, found->second);
    }
    Answer pull(const std::string& target) {
        if (pull_brings_image && target.find("fromImage=far") != std::string::npos) images["far:2"] = images["plain:1"];
        return reply(200);
    }
    Answer create(const std::string& target, const EngineRequest& request) {
        const std::string name = target.substr(target.find("name=") + 5);
        if (containers.contains(name)) return error(409, "Conflict. The container name is already in use");
        Container c;
        c.name = name;
        c.id = "id-" + name;
        c.spec = nlohmann::json::parse(request.body);
        if (!images.contains(c.spec.at("Image").get<std::string>())) return error(404, "No such image");
        containers[name] = c;
        return reply(201, {{"Id", c.id}});
    }
    Answer container_call(const EngineRequest& request, const std::string& rest) {
        const auto slash = rest.find('/');
        const std::string key = rest.substr(0, slash);
        const std::string verb = slash == std::string::npos ? "" : rest.substr(slash + 1);
        Container* c = find(key);
        if (!c) return error(404, "No such container: " + key);
        if (request.method == "DELETE") {
            containers.erase(c->name);
            return reply(204);
        }
        if (verb == "json") return inspect(*c);
        if (verb == "update") {
            c->limits = nlohmann::json::parse(request.body);
            return reply(200, {{"Warnings", nullptr}});
        }
        if (verb == "start") return start(*c);
        if (verb == "stop" || verb == "restart") {
            if (verb == "stop" && c->state != "running") return reply(304);
            c->state = "exited";
            c->exit_code = 0;
            if (verb == "restart") return start(*c);
            return reply(204);
        }
        if (verb == "archive" && request.method == "PUT") {
            for (const auto& file : request.files) c->files.push_back(file);
            return reply(200);
        }
        if (verb == "archive") {
            EngineResponse response;
            response.status = host_key.empty() ? 404 : 200;
            if (!host_key.empty()) {
                response.files.push_back(
                    {.path = "ssh_host_ed25519_key.pub", .mode = 0644, .directory = false, .content = host_key + "\n"});
            }
            return response;
        }
        if (verb == "logs") {
            EngineResponse response;
            response.status = 200;
            response.body = logs;
            return response;
        }
        if (verb == "stats") return stats(*c);
        if (verb == "exec") return reply(201, {{"Id", "exec1"}});
        return error(404, "page not found");
    }
    Answer start(Container& c) {
        if (c.state == "running") return reply(304);
        c.state = exits_at_start ? "exited" : "running";
        c.exit_code = exits_at_start ? 78 : 0;
        ++c.starts;
        if (c.spec.at("HostConfig").contains("PortBindings")) c.port = next_port++;
        return reply(204);
    }
    [[nodiscard]] Answer stats(const Container& c) const {
        if (c.state != "running") return reply(200, {{"read", "0001-01-01T00:00:00Z"}});
        const std::time_t seconds = unix_ms / 1000;
        std::array<char, 32> text{};
        std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", std::gmtime(&seconds));
        const std::string ms = std::to_string(1000 + unix_ms % 1000).substr(1);
        return reply(200, {{"read", std::string(text.data()) + "." + ms + "Z"},
                           {"cpu_stats", {{"cpu_usage", {{"total_usage", c.cpu_ns}}}}},
                           {"memory_stats", {{"usage", 5 << 20}, {"stats", {{"inactive_file", 1 << 20}}}}},
                           {"networks", {{"eth0", {{"rx_bytes", c.rx_bytes}, {"tx_bytes", 7}}}}}});
    }
    [[nodiscard]] Answer inspect(const Container& c) const {
        const auto image = images.find(c.spec.at("Image").get<std::string>());
        nlohmann::json body{{"Id", c.id},
                            {"Image", image == images.end() ? "" : image->second.value("Id", "")},
                            {"Config",
                             {{"Image", c.spec.at("Image")},
                              {"Hostname", c.spec.value("Hostname", "")},
                              {"Labels", c.spec.at("Labels")},
                              {"ExposedPorts", c.spec.value("ExposedPorts", nlohmann::json::object())}}},
                            {"State",
                             {{"Status", c.state},
                              {"Pid", c.state == "running" ? 4000 + c.starts : 0},
                              {"ExitCode", c.exit_code},
                              {"OOMKilled", c.oom},
                              {"Dead", c.state == "dead"},
                              {"Error", ""},
                              {"StartedAt", c.started_at}}},
                            {"NetworkSettings", {{"Ports", nlohmann::json::object()}}}};
        if (c.port != 0 && c.state == "running") {
            body["NetworkSettings"]["Ports"]["22/tcp"] = {
                {{"HostIp", "0.0.0.0"}, {"HostPort", std::to_string(c.port)}}};
        }
        return reply(200, body);
    }
};

}  // namespace mc::worker

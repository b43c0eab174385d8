#include "sim/engine_text.hpp"

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

namespace mc::sim {
namespace {

const char* word_of(ContainerState state) {
    switch (state) {
        case ContainerState::created:
            return "created";
        case ContainerState::running:
            return "running";
        case ContainerState::exited:
            return "exited";
        case ContainerState::removing:
            return "removing";
        case ContainerState::dead:
            return "dead";
    }
    return "?";
}

std::string time_text(std::int64_t unix_ms) {
    if (unix_ms == 0) return "0001-01-01T00:00:00Z";
    const std::time_t seconds = unix_ms / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[96];
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(unix_ms % 1000));
    return text;
}

std::string image_id(const std::string& image) {
    return image == "minicloud/vm:latest" ? "sha256:1" : "sha256:2";
}

std::string labels_text(const Container& container) {
    std::string text = "{";
    for (const auto& [key, value] : container.labels) {
        if (text.size() > 1) text += ",";
        text += "\"" + key + "\":\"" + value + "\"";
    }
    return text + "}";
}

}  // namespace

std::string url_decoded(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            out.push_back(static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16)));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

std::string value_of(const std::string& query, const std::string& name) {
    std::size_t begin = 0;
    while (begin < query.size()) {
        auto end = query.find('&', begin);
        if (end == std::string::npos) end = query.size();
        if (query.compare(begin, name.size() + 1, name + "=") == 0) {
            return url_decoded(query.substr(begin + name.size() + 1, end - begin - name.size() - 1));
        }
        begin = end + 1;
    }
    return {};
}

std::vector<std::pair<std::string, std::string>> label_filter(const std::string& query) {
    std::vector<std::pair<std::string, std::string>> wanted;
    const auto filters = nlohmann::json::parse(value_of(query, "filters"));
    for (const std::string pair : filters.at("label")) {
        const auto equals = pair.find('=');
        wanted.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    return wanted;
}

worker::EngineResponse trouble(int status, const std::string& message) {
    return {status, R"({"message":")" + message + R"("})", {}};
}

worker::EngineResponse image_text(const std::string& image) {
    if (image == "minicloud/vm:latest") {
        return {
            200,
            R"({"Id":"sha256:1","Config":{"ExposedPorts":{"22/tcp":{}},"Labels":{"io.minicloud.vm":"1","io.minicloud.setup":"1"}}})",
            {}};
    }
    return {200, R"({"Id":"sha256:2","Config":{"Labels":null}})", {}};
}

std::string list_entry(const Container& container) {
    std::string text = R"({"Id":")" + container.id + R"(","Names":["/)" + container.name + R"("],"Image":")" +
                       container.image + R"(","Labels":)" + labels_text(container) + R"(,"Created":)" +
                       std::to_string(container.created_unix_ms / 1000) + R"(,"State":")" + word_of(container.state) +
                       R"(","Status":")";
    text += container.state == ContainerState::exited
                ? "Exited (" + std::to_string(container.exit_code) + ") 3 seconds ago"
                : std::string("Up 3 seconds");
    text += R"(","Ports":[)";
    if (container.port != 0) {
        text +=
            R"({"IP":"0.0.0.0","PrivatePort":22,"PublicPort":)" + std::to_string(container.port) + R"(,"Type":"tcp"})";
    }
    return text + "]}";
}

std::string inspect_text(const Container& container) {
    const bool running = container.state == ContainerState::running;
    std::string text = R"({"Id":")" + container.id + R"(","Name":"/)" + container.name + R"(","State":{"Status":")" +
                       word_of(container.state) + R"(","Running":)" + (running ? "true" : "false") + R"(,"Dead":)" +
                       (container.state == ContainerState::dead ? "true" : "false") +
                       R"(,"OOMKilled":false,"Error":"","ExitCode":)" + std::to_string(container.exit_code) +
                       R"(,"StartedAt":")" + time_text(container.started_unix_ms) + R"(","Pid":)" +
                       std::to_string(running ? container.pid : 0) + R"(},"Image":")" + image_id(container.image) +
                       R"(","Config":{"Hostname":")" + container.host_name + R"(","Image":")" + container.image +
                       R"(","Labels":)" + labels_text(container);
    if (container.exposes_ssh) text += R"(,"ExposedPorts":{"22/tcp":{}})";
    text += R"(},"NetworkSettings":{"Ports":{)";
    if (container.exposes_ssh) {
        text += R"("22/tcp":)";
        text += container.port == 0
                    ? std::string("null")
                    : R"([{"HostIp":"0.0.0.0","HostPort":")" + std::to_string(container.port) + R"("}])";
    }
    return text + "}}}";
}

std::string usage_text(const Container& container, std::int64_t unix_ms) {
    if (container.state != ContainerState::running) return R"({"read":"0001-01-01T00:00:00Z"})";
    const std::int64_t cpu_ns = (unix_ms - container.started_unix_ms) * (usage_cpu_milli * 1000);
    return R"({"read":")" + time_text(unix_ms) + R"(","cpu_stats":{"cpu_usage":{"total_usage":)" +
           std::to_string(cpu_ns) + R"(}},"memory_stats":{"usage":)" + std::to_string(usage_memory_bytes + 1024) +
           R"(,"stats":{"inactive_file":1024}}})";
}

std::string attach_frame(const std::string& text) {
    std::string frame(8, '\0');
    frame[0] = 1;
    for (int i = 0; i < 4; ++i)
        frame[static_cast<std::size_t>(7 - i)] = static_cast<char>((text.size() >> (8 * i)) & 0xFF);
    return frame + text;
}

}  // namespace mc::sim

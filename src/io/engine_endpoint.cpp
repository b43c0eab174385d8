#include "io/engine_endpoint.hpp"

#include <charconv>
#include <filesystem>
#include <vector>

#include "io/files.hpp"

namespace mc::io {
namespace {

constexpr std::uint16_t port_default = 2375;  // Docker's for plain tcp

tl::unexpected<Error> bad(std::string_view text, const std::string& why) {
    return fail(ErrorCode::invalid_argument, "\"" + std::string(text) + "\" is not a usable Docker endpoint: " + why +
                                                 "; write unix:///PATH or tcp://HOST:PORT");
}

Result<EngineEndpoint> parse_host(std::string_view whole, std::string_view rest) {
    while (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
    if (rest.find_first_of("/?#@ \t\r\n") != std::string_view::npos)
        return bad(whole, "only host and port may stand there");
    EngineEndpoint endpoint;
    endpoint.port = port_default;
    std::string_view port;
    if (!rest.empty() && rest.front() == '[') {
        const std::size_t close = rest.find(']');
        if (close == std::string_view::npos) return bad(whole, "the ] of the address is missing");
        endpoint.host = std::string(rest.substr(1, close - 1));
        port = rest.substr(close + 1);
    } else {
        const std::size_t colon = rest.find(':');
        endpoint.host = std::string(rest.substr(0, colon));
        if (colon != std::string_view::npos) port = rest.substr(colon);
    }
    if (endpoint.host.empty()) return bad(whole, "the host is missing");
    if (port.empty()) return endpoint;
    const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), endpoint.port);
    if (port.front() != ':' || error != std::errc() || end != port.data() + port.size() || endpoint.port == 0) {
        return bad(whole, "the port is not a number from 1 to 65535");
    }
    return endpoint;
}

}  // namespace

std::string EngineEndpoint::str() const {
    if (is_unix()) return "unix://" + path;
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return "tcp://" + (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<EngineEndpoint> EngineEndpoint::parse(std::string_view text) {
    const auto after = [&](std::string_view prefix) { return text.substr(prefix.size()); };
    if (text.starts_with("unix://") || text.starts_with("/")) {
        EngineEndpoint endpoint;
        endpoint.path = std::string(text.starts_with("/") ? text : after("unix://"));
        if (endpoint.path.empty() || endpoint.path.front() != '/')
            return bad(text, "the socket's path must begin with /");
        constexpr std::size_t sun_path_bytes_max = 107;
        if (endpoint.path.size() > sun_path_bytes_max) return bad(text, "the kernel takes at most 107 bytes of path");
        return endpoint;
    }
    if (text.starts_with("tcp://")) return parse_host(text, after("tcp://"));
    if (text.starts_with("http://")) return parse_host(text, after("http://"));
    if (text.starts_with("https://"))
        return bad(text, "TLS to the engine is not supported; run mcworker on its machine");
    if (text.starts_with("ssh://")) return bad(text, "ssh is not supported; run mcworker on the engine's machine");
    return bad(text, "it has no known scheme");
}

Result<EngineEndpoint> EngineEndpoint::choose(std::string_view configured, const Environment& environment) {
    if (!configured.empty()) return parse(configured);
    if (const auto given = environment("DOCKER_HOST")) return parse(*given);
    std::vector<std::filesystem::path> places{"/var/run/docker.sock"};
    if (const auto home = home_dir(environment); !home.empty()) {
        places.push_back(home / ".docker" / "desktop" / "docker.sock");
        places.push_back(home / ".docker" / "run" / "docker.sock");
    }
    if (const auto runtime = environment("XDG_RUNTIME_DIR")) {
        places.push_back(std::filesystem::path(*runtime) / "docker.sock");
    }
    for (const auto& place : places) {
        std::error_code error;
        if (std::filesystem::is_socket(place, error)) return parse(place.string());
    }
    return parse(places.front().string());
}

}  // namespace mc::io

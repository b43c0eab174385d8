#include "cli/core/endpoints.hpp"

#include "cli/core/quantities.hpp"
#include "protocol/limits.hpp"

namespace mc::cli {
namespace {

constexpr std::string_view tcp = "tcp://";

/// "host" of "tcp://host:port"; "" when it is not that.
std::string_view host_of(std::string_view endpoint) {
    if (!endpoint.starts_with(tcp)) return {};
    endpoint.remove_prefix(tcp.size());
    return endpoint.substr(0, endpoint.rfind(':'));
}

bool is_wildcard(std::string_view host) {
    return host == "*" || host == "0.0.0.0" || host == "[::]";
}

/// tcp://HOST:PORT with nothing left open.
bool is_address(std::string_view endpoint) {
    const auto host = host_of(endpoint);
    if (host.empty() || is_wildcard(host) || endpoint.size() > limits::endpoint_bytes_max) return false;
    const auto port = endpoint.substr(tcp.size() + host.size());
    return port.size() > 1 && parse_count(port.substr(1), 1, 65535).has_value();
}

}  // namespace

bool is_loopback(std::string_view endpoint) {
    const auto host = host_of(endpoint);
    return host.starts_with("127.") || host == "localhost" || host == "[::1]" || endpoint.starts_with("ipc://");
}

Result<std::string> token_endpoint(std::string_view given, std::string_view bound, std::string_view broker) {
    if (!given.empty()) {
        std::string endpoint(given);
        if (endpoint.find("://") == std::string::npos) endpoint.insert(0, tcp);
        if (is_address(endpoint)) return endpoint;
        return fail(ErrorCode::invalid_argument,
                    "--endpoint: \"" + endpoint + "\" is not where a broker is reached: write it as tcp://HOST:PORT");
    }
    if (!bound.starts_with(tcp)) {
        return fail(ErrorCode::wrong_state,
                    "this broker takes clients at " + std::string(bound) +
                        " only, which nobody reaches from another machine, and where nobody needs a key; start it with "
                        "--clients tcp://HOST:7710");
    }
    if (is_wildcard(host_of(bound)) && is_loopback(broker)) {
        return fail(ErrorCode::wrong_state,
                    "this broker takes clients at every address of its machine: say with --endpoint tcp://HOST:PORT at "
                    "which those who join reach it");
    }
    return events_endpoint(bound, broker);
}

std::string events_endpoint(std::string_view bound, std::string_view broker) {
    const auto host = host_of(bound);
    if (!is_wildcard(host)) return std::string(bound);
    const auto port = bound.substr(tcp.size() + host.size());
    const auto reached = host_of(broker);
    return std::string(tcp) + std::string(reached.empty() ? "127.0.0.1" : reached) + std::string(port);
}

}  // namespace mc::cli

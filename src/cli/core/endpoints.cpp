#include "cli/core/endpoints.hpp"

#include "cli/core/quantities.hpp"
#include "protocol/endpoints.hpp"
#include "protocol/limits.hpp"

namespace mc::cli {
namespace {

using protocol::host_of;
using protocol::is_wildcard_host;

constexpr std::string_view tcp = "tcp://";

/// tcp://HOST:PORT with nothing left open.
bool is_address(std::string_view endpoint) {
    const auto host = host_of(endpoint);
    if (host.empty() || is_wildcard_host(host) || endpoint.size() > limits::endpoint_bytes_max) return false;
    const auto port = endpoint.substr(tcp.size() + host.size());
    return port.size() > 1 && parse_count(port.substr(1), 1, 65535).has_value();
}

}  // namespace

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
    if (is_wildcard_host(host_of(bound)) && protocol::is_local_endpoint(broker)) {
        return fail(ErrorCode::wrong_state,
                    "this broker takes clients at every address of its machine: say with --endpoint tcp://HOST:PORT at "
                    "which those who join reach it");
    }
    return protocol::reached_endpoint(bound, broker);
}

}  // namespace mc::cli

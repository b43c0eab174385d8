#include "protocol/endpoints.hpp"

namespace mc::protocol {
namespace {

constexpr std::string_view tcp = "tcp://";

}  // namespace

std::string_view host_of(std::string_view endpoint) {
    if (!endpoint.starts_with(tcp)) return {};
    endpoint.remove_prefix(tcp.size());
    return endpoint.substr(0, endpoint.rfind(':'));
}

bool is_wildcard_host(std::string_view host) {
    return host == "*" || host == "0.0.0.0" || host == "[::]";
}

std::string reached_endpoint(std::string_view bound, std::string_view broker) {
    const auto host = host_of(bound);
    if (!is_wildcard_host(host)) return std::string(bound);
    const auto port = bound.substr(tcp.size() + host.size());
    const auto reached = host_of(broker);
    return std::string(tcp) + std::string(reached.empty() ? "127.0.0.1" : reached) + std::string(port);
}

bool is_loopback_endpoint(std::string_view endpoint) {
    const auto host = host_of(endpoint);
    const bool numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
    return host == "localhost" || host == "[::1]" || (numeric && host.starts_with("127."));
}

Result<void> check_keyless(std::string_view endpoint, std::string_view join_command) {
    if (!endpoint.starts_with("tcp://") || is_loopback_endpoint(endpoint)) return {};
    return fail(ErrorCode::not_authorised,
                "there is no key for " + std::string(endpoint) +
                    ", and without one only ipc:// and loopback are spoken to: ask an admin for a "
                    "token (mccli token create), then: " +
                    std::string(join_command));
}

}  // namespace mc::protocol

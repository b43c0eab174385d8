#include "protocol/endpoints.hpp"

namespace mc::protocol {
namespace {

constexpr std::string_view tcp = "tcp://";
constexpr std::string_view ipc = "ipc://";

/// 127.0.0.0/8, written out. What is shorter or longer may be a name to a resolver, and lead anywhere.
bool is_loopback_ipv4(std::string_view host) {
    constexpr std::size_t parts = 4;
    constexpr std::size_t digits_max = 3;
    if (!host.starts_with("127.")) return false;
    std::size_t seen = 0;
    while (true) {
        const auto part = host.substr(0, host.find('.'));
        if (part.empty() || part.size() > digits_max) return false;
        int value = 0;
        for (const char c : part) {
            if (c < '0' || c > '9') return false;
            value = value * 10 + (c - '0');
        }
        if (value > 255 || ++seen > parts) return false;
        if (part.size() == host.size()) return seen == parts;
        host.remove_prefix(part.size() + 1);
    }
}

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

std::string_view bare_host(std::string_view host) {
    return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

bool is_loopback_host(std::string_view host) {
    host = bare_host(host);
    return host == "localhost" || host == "::1" || is_loopback_ipv4(host);
}

bool is_loopback_endpoint(std::string_view endpoint) {
    return is_loopback_host(host_of(endpoint));
}

bool is_local_endpoint(std::string_view endpoint) {
    return endpoint.starts_with(ipc) || is_loopback_endpoint(endpoint);
}

Result<void> check_keyless(std::string_view endpoint, std::string_view join_command) {
    // What is no endpoint at all is refused as that, by who connects to it.
    if (is_local_endpoint(endpoint) || endpoint.find("://") == std::string_view::npos) return {};
    return fail(ErrorCode::not_authorised,
                "there is no key for " + std::string(endpoint) +
                    ", and without one only ipc:// and loopback are spoken to: ask an admin for a "
                    "token (mccli token create), then: " +
                    std::string(join_command));
}

}  // namespace mc::protocol

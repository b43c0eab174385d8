#include "cli/core/endpoints.hpp"

namespace mc::cli {
namespace {

constexpr std::string_view tcp = "tcp://";

/// "host" of "tcp://host:port"; "" when it is not that.
std::string_view host_of(std::string_view endpoint) {
    if (!endpoint.starts_with(tcp)) return {};
    endpoint.remove_prefix(tcp.size());
    return endpoint.substr(0, endpoint.rfind(':'));
}

}  // namespace

std::string events_endpoint(std::string_view bound, std::string_view broker) {
    const auto host = host_of(bound);
    if (host != "*" && host != "0.0.0.0" && host != "[::]") return std::string(bound);
    const auto port = bound.substr(tcp.size() + host.size());
    const auto reached = host_of(broker);
    return std::string(tcp) + std::string(reached.empty() ? "127.0.0.1" : reached) + std::string(port);
}

}  // namespace mc::cli

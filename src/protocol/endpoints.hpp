#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mc::protocol {

/// Where to connect to: `bound` as the broker says it bound one of its sockets,
/// with a wildcard host ("*", "0.0.0.0", "[::]") replaced by the host in `broker`,
/// the endpoint that the broker was reached at (loopback when that has none).
[[nodiscard]] std::string reached_endpoint(std::string_view bound, std::string_view broker);

/// "host" of "tcp://host:port"; "" when it is not that. IPv6 addresses are in brackets.
[[nodiscard]] std::string_view host_of(std::string_view endpoint);

/// "*", "0.0.0.0" or "[::]": every address of a machine.
[[nodiscard]] bool is_wildcard_host(std::string_view host);

/// Whether a tcp endpoint is on an address of the machine that others can't reach: 127.*, ::1, localhost.
[[nodiscard]] bool is_loopback_endpoint(std::string_view endpoint);

/// Whether a peer may be spoken to, and listened to, there without keys: ipc:// and loopback.
/// Error: not_authorised, with how to get a key by `join_command`.
[[nodiscard]] Result<void> check_keyless(std::string_view endpoint, std::string_view join_command);

}  // namespace mc::protocol

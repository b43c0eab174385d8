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

/// An IPv6 address without the brackets that it has in an endpoint; anything else as it is.
[[nodiscard]] std::string_view bare_host(std::string_view host);

/// Whether that is an address of the machine that others can't reach: 127.x.x.x in full, ::1 (with or without
/// brackets), or the name localhost. Another name is not, whatever it begins with: where it leads others decide.
[[nodiscard]] bool is_loopback_host(std::string_view host);
/// Whether a tcp endpoint is on such an address.
[[nodiscard]] bool is_loopback_endpoint(std::string_view endpoint);
/// Whether only this machine's users reach it: ipc:// or loopback.
[[nodiscard]] bool is_local_endpoint(std::string_view endpoint);

/// Whether a peer may be spoken to, and listened to, there without keys: ipc:// and loopback.
/// Error: not_authorised, with how to get a key by `join_command`.
[[nodiscard]] Result<void> check_keyless(std::string_view endpoint, std::string_view join_command);

}  // namespace mc::protocol

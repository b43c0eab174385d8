#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

/// What a machine knows about itself, for defaults. Called at the start only:
/// looking up a name may take seconds.
namespace mc::worker {

/// This machine's address on the way to the endpoint's host; nothing is sent.
/// Errors: io_failed (the name is unknown, or there is no way to it).
[[nodiscard]] Result<std::string> own_address_towards(std::string_view endpoint);

/// Whether `host` is a numeric address, IPv4 or IPv6, that this machine has on one of its interfaces now.
[[nodiscard]] bool is_own_address(const std::string& host);

/// The machine's name as a node name: lower case, up to the first dot, what is
/// not allowed as '-'; "node" when nothing is left.
[[nodiscard]] std::string node_name_from(std::string_view host_name);
[[nodiscard]] std::string own_host_name();

}  // namespace mc::worker

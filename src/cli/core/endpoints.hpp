#pragma once

#include <string>
#include <string_view>

namespace mc::cli {

/// Where to subscribe: `bound` as the broker says it bound its events channel,
/// with a wildcard host ("*", "0.0.0.0", "[::]") replaced by the host in `broker`,
/// the endpoint that the broker was reached at (loopback when that has none).
[[nodiscard]] std::string events_endpoint(std::string_view bound, std::string_view broker);

}  // namespace mc::cli

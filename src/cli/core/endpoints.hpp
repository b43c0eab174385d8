#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mc::cli {

/// Where to subscribe: `bound` as the broker says it bound its events channel,
/// with a wildcard host ("*", "0.0.0.0", "[::]") replaced by the host in `broker`,
/// the endpoint that the broker was reached at (loopback when that has none).
[[nodiscard]] std::string events_endpoint(std::string_view bound, std::string_view broker);

/// The address that goes into a token: where those who join reach the broker. `given`: what a person said, "" =
/// nothing; `bound` and `broker` as above. Errors: invalid_argument (given: no tcp://HOST:PORT), wrong_state (it can't
/// be known, or nobody can join there), each with what to do.
[[nodiscard]] Result<std::string> token_endpoint(std::string_view given, std::string_view bound,
                                                 std::string_view broker);

/// Whether only programs on the broker's own machine reach it there.
[[nodiscard]] bool is_loopback(std::string_view endpoint);

}  // namespace mc::cli

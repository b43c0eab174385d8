#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace mc::cli {

/// The address that goes into a token: where those who join reach the broker. `given`: what a person said, "" =
/// nothing; `bound` and `broker` as for protocol::reached_endpoint. Errors: invalid_argument (given: no
/// tcp://HOST:PORT), wrong_state (it can't be known, or nobody can join there), each with what to do.
[[nodiscard]] Result<std::string> token_endpoint(std::string_view given, std::string_view bound,
                                                 std::string_view broker);

}  // namespace mc::cli

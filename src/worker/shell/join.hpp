#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace mc::worker {

/// Has a new key of this worker admitted with a token, and keeps how the broker is reached in the state directory
/// (connection_file). Repeated after any failure it uses the same key, so that the token is not used up by it.
///
/// Waits for the broker, at most join_time_max. Returns a sentence for the person.
/// Errors: invalid_argument (no token, or one that is not for a worker), broker_unreachable, and what the broker
/// refuses.
[[nodiscard]] Result<std::string> join(const std::string& token, const std::string& node,
                                       const std::filesystem::path& state_dir);

}  // namespace mc::worker

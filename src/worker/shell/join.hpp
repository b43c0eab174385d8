#pragma once

#include <string>

#include "base/result.hpp"
#include "worker/shell/worker_options.hpp"

namespace mc::worker {

/// Has a new key of this worker admitted with a token, and keeps how the broker is reached in the state directory
/// (connection_file). Repeated after any failure it uses the same key, so that the token is not used up by it.
///
/// Waits for the broker, at most join_time_max. Returns sentences for the person.
/// Errors: invalid_argument (no token, or one that is not for a worker), already_exists (it has joined, and `replace`
/// was not asked for), busy (a worker or another join is at work there), and as io::join.
[[nodiscard]] Result<std::string> join(const WorkerOptions& options);

}  // namespace mc::worker

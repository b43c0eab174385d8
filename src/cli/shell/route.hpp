#pragma once

#include "base/result.hpp"
#include "cli/core/commands.hpp"
#include "cli/shell/connection.hpp"

namespace mc::cli {

/// Which broker is meant, and which keys are for it: --context, else a context with the endpoint that --broker says
/// (the current one before others), else (without --broker) the current context. The context `none`, or nothing of
/// these: plaintext, to --broker or the usual place. Errors: not_found (no such context); as io::read_connection, of
/// the context that is used, or with --broker of the current one.
[[nodiscard]] Result<Route> find_route(const CommonOptions& options);

}  // namespace mc::cli

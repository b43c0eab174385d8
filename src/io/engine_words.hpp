#pragma once

#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "io/engine_endpoint.hpp"

/// The sentences about an engine that can't be talked to. For io/ alone.
namespace mc::io {

/// No connection. engine_unreachable.
[[nodiscard]] inline tl::unexpected<Error> engine_not_answering(const EngineEndpoint& endpoint,
                                                                const std::string& reason) {
    const bool forbidden = reason.find("ermission denied") != std::string::npos;
    return fail(ErrorCode::engine_unreachable,
                "the Docker engine at " + endpoint.str() + " does not answer: " + reason +
                    (forbidden ? "; add this user to the group that owns the socket (usually docker), or run as root"
                               : "; is dockerd running?"));
}

/// The connection was there and is gone. engine_unreachable.
[[nodiscard]] inline tl::unexpected<Error> engine_broke(const EngineEndpoint& endpoint, const std::string& reason) {
    return fail(ErrorCode::engine_unreachable, "the connection to the Docker engine at " + endpoint.str() +
                                                   " broke: " + reason + "; is dockerd running?");
}

/// deadline_exceeded. `what` is e.g. "POST /v1.41/containers/create".
[[nodiscard]] inline tl::unexpected<Error> engine_too_late(const EngineEndpoint& endpoint, const std::string& what,
                                                           milliseconds limit) {
    return fail(ErrorCode::deadline_exceeded, "the Docker engine at " + endpoint.str() + " did not finish " + what +
                                                  " within " + std::to_string(limit.count()) +
                                                  " ms; it may be overloaded or stuck (see its log)");
}

}  // namespace mc::io

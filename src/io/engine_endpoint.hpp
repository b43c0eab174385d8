#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "io/environment.hpp"

namespace mc::io {

/// Where a Docker engine listens.
struct EngineEndpoint {
    std::string path{};  ///< of a unix socket; empty for tcp
    std::string host{};  ///< tcp: a name or an address (IPv6 without brackets)
    std::uint16_t port = 0;

    bool operator==(const EngineEndpoint&) const = default;

    [[nodiscard]] bool is_unix() const { return !path.empty(); }
    /// unix:///run/docker.sock or tcp://host:2375.
    [[nodiscard]] std::string str() const;

    /// unix:///PATH, /PATH, tcp://HOST[:PORT] or http://HOST[:PORT] (port 2375 when missing).
    /// Errors: invalid_argument (also for https and ssh: not supported, the sentence says what to do).
    [[nodiscard]] static Result<EngineEndpoint> parse(std::string_view text);

    /// `configured` when not empty, else $DOCKER_HOST, else the first socket that
    /// exists of /var/run/docker.sock, ~/.docker/desktop/docker.sock,
    /// ~/.docker/run/docker.sock, $XDG_RUNTIME_DIR/docker.sock; else the first of these.
    /// Errors: as parse.
    [[nodiscard]] static Result<EngineEndpoint> choose(std::string_view configured,
                                                       const Environment& environment = process_environment());
};

}  // namespace mc::io

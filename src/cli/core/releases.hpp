#pragma once

#include "base/result.hpp"
#include "protocol/client_bodies.hpp"

/// What a broker of an older release does not know, and would say nothing about. Pure.
namespace mc::cli {

/// Whether a broker that says `hello` knows set-up scripts: one that doesn't makes the VMs without. They came with the
/// verb `images`. Error: unknown_verb.
[[nodiscard]] Result<void> check_knows_setup(const protocol::HelloReply& hello);

}  // namespace mc::cli

#pragma once

#include "swarm/settings.hpp"

/// What the swarm can do; each prints one line of JSON.
namespace mc::bench {

/// Questions of question=images|relay|list|bare by `clients` clients of `workers` workers, `window` of each at once.
void run_dispatch(Settings settings);

}  // namespace mc::bench

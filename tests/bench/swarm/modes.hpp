#pragma once

#include "swarm/settings.hpp"

/// What the swarm can do; each prints one line of JSON.
namespace mc::bench {

/// Questions of question=images|relay|list|bare by `clients` clients of `workers` workers, `window` of each at once.
void run_dispatch(Settings settings);

/// Creates of `count` VMs by `clients` clients: `window` of each at once, or `rate` of all per second; on `nodes`
/// nodes.
void run_durable(Settings settings);

/// What the broker uses while nothing happens, a page of a list, and a list of all.
void run_scale(Settings settings);

/// `vms` VMs on `nodes` nodes, which the broker's store has already, until this is ended. Prints "ready", before the
/// broker need be there.
void run_nodes(Settings settings);

}  // namespace mc::bench

#pragma once

#include "swarm/settings.hpp"

/// What the swarm can do; each prints one line of JSON.
namespace mc::bench {

/// Questions of question=images|relay|list|bare by `clients` clients of `workers` workers, `window` of each at once.
void run_dispatch(Settings settings);

/// Creates of `count` VMs by `clients` clients: `window` of each at once, or `rate` of all per second; on `nodes`
/// nodes.
void run_durable(Settings settings);

/// `vms` VMs on `nodes` nodes that the broker's store has already: how fast they are there, what the broker uses while
/// nothing happens, a page of a list and a list of all.
void run_scale(Settings settings);

/// Some nodes, until it is ended: one process may not have descriptors enough for all. Prints "ready".
void run_nodes(Settings settings);

}  // namespace mc::bench

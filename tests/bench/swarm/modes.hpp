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

/// `watchers` watchers of everything, `per_key` with each key. Prints "ready" when each of them has heard the broker;
/// then counts, for `seconds`, what is published meanwhile, and how late it comes.
void run_watchers(Settings settings);

/// VMs that are created, and deleted when some others were, evenly, by `clients` clients: `events` events per second,
/// until this is ended. Prints "ready" when as many VMs live as from then on.
void run_churn(Settings settings);

/// `rate` lists per second of one client, for `seconds`: how long each takes.
void run_lists(Settings settings);

}  // namespace mc::bench

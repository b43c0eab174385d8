#pragma once

#include <cstddef>
#include <string>

#include "base/public_key.hpp"
#include "base/time.hpp"
#include "protocol/key_bodies.hpp"
#include "protocol/limits.hpp"

namespace mc::broker {

/// Where a broker is served, as bound: a wildcard host stands for the one that it was reached at.
struct Endpoints {
    std::string clients = defaults::clients_endpoint;
    std::string workers = defaults::workers_endpoint;
    std::string events = defaults::events_endpoint;
};

/// What an operator may set, and the bounds of the broker's own tables. The
/// protocol's bounds are in protocol/limits.hpp.
struct BrokerConfig {
    Endpoints endpoints{};  ///< told to clients
    PublicKey key{};        ///< the broker's own, told to clients; zeros = it asks nobody for a key

    /// From the nodes, about: of more than so many each sends less than one a second.
    std::uint32_t heartbeats_per_second_max = 2'000;
    seconds placement_wait_max{10};           ///< a create waits this long for a first ready node, e.g. after a restart
    seconds lost_after{600};                  ///< a node silent this long is lost: what may be replaced is
    seconds job_resend_interval{2};           ///< an order that its worker has not acknowledged is sent again
    seconds job_ask_again_interval{15};       ///< an order that was acknowledged, and whose outcome has not come
    seconds cleanup_grace{60};                ///< a VM that stopped by itself is removed after this
    seconds orphan_grace{60};                 ///< a container nobody knows is removed after this
    seconds progress_event_interval{1};       ///< at most one vm.progress event per VM in this time
    protocol::Quota quota{};                  ///< of users whose token says nothing; 0 = no limit
    std::chrono::hours outcomes_kept{24};     ///< how long a request's outcome is remembered
    std::chrono::hours tombstones_kept{168};  ///< longer than any partition that is tolerated

    std::size_t events_kept_max = 100'000;
    std::size_t results_max = 100'000;            ///< items of requests, remembered and under way; over it: busy
    std::size_t requests_per_client_max = 1'000;  ///< that one connection waits for; over it: busy
    std::size_t audit_kept_max = 50'000;
    std::size_t peers_max = 10'000;  ///< connections per socket whose key is remembered
    std::size_t vms_max = 1'000'000;
    std::size_t inventories_awaited_max = 256;  ///< of nodes that have registered; over it: the next ones wait
    std::size_t streams_max = 10'000;
    std::size_t streams_per_client_max = 256;
    std::size_t streams_per_owner_max = 1'000;  ///< of one who is no admin
};

/// Of `results_max`: an owner who is no admin has this part at most, and the last such part is the admins' alone, so
/// that nobody else can keep them from taking his key back.
inline constexpr std::size_t results_part = 10;

}  // namespace mc::broker

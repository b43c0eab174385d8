#include "broker/shell/broker_options.hpp"

#include <chrono>

namespace mc::broker {

BrokerOptions::BrokerOptions() {
    const BrokerConfig usual;
    cleanup_grace = usual.cleanup_grace;
    orphan_grace = usual.orphan_grace;
    placement_wait = usual.placement_wait_max;
    lost_after = usual.lost_after;
    requests_kept = static_cast<std::uint32_t>(usual.results_max);
    events_kept = static_cast<std::uint32_t>(usual.events_kept_max);
}

void BrokerOptions::declare(io::Options& options) {
    options.group("Endpoints");
    options.add("clients", "ENDPOINT", clients, "where mccli connects to (ROUTER)");
    options.add("workers", "ENDPOINT", workers, "where mcworker connects to (ROUTER)");
    options.add("events", "ENDPOINT", events, "where events are published (PUB)");
    options.add_flag("plaintext", plaintext,
                     "no keys and no encryption: everybody on this machine is an admin; for loopback endpoints only");
    options.group("State");
    options.add("state-dir", "DIR", state_dir, "what the broker remembers; one broker per directory",
                {.short_name = 0, .env_aliases = {}, .default_shown = "$XDG_STATE_HOME/minicloud/broker"});
    options.add("events-kept", "N", events_kept, "how many of the newest events can be replayed", {}, 1, 10'000'000);
    options.add("requests-kept", "N", requests_kept,
                "how many results of requests are remembered, one for each VM that was asked about, each for 24 hours; "
                "over it, and over a tenth of it for one user, new requests are refused as busy",
                {}, 10'000, 10'000'000);
    options.group("Cleanup and placement");
    options.add("cleanup-grace", "TIME", cleanup_grace, "remove a VM that stopped by itself after this");
    options.add("orphan-grace", "TIME", orphan_grace,
                "remove a container of this cloud that no VM accounts for after this");
    options.add("placement-wait", "TIME", placement_wait, "how long a create waits for a first ready node");
    options.add("lost-after", "TIME", lost_after,
                "a node silent this long is lost: its VMs with --on-lost replace are made anew elsewhere");
    options.group("Quotas of users whose token has none (0 = no limit)");
    options.add("quota-vms", "N", quota_vms, "VMs that one user may have");
    options.add("quota-cpus", "N", quota_cpus, "cores of all VMs of one user");
    options.add("quota-memory-mib", "N", quota_memory_mib, "memory of all VMs of one user, in MiB");
    options.add("quota-ttl", "TIME", quota_ttl, "the longest time to live of a user's VM; who asks for none gets this");
    options.group("Log");
    options.add("log-level", "LEVEL", log_level, "trace, debug, info, warn, error or off");
}

Result<BrokerConfig> BrokerOptions::config() const {
    BrokerConfig config;
    config.endpoints = {clients, workers, events};
    config.cleanup_grace = std::chrono::ceil<seconds>(cleanup_grace);
    config.orphan_grace = std::chrono::ceil<seconds>(orphan_grace);
    config.placement_wait_max = std::chrono::ceil<seconds>(placement_wait);
    config.lost_after = std::chrono::ceil<seconds>(lost_after);
    config.events_kept_max = events_kept;
    config.results_max = requests_kept;
    config.quota = {quota_vms, std::uint64_t{quota_cpus} * 1000, std::uint64_t{quota_memory_mib} << 20,
                    static_cast<std::uint64_t>(std::chrono::ceil<seconds>(quota_ttl).count())};
    return config;
}

io::Options broker_command(BrokerOptions& target) {
    io::Options options("mcbroker", "mcbroker [options]",
                        "Hands the requests of mccli to the workers of this cloud and publishes what happens.");
    target.declare(options);
    options.epilog(
        "Without options it serves this machine alone. tcp endpoints are encrypted, and ask everybody for a key. The "
        "first\n"
        "start makes one for mccli; others join with a token: mccli token create.\n\n"
        "Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 usage.");
    return options;
}

}  // namespace mc::broker

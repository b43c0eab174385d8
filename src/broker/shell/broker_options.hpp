#pragma once

#include <string>

#include "base/result.hpp"
#include "broker/core/config.hpp"
#include "io/log.hpp"
#include "io/options.hpp"

namespace mc::broker {

/// What mcbroker is told: command line, MC_… environment or ini file.
struct BrokerOptions {
    std::string clients = defaults::clients_endpoint;
    std::string workers = defaults::workers_endpoint;
    std::string events = defaults::events_endpoint;
    bool plaintext = false;  ///< no keys and no encryption; on this machine alone
    std::string state_dir;   ///< "" = the usual place
    milliseconds cleanup_grace;
    milliseconds orphan_grace;
    milliseconds placement_wait;
    milliseconds lost_after;
    std::uint32_t events_kept = 0;
    std::uint32_t requests_kept = 0;
    std::uint32_t quota_vms = 100;
    std::uint32_t quota_cpus = 0;
    std::uint32_t quota_memory_mib = 0;
    milliseconds quota_ttl{0};
    std::string log_level = "info";

    BrokerOptions();

    /// Declares them all; they must outlive `options`.
    void declare(io::Options& options);

    /// Errors: usage.
    [[nodiscard]] Result<BrokerConfig> config() const;
};

/// Name, usage and summary of mcbroker, with every option declared.
[[nodiscard]] io::Options broker_command(BrokerOptions& target);

}  // namespace mc::broker

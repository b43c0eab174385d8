#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/core/command_line.hpp"

/// What a person's own OpenSSH is told, so that ssh, scp, rsync and editors know VMs by host names. Pure.
namespace mc::cli {

/// Host names are NAME.DOMAIN, and NAME.OWNER.DOMAIN for OWNER/NAME: a VM's name has no dot in it.
inline constexpr std::string_view ssh_domain_default = "mc";

struct SshConfig {
    std::string domain;
    std::vector<std::string> mccli;  ///< the program's path, and the options that say which cloud
    std::vector<std::string> identities;
    std::string user;                ///< whom to log in as
    std::vector<std::string> hosts;  ///< as of ssh_host(), that are there now: for what offers hosts to choose from
};

[[nodiscard]] std::string ssh_host(std::string_view target, std::string_view domain);
/// The other way round. Errors: invalid_argument (`host` is not below `domain`).
[[nodiscard]] Result<std::string> target_of_host(std::string_view host, std::string_view domain);
/// What --domain says. Errors: usage (not made of letters, digits, dots and hyphens).
[[nodiscard]] Result<std::string> read_domain(const Settings& settings);
/// The VM that the operand means: a host name when --domain is given. Errors: usage, invalid_argument.
[[nodiscard]] Result<std::string> read_host(const Settings& settings, std::span<const std::string> operands);

/// A whole ssh_config file. VMs that come later are in it too: address and host key are asked for when they are needed.
[[nodiscard]] std::string ssh_config_text(const SshConfig& config);

/// `content` of a person's ssh_config with the file `path` included first, so that nothing before it decides; unchanged
/// when that is so already.
[[nodiscard]] std::string with_include(std::string_view content, std::string_view path);

/// A line of a known_hosts file. Errors: invalid_argument (what would break the file).
[[nodiscard]] Result<std::string> known_hosts_line(std::string_view host, std::string_view host_key);

}  // namespace mc::cli

#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/core/commands.hpp"
#include "protocol/vm.hpp"

/// Verified SSH into throw-away boxes: the pinned host key and the ssh client's arguments.
namespace mc::cli {

inline constexpr std::size_t known_hosts_lines_max = 2000;

/// How long the OpenSSH client waits for a VM's address to accept, and for its sshd to greet and agree on keys. A VM
/// that is said to run has answered there before: the rest is the way to it.
inline constexpr std::chrono::seconds ssh_connect_timeout{20};

/// What `mccli ssh` is about to do.
enum class SshWay {
    client,  ///< the OpenSSH client
    exec,    ///< a shell through exec: the image has no sshd
};

/// `name`: what the VM was asked for by, which is what to type again: its mere name may be that of another's. Errors,
/// each with what to do: wrong_state (not running), ssh_not_answering (host key not yet known).
[[nodiscard]] Result<SshWay> choose_ssh_way(const protocol::VmView& vm, const std::string& name);

/// `content` of a known_hosts file with exactly one line for `alias`: the pinned
/// `host_key` ("ssh-ed25519 AAAA…"). Every other line stays as it is, in its place,
/// except that of more than known_hosts_lines_max the first ones are dropped: VMs
/// come and go, and what is needed again is pinned again.
/// Errors: invalid_argument (alias or key has what would break the file).
[[nodiscard]] Result<std::string> pin_host_key(std::string_view content, std::string_view alias,
                                               std::string_view host_key);

/// What an OpenSSH client is told of the way to a VM.
struct SshLink {
    protocol::VmView vm;
    std::string known_hosts;
    std::string program;  ///< mccli's own path: for the routes that need it
};

/// The arguments of the OpenSSH clients, argv[0] included. The host key is checked
/// against `known_hosts` alone, under the VM's id, and never otherwise.
[[nodiscard]] std::vector<std::string> ssh_arguments(const SshLink& link, const SshCommand& command);
/// `aes`: this machine's processor has instructions for AES, with which it is the faster cipher (ADR 42).
[[nodiscard]] std::vector<std::string> scp_arguments(const SshLink& link, const CopyCommand& command, bool aes);
[[nodiscard]] std::vector<std::string> forward_arguments(const SshLink& link, const ForwardCommand& command);

}  // namespace mc::cli

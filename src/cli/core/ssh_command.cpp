#include "cli/core/ssh_command.hpp"

#include <algorithm>

#include "cli/core/ssh_quoting.hpp"
#include "protocol/validate.hpp"

namespace mc::cli {
namespace {

/// What OpenSSH offers by default, in another order. Clients before 8.0 know no "^" for that.
constexpr const char* ciphers_aes_first =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr";

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

/// How the VM is reached, as whom, and how its host key is checked.
std::vector<std::string> link_options(const SshLink& link, const SshLogin& login) {
    const protocol::VmView& vm = link.vm;
    std::vector<std::string> out{
        "-o", "UserKnownHostsFile=" + ssh_option_path(link.known_hosts), "-o", "GlobalKnownHostsFile=/dev/null", "-o",
        "StrictHostKeyChecking=yes", "-o", "HostKeyAlias=" + vm.id.str(),
        // A port is used again by another VM: the address must not decide anything.
        "-o", "CheckHostIP=no", "-o", "ConnectTimeout=" + std::to_string(ssh_connect_timeout.count()), "-o",
        "Port=" + std::to_string(vm.ssh_port)};
    for (const auto& file : login.identities) append(out, {"-i", file});
    const std::string user = !login.user.empty() ? login.user : vm.username.empty() ? defaults::username : vm.username;
    append(out, {"-o", "User=" + user});
    if (login.route == SshRoute::direct) return out;
    const bool automatic = login.route == SshRoute::automatic;
    append(out,
           {"-o",
            "ProxyCommand=" + ssh_proxy_word(link.program) + " proxy " + (automatic ? "--fdpass " : "") + vm.id.str(),
            "-o", std::string("ProxyUseFdpass=") + (automatic ? "yes" : "no")});
    return out;
}

}  // namespace

Result<SshWay> choose_ssh_way(const protocol::VmView& vm, const std::string& name) {
    using protocol::VmState;
    switch (vm.state) {
        case VmState::running:
            break;
        case VmState::stopped:
            return fail(ErrorCode::wrong_state, name + " is stopped; start it with: mccli start " + name);
        case VmState::pending:
        case VmState::creating:
            return fail(ErrorCode::wrong_state, name + " is not ready yet (" + std::string(name_of(vm.state)) +
                                                    "); follow it with: mccli watch");
        case VmState::unknown:
            return fail(ErrorCode::wrong_state, name + " is on " + vm.node + ", which is silent; see: mccli nodes");
        case VmState::failed:
            return fail(ErrorCode::wrong_state, name + " failed" + (vm.reason.empty() ? "" : ": " + vm.reason) +
                                                    "; delete it with: mccli delete " + name);
        case VmState::deleting:
        case VmState::deleted:
            return fail(ErrorCode::wrong_state, name + " is being deleted");
    }
    if (vm.ssh_port == 0) return SshWay::exec;
    if (vm.host_key.empty()) {
        return fail(ErrorCode::ssh_not_answering,
                    "the SSH host key of " + name +
                        " is not known yet; try again in a few seconds, or use: mccli exec " + name + " -- sh");
    }
    return SshWay::client;
}

Result<std::string> pin_host_key(std::string_view content, std::string_view alias, std::string_view host_key) {
    if (auto checked = protocol::check_public_key(host_key); !checked) return fail(checked.error());
    const auto fits = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-'; };
    if (alias.empty() || !std::all_of(alias.begin(), alias.end(), fits)) {
        return fail(ErrorCode::invalid_argument, "the VM's id can't stand in a known_hosts file");
    }
    const std::string pinned = std::string(alias) + " " + std::string(host_key) + "\n";
    std::string out;
    bool placed = false;
    while (!content.empty()) {
        const auto end = content.find('\n');
        const auto line = content.substr(0, end);
        content = end == std::string_view::npos ? std::string_view{} : content.substr(end + 1);
        if (line.substr(0, line.find(' ')) != alias) {
            out += std::string(line) + "\n";
        } else if (!placed) {
            out += pinned;
            placed = true;
        }
    }
    if (!placed) out += pinned;
    auto lines = static_cast<std::size_t>(std::count(out.begin(), out.end(), '\n'));
    // The pinned line itself may be the first one: then it goes to the end.
    if (lines > known_hosts_lines_max && out.starts_with(pinned)) out = out.substr(pinned.size()) + pinned;
    for (; lines > known_hosts_lines_max; --lines) out.erase(0, out.find('\n') + 1);
    return out;
}

std::vector<std::string> ssh_arguments(const SshLink& link, const SshCommand& command) {
    std::vector<std::string> out{"ssh"};
    append(out, link_options(link, command.login));
    if (command.tty) out.emplace_back("-t");
    append(out, {"--", link.vm.ssh_host});
    append(out, command.command);
    return out;
}

std::vector<std::string> scp_arguments(const SshLink& link, const CopyCommand& command, bool aes) {
    std::vector<std::string> out{"scp"};
    append(out, link_options(link, command.login));
    if (aes) append(out, {"-o", std::string("Ciphers=") + ciphers_aes_first});
    if (command.recursive) out.emplace_back("-r");
    if (command.preserve) out.emplace_back("-p");
    // A name that is no address: scp would have to find an IPv6 one's end.
    append(out, {"-o", "HostName=" + link.vm.ssh_host, "--"});
    const std::string there = link.vm.id.str() + ":";
    for (const auto& source : command.sources) out.push_back(command.to_vm ? source : there + source);
    out.push_back(command.to_vm ? there + command.destination : command.destination);
    return out;
}

std::vector<std::string> forward_arguments(const SshLink& link, const ForwardCommand& command) {
    std::vector<std::string> out{"ssh"};
    append(out, link_options(link, command.login));
    // A port that can't be had is a failure, not a remark.
    append(out, {"-N", "-T", "-o", "ExitOnForwardFailure=yes"});
    const bool six = command.address.find(':') != std::string::npos;
    const std::string address = six ? "[" + command.address + "]" : command.address;
    for (const auto& forward : command.forwards) {
        append(out,
               {"-L", address + ":" + std::to_string(forward.here) + ":localhost:" + std::to_string(forward.there)});
    }
    append(out, {"--", link.vm.ssh_host});
    return out;
}

}  // namespace mc::cli

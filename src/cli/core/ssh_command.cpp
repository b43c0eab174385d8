#include "cli/core/ssh_command.hpp"

#include <algorithm>

#include "protocol/validate.hpp"

namespace mc::cli {
namespace {

/// A path as a value of an OpenSSH -o option: quoted, `%` doubled, since ssh expands both.
std::string option_path(std::string_view path) {
    std::string out = "\"";
    for (const char c : path) {
        if (c == '"' || c == '\\') out.push_back('\\');
        if (c == '%') out.push_back('%');
        out.push_back(c);
    }
    return out + "\"";
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

std::vector<std::string> ssh_arguments(const protocol::VmView& vm, const SshCommand& command,
                                       const std::string& known_hosts, const std::vector<std::string>& identities) {
    std::vector<std::string> out{
        "ssh", "-o", "UserKnownHostsFile=" + option_path(known_hosts), "-o", "GlobalKnownHostsFile=/dev/null", "-o",
        "StrictHostKeyChecking=yes", "-o", "HostKeyAlias=" + vm.id.str(),
        // A port is used again by another VM: the address must not decide anything.
        "-o", "CheckHostIP=no", "-o", "ConnectTimeout=" + std::to_string(ssh_connect_timeout.count()), "-p",
        std::to_string(vm.ssh_port)};
    for (const auto& file : identities) out.insert(out.end(), {"-i", file});
    if (command.tty) out.emplace_back("-t");
    const std::string& given = command.user;
    const std::string user = !given.empty() ? given : vm.username.empty() ? defaults::username : vm.username;
    out.insert(out.end(), {"-l", user, "--", vm.ssh_host});
    out.insert(out.end(), command.command.begin(), command.command.end());
    return out;
}

}  // namespace mc::cli

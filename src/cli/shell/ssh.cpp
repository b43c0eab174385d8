#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "cli/core/ssh_command.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/terminal.hpp"
#include "cli/shell/user_keys.hpp"
#include "io/files.hpp"

/// ssh: pin the host key, become the OpenSSH client.
namespace mc::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t known_hosts_bytes_max = 16 * 1024 * 1024;
constexpr int lock_tries_max = 200;
constexpr milliseconds lock_try_interval{10};

/// Several mccli pin at the same time; the one that reads and writes keeps the others out for a moment.
Result<io::LockFile> lock(const fs::path& path) {
    for (int i = 0;; ++i) {
        auto held = io::LockFile::acquire(path);
        if (held || held.error().code != ErrorCode::busy || i == lock_tries_max) return held;
        std::this_thread::sleep_for(lock_try_interval);
    }
}

/// The known_hosts file with the VM's key in it. Errors: io_failed, busy, invalid_argument.
Result<std::string> pinned_known_hosts(App& app, const protocol::VmView& vm) {
    const auto dir = app.state_dir();
    if (!dir) return fail(dir.error());
    const fs::path path = *dir / "known_hosts";
    auto held = lock(*dir / "known_hosts.lock");
    if (!held) return fail(held.error());
    auto content = io::read_file(path, known_hosts_bytes_max);
    if (!content && content.error().code != ErrorCode::not_found) return fail(content.error());
    const std::string before = content ? *content : "";
    const auto after = pin_host_key(before, vm.id.str(), vm.host_key);
    if (!after) return fail(after.error());
    if (*after != before) {
        if (auto written = io::write_file_atomic(path, *after); !written) return fail(written.error());
    }
    return path.string();
}

int become(const App& app, const std::vector<std::string>& arguments) {
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    return app.report(Error{ErrorCode::io_failed, "the ssh client can't be run (" + std::string(std::strerror(errno)) +
                                                      "); install it: apt install openssh-client"});
}

}  // namespace

int run_ssh(App& app) {
    auto command = read_ssh(app.settings(), app.line());
    if (!command) return app.report(command.error());
    const auto info =
        app.ask<protocol::InfoReply>(protocol::Verb::info, protocol::encode(protocol::InfoRequest{command->target}));
    if (!info) return report_about(app, command->target, info.error());
    const auto way = choose_ssh_way(info->vm, command->target);
    if (!way) return app.report(way.error());
    if (*way == SshWay::exec) {
        app.remark(command->target + " has no sshd; opening a shell through exec");
        const bool tty =
            (command->command.empty() || command->tty) && is_terminal(STDIN_FILENO) && is_terminal(STDOUT_FILENO);
        return run_exec_in(app, command->target, command->command, tty);
    }
    const auto known_hosts = pinned_known_hosts(app, info->vm);
    if (!known_hosts) return app.report(known_hosts.error());
    auto identities = command->identities;
    for (auto& key : private_keys(app)) identities.push_back(std::move(key));
    return become(app, ssh_arguments(info->vm, *command, *known_hosts, identities));
}

}  // namespace mc::cli

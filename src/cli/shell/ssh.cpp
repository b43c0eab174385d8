#include <sys/auxv.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include "cli/core/ssh_command.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/terminal.hpp"
#include "cli/shell/user_keys.hpp"
#include "io/files.hpp"

/// ssh, cp and port-forward: pin the host key, become an OpenSSH client.
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
    return app.report(Error{ErrorCode::io_failed, arguments[0] + " can't be run (" + std::strerror(errno) +
                                                      "); install it: apt install openssh-client"});
}

/// What an OpenSSH client is to be told. nullopt: the VM has no sshd. What could not be found out is reported, with the
/// exit code.
tl::expected<std::optional<SshLink>, int> link_to(App& app, SshLogin& login) {
    const auto info =
        app.ask<protocol::InfoReply>(protocol::Verb::info, protocol::encode(protocol::InfoRequest{login.target}));
    if (!info) return tl::unexpected(report_about(app, login.target, info.error()));
    const auto way = choose_ssh_way(info->vm, login.target);
    if (!way) return tl::unexpected(app.report(way.error()));
    if (*way == SshWay::exec) return std::nullopt;
    const auto known_hosts = pinned_known_hosts(app, info->vm);
    if (!known_hosts) return tl::unexpected(app.report(known_hosts.error()));
    for (auto& key : private_keys(app)) login.identities.push_back(std::move(key));
    lend_options(app.options());
    return SshLink{info->vm, *known_hosts, own_program()};
}

/// As link_to, to a VM that has to have an sshd.
tl::expected<SshLink, int> sshd_link_to(App& app, SshLogin& login) {
    auto link = link_to(app, login);
    if (!link) return tl::unexpected(link.error());
    if (*link) return std::move(**link);
    return tl::unexpected(app.report(
        Error{ErrorCode::ssh_not_answering, login.target + " has no sshd, which this needs; its image has none"}));
}

bool has_aes_instructions() {
#if defined(__x86_64__)
    return __builtin_cpu_supports("aes") != 0;
#elif defined(__aarch64__)
    return (::getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
    return false;
#endif
}

}  // namespace

std::string own_program() {
    std::error_code error;
    const auto path = fs::read_symlink("/proc/self/exe", error);
    return error ? "mccli" : path.string();
}

void lend_options(const CommonOptions& options) {
    const auto lend = [](const char* name, const std::string& value) {
        if (!value.empty()) ::setenv(name, value.c_str(), 1);
    };
    lend("MC_BROKER", options.broker);
    lend("MC_CONTEXT", options.context);
    lend("MC_STATE_DIR", options.state_dir);
    lend("MC_PROXY_FDPASS", "no");  // or one that carries bytes would hand over to another, and that one to another
    lend("MC_CONNECT_TIMEOUT", std::to_string(options.connect_timeout.count()) + "ms");
}

int run_ssh(App& app) {
    auto command = read_ssh(app.settings(), app.line());
    if (!command) return app.report(command.error());
    const std::string& target = command->login.target;
    const auto link = link_to(app, command->login);
    if (!link) return link.error();
    if (!*link) {
        app.remark(target + " has no sshd; opening a shell through exec");
        const bool tty =
            (command->command.empty() || command->tty) && is_terminal(STDIN_FILENO) && is_terminal(STDOUT_FILENO);
        return run_exec_in(app, target, command->command, tty);
    }
    return become(app, ssh_arguments(**link, *command));
}

int run_copy(App& app) {
    auto command = read_copy(app.settings(), app.line().operands);
    if (!command) return app.report(command.error());
    const auto link = sshd_link_to(app, command->login);
    return link ? become(app, scp_arguments(*link, *command, has_aes_instructions())) : link.error();
}

int run_forward(App& app) {
    auto command = read_forward(app.settings(), app.line().operands);
    if (!command) return app.report(command.error());
    const auto link = sshd_link_to(app, command->login);
    if (!link) return link.error();
    for (const auto& forward : command->forwards) {
        app.remark(command->address + ":" + std::to_string(forward.here) + " is port " + std::to_string(forward.there) +
                   " of " + command->login.target + "; Ctrl-C ends");
    }
    return become(app, forward_arguments(*link, *command));
}

}  // namespace mc::cli

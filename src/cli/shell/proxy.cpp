#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "cli/core/ssh_command.hpp"
#include "cli/core/ssh_config.hpp"
#include "cli/shell/commands.hpp"
#include "io/connector.hpp"
#include "io/descriptor.hpp"
#include "io/errno_text.hpp"

/// proxy: what OpenSSH runs to get to a VM.
namespace mc::cli {
namespace {

/// How long a VM's own address is waited for before the broker is asked to carry the bytes.
constexpr milliseconds direct_connect_max{1500};

Result<int> connect_to(const protocol::VmView& vm) {
    io::Poller poller;
    std::optional<Result<int>> got;
    const io::Connector connector(poller, {{}, vm.ssh_host, vm.ssh_port}, direct_connect_max,
                                  [&](Result<int> fd) { got = std::move(fd); });
    while (!got) poller.wait(direct_connect_max);
    return *got;
}

/// As ssh's ProxyUseFdpass wants it: one byte with the descriptor, over the socket that is stdout.
Result<void> hand_over(int fd) {
    char byte = 0;
    iovec piece{&byte, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = space.data();
    message.msg_controllen = space.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (::sendmsg(STDOUT_FILENO, &message, MSG_NOSIGNAL) == 1) return {};
    return fail(ErrorCode::io_failed,
                "--fdpass is for ssh's ProxyUseFdpass, which takes a connection over stdout: " + io::errno_text(errno));
}

/// Another mccli that carries the bytes, since this one has to end for ssh to begin.
Result<void> hand_over_tunnel(const App& app, const VmId& vm) {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
        return fail(ErrorCode::io_failed, "no socket can be made: " + io::errno_text(errno));
    }
    const io::Descriptor ours(pair[0]);
    const io::Descriptor its(pair[1]);
    lend_options(app.options());
    std::string program = own_program();
    std::string verb = "proxy";
    std::string target = vm.str();
    std::array<char*, 4> argv{program.data(), verb.data(), target.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, its.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, its.get(), STDOUT_FILENO);
    pid_t child = 0;
    const int error = ::posix_spawnp(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return fail(ErrorCode::io_failed, program + " can't be run: " + io::errno_text(error));
    return hand_over(ours.get());
}

}  // namespace

int run_proxy(App& app) {
    const auto target = read_host(app.settings(), app.line().operands);
    if (!target) return app.report(target.error());
    if (!app.settings().flag("fdpass")) return run_tunnel(app, *target);
    const auto info =
        app.ask<protocol::InfoReply>(protocol::Verb::info, protocol::encode(protocol::InfoRequest{*target}));
    if (!info) return report_about(app, *target, info.error());
    if (const auto way = choose_ssh_way(info->vm, *target); !way) return app.report(way.error());
    const auto direct = connect_to(info->vm);
    const io::Descriptor connection(direct ? *direct : -1);
    const auto handed = direct ? hand_over(connection.get()) : hand_over_tunnel(app, info->vm.id);
    return handed ? 0 : app.report(handed.error());
}

}  // namespace mc::cli

#include "support.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

namespace mc::io::test {
namespace {

int listen_somewhere(std::uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd, 16), 0);
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port = ntohs(address.sin_port);
    return fd;
}

}  // namespace

RouterAndDealer::RouterAndDealer(const SocketOptions& options)
    : router(Socket::router(context, options)), dealer(Socket::dealer(context, options)) {
    EXPECT_TRUE(router.bind("inproc://pair"));
    EXPECT_TRUE(dealer.connect("inproc://pair"));
}

bool run_until(Poller& poller, const std::function<bool()>& done, milliseconds longest) {
    const Instant end = read_clock().instant + longest;
    while (!done()) {
        const Instant now = read_clock().instant;
        if (now >= end) return false;
        poller.wait(end - now);
    }
    return true;
}

Environment environment_of(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        const auto at = variables.find(std::string(name));
        return at == variables.end() ? std::nullopt : std::optional<std::string>(at->second);
    };
}

Server::Server(std::function<void(int)> serve) {
    listen_fd_ = listen_somewhere(port_);
    stop_fd_ = ::eventfd(0, EFD_CLOEXEC);
    thread_ = std::thread([serve = std::move(serve), listening = listen_fd_, stop = stop_fd_] {
        while (true) {
            pollfd wait[2] = {{listening, POLLIN, 0}, {stop, POLLIN, 0}};
            ::poll(wait, 2, -1);
            if (wait[1].revents != 0) return;
            const int fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) continue;
            serve(fd);
            ::close(fd);
        }
    });
}

Server::~Server() {
    ::eventfd_write(stop_fd_, 1);
    thread_.join();
    ::close(stop_fd_);
    ::close(listen_fd_);
}

std::string read_until(int fd, const std::string& end) {
    std::string all;
    char block[4096];
    while (all.find(end) == std::string::npos) {
        const ssize_t got = ::read(fd, block, sizeof block);
        if (got <= 0) break;
        all.append(block, static_cast<std::size_t>(got));
    }
    return all;
}

void write_all(int fd, const std::string& bytes) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const ssize_t sent = ::send(fd, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
        if (sent <= 0) return;
        at += static_cast<std::size_t>(sent);
    }
}

void wait_for_close(int fd) {
    char block[4096];
    while (::read(fd, block, sizeof block) > 0) {
    }
}

std::uint16_t closed_port() {
    std::uint16_t port = 0;
    ::close(listen_somewhere(port));
    return port;
}

}  // namespace mc::io::test

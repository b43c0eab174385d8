#include "io/connections.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>

#include "io/errno_text.hpp"

namespace mc::io {
namespace {

/// The port of this machine that it came to; 0: it is no tcp socket.
std::uint16_t local_port(int descriptor) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
    if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
    return 0;
}

}  // namespace

struct Connections::Impl {
    DIR* descriptors = nullptr;  ///< kept open: when no descriptors are left it is needed most
    ~Impl() {
        if (descriptors != nullptr) closedir(descriptors);
    }
};

Connections::Connections(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connections::~Connections() = default;
Connections::Connections(Connections&&) noexcept = default;
Connections& Connections::operator=(Connections&&) noexcept = default;

Result<Connections> Connections::open() {
    auto impl = std::make_unique<Impl>();
    impl->descriptors = opendir("/proc/self/fd");
    if (impl->descriptors == nullptr) {
        return fail(ErrorCode::io_failed,
                    "can't see this process's own connections in /proc/self/fd: " + errno_text(errno));
    }
    return Connections(std::move(impl));
}

std::vector<OpenConnection> Connections::list(const std::set<std::uint16_t>& ports) const {
    std::vector<OpenConnection> found;
    rewinddir(impl_->descriptors);
    while (const dirent* entry = readdir(impl_->descriptors)) {
        if (entry->d_name[0] == '.') continue;
        const int descriptor = std::atoi(entry->d_name);
        if (!ports.contains(local_port(descriptor))) continue;
        tcp_info info{};
        socklen_t size = sizeof info;
        if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) continue;
        constexpr int listening = 10;  // TCP_LISTEN of the kernel's net/tcp_states.h
        const auto cookie = cookie_of(descriptor);
        if (info.tcpi_state == listening || !cookie) continue;
        found.push_back({descriptor, *cookie, info.tcpi_bytes_received});
    }
    return found;
}

std::optional<std::uint64_t> cookie_of(int descriptor) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) return std::nullopt;
    return cookie;
}

void end_connection(int descriptor, std::uint64_t cookie) {
    if (cookie_of(descriptor) == cookie) static_cast<void>(shutdown(descriptor, SHUT_RDWR));
}

}  // namespace mc::io

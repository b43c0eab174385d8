#include "worker/shell/own_address.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "protocol/endpoints.hpp"
#include "protocol/limits.hpp"

namespace mc::worker {

Result<std::string> own_address_towards(std::string_view endpoint) {
    const std::string host(protocol::bare_host(protocol::host_of(endpoint)));
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    if (const int error = getaddrinfo(host.c_str(), "9", &hints, &found); error != 0) {
        return fail(ErrorCode::io_failed, "can't find the broker's host " + host + ": " + gai_strerror(error));
    }
    std::string own;
    for (const addrinfo* at = found; at != nullptr && own.empty(); at = at->ai_next) {
        const int fd = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0) continue;
        sockaddr_storage local{};
        socklen_t size = sizeof local;
        std::array<char, NI_MAXHOST> text{};
        // Connecting a datagram socket sends nothing; it only chooses the way.
        if (connect(fd, at->ai_addr, at->ai_addrlen) == 0 &&
            getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) == 0 &&
            getnameinfo(reinterpret_cast<sockaddr*>(&local), size, text.data(), text.size(), nullptr, 0,
                        NI_NUMERICHOST) == 0) {
            own = text.data();
        }
        close(fd);
    }
    freeaddrinfo(found);
    if (own.empty())
        return fail(ErrorCode::io_failed, "there is no way from this machine to the broker's host " + host);
    return own;
}

bool is_own_address(const std::string& host) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    if (host == "0.0.0.0" || host == "::" || getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
    // Only an address of its own can be bound.
    const int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool own = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0;
    if (fd >= 0) close(fd);
    freeaddrinfo(found);
    return own;
}

std::string node_name_from(std::string_view host_name) {
    std::string name;
    for (const char c : host_name.substr(0, host_name.find('.'))) {
        if (name.size() >= limits::name_bytes_max) break;
        const bool upper = c >= 'A' && c <= 'Z';
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        const char made = upper ? static_cast<char>(c - 'A' + 'a') : plain ? c : '-';
        if (made != '-' || !name.empty()) name.push_back(made);
    }
    while (!name.empty() && name.back() == '-') name.pop_back();
    return name.empty() ? "node" : name;
}

std::string own_host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace mc::worker

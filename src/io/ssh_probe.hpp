#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "io/poller.hpp"

namespace mc::io {

/// Chosen by the caller; unique among the probes under way.
struct ProbeId {
    std::uint64_t value = 0;
    auto operator<=>(const ProbeId&) const = default;
};

/// A server's key as OpenSSH writes it, "TYPE BASE64", from the bytes it is on the wire, which begin with its type
/// (RFC 4253, 6.6). "" when these are none: whatever a server sends, this is one line of harmless characters.
[[nodiscard]] std::string host_key_line(std::string_view blob);

/// Asks who answers at a TCP port: an SSH key exchange (RFC 4253) up to the host key, whose
/// private half the server proves to hold; then closes, without a login. A connection alone
/// proves nothing: Docker's port proxy accepts before the VM's sshd listens.
///
/// Takes no more than 40 KiB from a server, and does no costly arithmetic at its wish.
/// Single thread, the Poller's; never blocks (names: see io/connector.hpp).
class SshProbe {
public:
    /// The key as OpenSSH writes it, without a comment: "ssh-ed25519 AAAA…"; of another type
    /// where the server has no ed25519 key; "" when it speaks SSH and no algorithm that we know.
    /// Errors: ssh_not_answering (refused, closed, no SSH, time-out, unknown host), retryable.
    using Handler = std::function<void(Result<std::string> host_key)>;

    explicit SshProbe(Poller& poller);
    /// Cancels everything.
    ~SshProbe();
    SshProbe(const SshProbe&) = delete;
    SshProbe& operator=(const SshProbe&) = delete;

    /// Calls `handler` once, from Poller::wait. The handler may start and cancel probes. REQUIRES: `id` is not under
    /// way.
    void start(ProbeId id, const std::string& host, std::uint16_t port, milliseconds timeout, Handler handler);
    /// No further callback; an id that is not under way is nothing.
    void cancel(ProbeId id);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace mc::io

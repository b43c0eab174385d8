#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "io/poller.hpp"

namespace mc::io {

/// Chosen by the caller; unique among the probes under way.
struct ProbeId {
    std::uint64_t value = 0;
    auto operator<=>(const ProbeId&) const = default;
};

/// Asks whether something really answers at a TCP port: connects and reads its
/// first line. A connection alone proves nothing: Docker's port proxy accepts before the VM's sshd listens.
///
/// Single thread, the Poller's; never blocks (names: see io/connector.hpp).
class TcpProbe {
public:
    /// The first line without its end, at most 255 bytes.
    /// Errors: ssh_not_answering (refused, closed without a byte, time-out, unknown host), retryable.
    using Handler = std::function<void(Result<std::string> banner)>;

    explicit TcpProbe(Poller& poller);
    /// Cancels everything.
    ~TcpProbe();
    TcpProbe(const TcpProbe&) = delete;
    TcpProbe& operator=(const TcpProbe&) = delete;

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

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "io/poller.hpp"

namespace mc::io {

/// Where to connect: a unix socket's path, or a host (name or address) and port.
struct ConnectTarget {
    std::string path;
    std::string host;
    std::uint16_t port = 0;
};

/// One connection attempt that never blocks the loop; tries each address of a
/// name in turn, each for its share of the time.
///
/// Addresses and "localhost" are resolved in place. For other names getaddrinfo
/// runs in a helper thread (it has no non-blocking form that honours
/// nsswitch.conf) which reports through an eventfd; at most 8 such threads at once.
/// Single thread, the Poller's.
class Connector {
public:
    /// Called once, from Poller::wait, unless the object is destroyed before. The
    /// descriptor is connected, non-blocking, close-on-exec, sends small pieces at once
    /// (TCP_NODELAY), and is the receiver's to close.
    /// Errors: io_failed with the reason alone, e.g. "Connection refused"; deadline_exceeded.
    using Handler = std::function<void(Result<int> fd)>;

    Connector(Poller& poller, const ConnectTarget& target, milliseconds timeout, Handler handler);
    /// Gives up.
    ~Connector();
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace mc::io

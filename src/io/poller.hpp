#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/time.hpp"
#include "io/zmq.hpp"

namespace mc::io {

struct Interest {
    bool read = true;
    bool write = false;

    bool operator==(const Interest&) const = default;
};

struct Readiness {
    bool readable = false;
    bool writable = false;
    bool failed = false;  ///< raw descriptors: error or hang-up; the next read or write says which
};

/// The one place where a program waits: ZeroMQ sockets, raw descriptors and
/// deadlines, level-triggered (zmq_poll takes both, which avoids the
/// edge-triggered ZMQ_FD: pitfalls 11).
///
/// Single thread. Callbacks may add, modify and remove anything, themselves
/// included: whoever was removed is not called any more in that turn, whoever
/// was added waits for the next. A callback drains what it can in a bounded
/// batch; what it leaves comes back next turn. Sockets and descriptors are not
/// owned: remove them before closing them.
class Poller {
public:
    using Callback = std::function<void(Readiness)>;

    Poller();
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    /// REQUIRES: not added yet; the socket stays where it is until removed.
    void add(Socket& socket, Interest interest, Callback callback);
    /// REQUIRES: added.
    void modify(Socket& socket, Interest interest);
    /// Nothing happens when it was not added.
    void remove(Socket& socket);

    /// With neither read nor write interest a descriptor is left alone, hang-ups included.
    void add_fd(int fd, Interest interest, Callback callback);
    void modify_fd(int fd, Interest interest);
    void remove_fd(int fd);

    using SourceId = std::uint64_t;
    /// Something with deadlines of its own: `next` is asked before every wait
    /// (Instant::never() = none), `due` is called once that moment has come.
    SourceId add_deadlines(std::function<Instant()> next, std::function<void(Instant now)> due);
    void remove_deadlines(SourceId id);

    /// One turn: waits until something is ready, a deadline comes or `max` is
    /// over (0 = only looks), then calls everyone concerned. False when nobody was called.
    /// Returns early at a signal.
    bool wait(milliseconds max);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace mc::io

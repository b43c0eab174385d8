#pragma once

#include <filesystem>
#include <functional>
#include <map>

#include "base/result.hpp"
#include "base/time.hpp"
#include "io/personalise.hpp"
#include "io/poller.hpp"

namespace mc::io {

/// Ends running containers from outside: SIGKILL to the first process, with which the kernel ends all others of its
/// process namespace. The engine sees a container that has exited.
///
/// Single thread, the Poller's; never blocks.
class ContainerEnder {
public:
    /// Errors: deadline_exceeded (the kernel has not ended it in time: something of it waits for a device).
    using Handler = std::function<void(Result<void>)>;

    explicit ContainerEnder(Poller& poller, std::filesystem::path proc = "/proc");
    /// Calls nobody any more.
    ~ContainerEnder();
    ContainerEnder(const ContainerEnder&) = delete;
    ContainerEnder& operator=(const ContainerEnder&) = delete;

    /// Calls `handler` once, from Poller::wait, when nothing of the container runs any more. Errors, after which it is
    /// not called: not_found (no such first process of that container here: it has ended, or the engine is on another
    /// machine), denied (needs root: CAP_KILL), io_failed.
    [[nodiscard]] Result<void> start(const RunningContainer& target, milliseconds timeout, Handler handler);

private:
    struct Ending {
        Instant deadline;
        Handler handler;
    };
    void finish(int process, Result<void> result);

    Poller& poller_;
    std::filesystem::path proc_;
    std::map<int, Ending> endings_;  ///< by the descriptor that stands for the process
    Poller::SourceId deadlines_ = 0;
};

}  // namespace mc::io

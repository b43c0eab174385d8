#pragma once

#include <initializer_list>
#include <memory>
#include <optional>

#include "base/result.hpp"
#include "base/time.hpp"

namespace mc::io {

/// Signals as readable events of the poll loop (signalfd): no handler, no race.
///
/// Blocks them for this thread and for the threads it starts later: make it
/// first thing in main, before a Context. One object per process at a time.
class Signals {
public:
    /// E.g. {SIGINT, SIGTERM, SIGHUP, SIGWINCH}. Errors: io_failed.
    [[nodiscard]] static Result<Signals> block(std::initializer_list<int> numbers);

    /// Unblocks them again.
    ~Signals();
    Signals(Signals&&) noexcept;
    Signals& operator=(Signals&&) noexcept;

    /// Readable when one came; for Poller::add_fd. Owned by this object.
    [[nodiscard]] int fd() const;
    /// The next signal's number; never waits.
    [[nodiscard]] std::optional<int> next();
    /// Puts the mask back as it was. A blocked mask is inherited over exec: call
    /// this in a child before it becomes another program.
    void restore();

private:
    struct Impl;
    explicit Signals(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Ends this process with `code` that long after now, whatever it is stuck in then: a name
/// that resolves slowly or a full pipe must not keep a program that was told to end.
void exit_after(seconds time, int code);

/// For servers: a closed stderr or pipe shall be an error, not death. Inherited over exec.
void ignore_pipe_signal();

}  // namespace mc::io

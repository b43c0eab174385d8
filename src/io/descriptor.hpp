#pragma once

#include <unistd.h>

#include <utility>

namespace mc::io {

/// A file descriptor that is closed on every way out; -1 = none.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() { reset(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    [[nodiscard]] int get() const { return fd_; }
    /// The caller's to close from here on.
    int release() { return std::exchange(fd_, -1); }
    /// Closes now. Returns as close(2).
    int reset() { return fd_ >= 0 ? ::close(std::exchange(fd_, -1)) : 0; }

private:
    int fd_;
};

}  // namespace mc::io

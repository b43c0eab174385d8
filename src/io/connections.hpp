#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/open_connection.hpp"
#include "base/result.hpp"

namespace mc::io {

/// The tcp connections that this process has accepted, libzmq's too: libzmq tells of none which is whose, and can end
/// none.
///
/// Single thread. Costs one descriptor, taken at once, and four system calls for each open one at every list().
class Connections {
public:
    /// Errors: io_failed (/proc is not there, or no descriptors are left).
    [[nodiscard]] static Result<Connections> open();
    ~Connections();
    Connections(Connections&&) noexcept;
    Connections& operator=(Connections&&) noexcept;

    /// Those that came to one of these ports of this machine.
    [[nodiscard]] std::vector<OpenConnection> list(const std::set<std::uint16_t>& ports) const;

private:
    struct Impl;
    explicit Connections(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Of the tcp connection that has this descriptor now; nullopt: none has.
[[nodiscard]] std::optional<std::uint64_t> cookie_of(int descriptor);

/// Ends it, as if the other side had: whoever reads it sees its end. Does nothing once that descriptor is another's.
void end_connection(int descriptor, std::uint64_t cookie);

}  // namespace mc::io

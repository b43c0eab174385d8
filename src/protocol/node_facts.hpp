#pragma once

#include <cstdint>

#include "base/disk_space.hpp"

/// What a worker knows of its engine, besides how it is. docs/protocol.md "NodeStatus".
namespace mc::protocol {

/// Of what may not have been said. Wire numbers.
enum class Fact : std::uint8_t { unknown = 0, no = 1, yes = 2 };

[[nodiscard]] constexpr Fact fact(bool is_so) {
    return is_so ? Fact::yes : Fact::no;
}

struct EngineFacts {
    Fact live_restore = Fact::unknown;  ///< VMs outlive the engine's end
    Fact seccomp = Fact::unknown;       ///< Docker's own seccomp profile is applied
    Fact userns_remap = Fact::unknown;  ///< root in a VM is another user id on the node
    DiskSpace disk;                     ///< where the engine keeps its data, if that is on the worker's machine

    bool operator==(const EngineFacts&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.live_restore, Fact::yes);
        archive(self.seccomp, Fact::yes);
        archive(self.userns_remap, Fact::yes);
        archive(self.disk);
    }
};

}  // namespace mc::protocol

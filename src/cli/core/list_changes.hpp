#pragma once

#include <map>
#include <vector>

#include "base/ids.hpp"
#include "cli/core/text.hpp"
#include "protocol/client_bodies.hpp"

namespace mc::cli {

/// What differs between one listing and the next, for `list --watch`. Pure; single thread.
class ListChanges {
public:
    struct Change {
        protocol::VmView vm;
        bool gone = false;  ///< `vm` is as it was last seen, its state `deleted`
    };

    /// All of the first listing, then of each what is new or changed, in its order, and last what is gone.
    [[nodiscard]] std::vector<Change> on_listing(const std::vector<protocol::VmView>& vms);

private:
    std::map<std::uint64_t, protocol::VmView> known_;
};

/// One line: time, name, state, node, address, reason. `owner`: OWNER/NAME.
[[nodiscard]] std::string text_vm_line(const protocol::VmView& vm, bool owner, WallTime now, const TextStyle& style);

}  // namespace mc::cli

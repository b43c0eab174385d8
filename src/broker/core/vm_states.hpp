#pragma once

#include "protocol/vm.hpp"

namespace mc::broker {

/// Whether a VM may go from `from` to `to`. The table is docs/architecture.md
/// "VM states"; staying where one is is no move and always allowed.
[[nodiscard]] bool may_move(protocol::VmState from, protocol::VmState to);

}  // namespace mc::broker

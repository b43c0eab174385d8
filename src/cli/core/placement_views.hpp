#pragma once

#include "cli/core/output.hpp"
#include "protocol/client_bodies.hpp"

namespace mc::cli {

/// What `create --dry-run` shows. Refers to `placement`.
[[nodiscard]] View view_placement(const protocol::PlacementReply& placement);

/// An item for each VM: as if it had been made, or why it would not be.
[[nodiscard]] std::vector<protocol::ItemResult> items_of(const protocol::PlacementReply& placement);

}  // namespace mc::cli

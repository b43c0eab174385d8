#pragma once

#include <cstddef>
#include <string>

#include "cli/core/json_views.hpp"
#include "cli/core/text.hpp"
#include "cli/core/top.hpp"

namespace mc::cli {

/// A table of nodes and one of VMs, an empty line between; "" = no VM runs.
[[nodiscard]] std::string text_top(const Top& top, const TextStyle& style);
[[nodiscard]] std::string text_top_nodes(const Top& top, const TextStyle& style);
[[nodiscard]] Json json_top(const Top& top);
[[nodiscard]] Json json_top_nodes(const Top& top);

/// What a full screen says besides.
struct TopHead {
    WallTime now;
    std::string order;  ///< what the VMs are ordered by
    std::string note;   ///< what is wrong; "" = nothing
};
/// Lines of one screen, each ended by a line break, never more than `rows`: a head, the nodes (at most a third of the
/// rows, or what the VMs leave), and as many VMs as there is room for; what is left out is counted.
[[nodiscard]] std::string text_screen(const Top& top, const TopHead& head, bool nodes_only, std::size_t rows,
                                      const TextStyle& style);

}  // namespace mc::cli

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mc::cli {

/// The candidate that `word` was probably meant to be: the nearest by edits
/// (insert, drop, replace, swap of neighbours), at most a third of its length
/// away; the first of equals. nullopt when none is near.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

/// The same for VM names, except that names that differ only in their number
/// (vm-3 and vm-1) are different VMs and no slip of the finger.
[[nodiscard]] std::optional<std::string> nearest_vm(std::string_view word, std::span<const std::string> names);

}  // namespace mc::cli

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/rule.hpp"
#include "sim/simulation.hpp"

namespace mc::sim {

/// Does without one rule after the other (or only `which`), until a seed fails, and
/// prints which. 0 when every rule has a seed that fails without it.
int check_mutants(const Options& options, std::uint64_t first, std::uint64_t seeds_max, std::size_t jobs,
                  std::optional<Rule> which);

}  // namespace mc::sim

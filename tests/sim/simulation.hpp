#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/rule.hpp"
#include "sim/checker.hpp"
#include "sim/faults.hpp"

namespace mc::sim {

struct Options {
    std::uint64_t seed = 1;
    milliseconds busy_time{120s};           ///< of work and faults; the calm after it comes on top
    std::uint64_t faults_per_mille = 1000;  ///< how many of the kinds of faults each seed has, at most; 0 = none
    bool verbose = false;
    std::optional<Rule> without;  ///< a rule that the cores do without (base/rule.hpp)
};

struct Outcome {
    std::uint64_t seed = 0;
    std::uint64_t hash = 0;  ///< of the transcript
    FaultCounts faults;
    Checker::Work work;
    milliseconds time{0};  ///< simulated
    milliseconds calm{0};  ///< of that, until everything was in order after the last fault
    std::uint64_t steps = 0;
    std::vector<std::string> violations;
};

/// One whole cloud's life from one seed: work with faults, then calm, then every
/// promise is checked.
[[nodiscard]] Outcome simulate(const Options& options);

}  // namespace mc::sim

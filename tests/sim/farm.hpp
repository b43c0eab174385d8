#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "sim/simulation.hpp"

namespace mc::sim {

/// Seeds to be simulated: `first`, `first` + 1, …, each as `options` say.
struct Work {
    Options options;  ///< its seed is not used
    std::uint64_t first = 1;
    std::uint64_t count = 1;
    bool twice = false;  ///< each seed twice: a violation when the transcripts differ
};

/// Simulates in `jobs` processes, each every jobs-th seed: the cores know no threads.
///
/// `take` is given every outcome in the order of the seeds, whatever `jobs` is, until
/// it returns false; then the processes are ended. A process that dies, e.g. by an
/// assertion, is a violation of the seed that it was at; the others go on.
void simulate_all(const Work& work, std::size_t jobs, const std::function<bool(const Outcome&)>& take);

/// In this process, so that a transcript can be printed.
[[nodiscard]] Outcome simulate_one(const Work& work, std::uint64_t seed);

/// As many processes as there are cores.
[[nodiscard]] std::size_t default_jobs();

}  // namespace mc::sim

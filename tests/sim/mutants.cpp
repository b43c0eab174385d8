#include "sim/mutants.hpp"

#include <cstdio>
#include <string>

#include "sim/farm.hpp"
#include "sim/rules.hpp"

namespace mc::sim {

int check_mutants(const Options& options, std::uint64_t first, std::uint64_t seeds_max, std::size_t jobs,
                  std::optional<Rule> which) {
    int survived = 0;
    std::uint64_t simulated = 0;
    for (const Rule rule : all_rules()) {
        if (which && *which != rule) continue;
        Work work;
        work.options = options;
        work.options.without = rule;
        work.first = first;
        work.count = seeds_max;
        std::optional<Outcome> killed_by;
        simulate_all(work, jobs, [&](const Outcome& outcome) {
            ++simulated;
            if (!outcome.violations.empty()) killed_by = outcome;
            return !killed_by;
        });
        if (!killed_by) ++survived;
        std::printf("%-34s %s\n", std::string(name_of(rule)).c_str(),
                    killed_by
                        ? ("seed " + std::to_string(killed_by->seed) + ": " + killed_by->violations.front()).c_str()
                        : "SURVIVED: nothing fails without it");
    }
    const std::size_t tried = which ? 1 : all_rules().size();
    std::printf("%zu rules, %d survived, %llu seeds\n", tried, survived, static_cast<unsigned long long>(simulated));
    return survived == 0 ? 0 : 1;
}

}  // namespace mc::sim

#include "cli/core/suggest.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace mc::cli {
namespace {

/// Optimal string alignment distance. Words are short: the full matrix is fine.
std::size_t edits(std::string_view a, std::string_view b) {
    const std::size_t width = b.size() + 1;
    std::vector<std::size_t> cost((a.size() + 1) * width);
    for (std::size_t i = 0; i <= a.size(); ++i) cost[i * width] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) cost[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = cost[(i - 1) * width + j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
            std::size_t best = std::min({cost[(i - 1) * width + j] + 1, cost[i * width + j - 1] + 1, replace});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = std::min(best, cost[(i - 2) * width + j - 2] + 1);
            }
            cost[i * width + j] = best;
        }
    }
    return cost.back();
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
    constexpr std::size_t word_bytes_max = 64;  // what a person mistyped is short; the matrix stays small
    if (word.empty() || word.size() > word_bytes_max) return std::nullopt;
    std::size_t best_cost = std::max<std::size_t>(1, word.size() / 3) + 1;
    std::optional<std::string> best;
    for (const auto& candidate : candidates) {
        if (candidate.size() > word_bytes_max) continue;
        const std::size_t cost = edits(word, candidate);
        if (cost < best_cost) {
            best_cost = cost;
            best = candidate;
        }
    }
    return best;
}

std::optional<std::string> nearest_vm(std::string_view word, std::span<const std::string> names) {
    const auto stem = [](std::string_view name) {
        while (!name.empty() && name.back() >= '0' && name.back() <= '9') name.remove_suffix(1);
        return name;
    };
    std::vector<std::string> candidates;
    for (const auto& name : names) {
        const bool numbered = stem(name).size() < name.size() && stem(word).size() < word.size();
        if (!numbered || stem(name) != stem(word)) candidates.push_back(name);
    }
    return nearest(word, candidates);
}

}  // namespace mc::cli

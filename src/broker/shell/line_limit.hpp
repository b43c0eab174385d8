#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/time.hpp"
#include "broker/core/is_due.hpp"

namespace mc::broker {

/// A kind of line for the log of which others decide how often there is cause for it: one in `interval` is told, and
/// says how many were not.
///
/// Pure; single thread.
class LineLimit {
public:
    static constexpr seconds interval{1};

    /// Counts one cause. nullopt: it is not told; `make` is not asked then.
    [[nodiscard]] std::optional<std::string> next(Instant now, const std::function<std::string()>& make) {
        ++causes_;
        if (!is_due(told_, now, interval)) return std::nullopt;
        const std::uint64_t others = std::exchange(causes_, 0) - 1;
        return make() + (others != 0 ? "; and " + std::to_string(others) + " others since the last such line" : "");
    }

private:
    Instant told_;
    std::uint64_t causes_ = 0;  ///< since then
};

}  // namespace mc::broker

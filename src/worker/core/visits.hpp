#pragma once

#include "base/time.hpp"
#include "worker/core/bounds.hpp"

namespace mc::worker {

/// Whether containers can be visited from outside (PersonaliseVm, EndVm), which saves calls of the engine: it needs an
/// engine on this machine, and root. docs/adr/0037.
///
/// Pure; this process's own clock only.
class Visits {
public:
    /// `possible`: as far as can be told beforehand.
    explicit Visits(bool possible) : possible_(possible) {}

    [[nodiscard]] bool possible(Now now) const { return possible_ && now.instant >= not_before_; }
    /// One failed, and the engine could do what it was for: so the container is there, and can't be visited.
    void put_off(Now now) { not_before_ = now.instant + bounds::visit_retry; }

private:
    bool possible_;
    Instant not_before_;
};

}  // namespace mc::worker

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "worker/core/bounds.hpp"
#include "worker/core/effects.hpp"
#include "worker/core/engine_replies.hpp"

namespace mc::worker {

/// Finds our containers of which a killed engine may have left something running that it knows nothing of: it says that
/// they don't run, or has removed them. docs/adr/0021.
///
/// Pure; from lists and this process's own clock only. Invariant: as large as the last list, and what was removed in
/// the bounds::leftover_grace before it.
class Leftovers {
public:
    /// What is known of the engine since the list before.
    enum class Engine { there, unseen, gone };

    /// One complete list of our containers, which the engine was asked for at `asked`. `busy`: whether a job, which may
    /// be starting it, is at that VM. Returns those that have been at rest, or removed, for bounds::leftover_grace
    /// (leftover_grace_max if no end of their engine was seen), or whose start it has refused; each once.
    [[nodiscard]] std::vector<Leftover> on_list(Now now, Instant asked,
                                                const std::vector<engine::ContainerInfo>& listed,
                                                const std::function<bool(VmId)>& busy, Engine engine);

    /// After the list that was asked for at `asked`, and looked_for_unlisted() not yet called since: from when on
    /// nothing of ours that it does not list can be of a start. For once after each time that the engine was away, and
    /// this process's start: what was removed meanwhile nobody here knows of.
    [[nodiscard]] std::optional<Instant> unlisted_since(Now now, Instant asked) const;
    void looked_for_unlisted() { away_.reset(); }
    /// When the engine was there again, until looked_for_unlisted().
    [[nodiscard]] std::optional<Instant> engine_is_back_since() const {
        return away_ ? std::optional(away_->since) : std::nullopt;
    }

    /// A job removed it. What else is no longer listed counts as removed while the engine is there: one that comes back
    /// without it may have been given another data directory.
    void on_removed(Now now, const std::string& container) {
        rests_[container] = {now.instant, now.instant + bounds::leftover_grace, true};
    }

    /// The engine has answered a job, which began at `began`, that it can't start it: so it is at no start of it, and
    /// if it is at rest, what was there before the job is none of what the engine knows. Else a start that is tried
    /// again and again, each time before leftover_grace_max is over, would never find its way free.
    void on_start_refused(Now now, Instant began, const std::string& container) {
        rests_[container] = {began, now.instant};
    }

private:
    struct Rest {
        Instant since = Instant::never();  ///< never(): it may run
        Instant due;                       ///< when what is left of it is ended
        bool removed = false;
        bool told = false;
    };
    std::optional<Rest> away_;                     ///< when the engine was there again
    std::unordered_map<std::string, Rest> rests_;  ///< by the engine's id
};

}  // namespace mc::worker

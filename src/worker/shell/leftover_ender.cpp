#include "worker/shell/leftover_ender.hpp"

#include <algorithm>
#include <string>

#include "io/log.hpp"
#include "worker/core/bounds.hpp"

namespace mc::worker {
void LeftoverEnder::end(Instant now, const std::vector<Leftover>& leftovers) {
    for (auto& shim : io::find_shims()) {
        const auto is_of = [&](const Leftover& one) {
            return one.container == shim.container && shim.age >= one.age_min;
        };
        if (std::none_of(leftovers.begin(), leftovers.end(), is_of)) continue;
        const std::string what = "what a killed engine has left running of the container " + shim.container +
                                 " (process " + std::to_string(shim.pid) + ")";
        if (const auto ended = io::end_shim(shim); !ended) {
            io::log_error("can't end " + what + ": " + ended.error().message +
                          " (docs/operations.md, What a killed engine leaves behind)");
            continue;
        }
        io::log_warn("ended " + what);
        ended_.push_back({std::move(shim), now + bounds::bundle_retry, now + bounds::bundle_kept_max});
    }
}

void LeftoverEnder::on_turn(Instant now) {
    std::erase_if(ended_, [now](Ended& ended) {
        if (now < ended.look_at) return false;
        const auto removed = io::remove_stale_bundle(ended.shim);
        const std::string what = "what containerd keeps of the container: " + ended.shim.bundle.string();
        if (!removed && now < ended.give_up_at) {
            ended.look_at = now + bounds::bundle_retry;
            return false;
        }
        if (!removed) {
            io::log_error("can't remove " + what + ": " + removed.error().message +
                          " (docs/operations.md, What a killed engine leaves behind)");
        }
        if (removed && *removed) io::log_warn("removed " + what);
        return true;
    });
}

}  // namespace mc::worker

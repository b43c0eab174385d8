#include "worker/shell/leftover_ender.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "io/clock.hpp"
#include "io/files.hpp"
#include "io/log.hpp"
#include "worker/core/bounds.hpp"

namespace mc::worker {
namespace {

constexpr std::size_t bundle_bytes_max = std::size_t{1} << 20;

/// Whether the shim's container was made by us, on that engine: as containerd was told (OCI runtime specification).
bool is_ours(const io::Shim& shim, const Unlisted& unlisted) {
    if (!io::has_bundle(shim)) return false;
    const auto text = io::read_file(shim.bundle / "config.json", bundle_bytes_max);
    if (!text) return false;
    const auto config = nlohmann::json::parse(*text, nullptr, false);
    const auto at = [&](const char* pointer) {
        return config.value(nlohmann::json::json_pointer(pointer), nlohmann::json());
    };
    if (!config.is_object()) return false;
    const auto root = at("/root/path");
    const auto environment = at("/process/env");
    const bool marked =
        environment.is_array() && std::find(environment.begin(), environment.end(), unlisted.mark) != environment.end();
    return marked && root.is_string() && root.get<std::string>().starts_with(unlisted.data_root + "/");
}

/// `age`: the shim's at what.now.
bool is_leftover(const io::Shim& shim, milliseconds age, const EndLeftovers& what) {
    const auto is_of = [&](const Leftover& one) { return one.container == shim.container && age >= one.age_min; };
    if (std::any_of(what.leftovers.begin(), what.leftovers.end(), is_of)) return true;
    return what.unlisted && !what.unlisted->listed.contains(shim.container) && age >= what.unlisted->age_min &&
           is_ours(shim, *what.unlisted);
}

}  // namespace

void LeftoverEnder::end(Instant now, const EndLeftovers& leftovers) {
    auto shims = io::find_shims();
    // What began since must not pass for as old.
    const milliseconds since = io::read_clock().instant - leftovers.now + io::shim_age_step;
    for (auto& shim : shims) {
        if (!is_leftover(shim, shim.age - since, leftovers)) continue;
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

#include "worker/core/leftovers.hpp"

#include <utility>

#include "base/rule.hpp"
#include "worker/core/bounds.hpp"

namespace mc::worker {

std::vector<Leftover> Leftovers::on_list(Now now, const std::vector<engine::ContainerInfo>& listed,
                                         const std::function<bool(VmId)>& busy, bool engine_was_away) {
    auto before = std::exchange(rests_, {});
    for (const auto& container : listed) {
        const auto was = before.extract(container.id);
        const auto vm = vm_of(container.labels);
        Rest rest{Instant::never()};
        if (container.state != protocol::ContainerState::running && vm && !busy(*vm)) {
            // What the engine that was away has left was begun before now.
            const bool goes_on = !was.empty() && was.mapped().since != Instant::never() && !engine_was_away;
            rest = goes_on ? was.mapped() : Rest{now.instant};
        }
        rests_.emplace(container.id, rest);
    }
    for (auto& [id, rest] : before) {
        if (rest.removed) rests_.emplace(id, rest);
        if (!rest.removed && !engine_was_away) rests_.emplace(id, Rest{now.instant, true});
    }
    std::vector<Leftover> found;
    for (auto& [id, rest] : rests_) {
        if (rest.told || rest.since == Instant::never() || now.instant - rest.since < bounds::leftover_grace) continue;
        rest.told = true;
        if (rule_holds(Rule::leftovers_are_ended)) found.push_back({id, now.instant - rest.since});
    }
    std::erase_if(rests_, [](const auto& entry) { return entry.second.removed && entry.second.told; });
    return found;
}

}  // namespace mc::worker

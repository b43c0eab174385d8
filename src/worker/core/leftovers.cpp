#include "worker/core/leftovers.hpp"

#include <utility>

#include "base/rule.hpp"

namespace mc::worker {

std::vector<Leftover> Leftovers::on_list(Now now, Instant asked, const std::vector<engine::ContainerInfo>& listed,
                                         const std::function<bool(VmId)>& busy, Engine engine) {
    const milliseconds grace = engine == Engine::gone ? bounds::leftover_grace : bounds::leftover_grace_max;
    if (engine != Engine::there) away_ = Rest{asked, grace};
    auto before = std::exchange(rests_, {});
    for (const auto& container : listed) {
        const auto was = before.extract(container.id);
        const auto vm = vm_of(container.labels);
        Rest rest{Instant::never()};
        if (container.state != protocol::ContainerState::running && vm && !busy(*vm)) {
            // What an engine that is no more has left was begun before now.
            const bool goes_on = !was.empty() && was.mapped().since != Instant::never() && engine == Engine::there;
            rest = goes_on ? was.mapped() : Rest{asked, grace};
        }
        rests_.emplace(container.id, rest);
    }
    for (auto& [id, rest] : before) {
        if (rest.removed) rests_.emplace(id, rest);
        if (!rest.removed && engine == Engine::there) rests_.emplace(id, Rest{asked, bounds::leftover_grace, true});
    }
    std::vector<Leftover> found;
    // By an old list none is ended: what it says to be at rest may run by now.
    if (now.instant - asked > bounds::leftover_list_age_max) return found;
    for (auto& [id, rest] : rests_) {
        if (rest.told || rest.since == Instant::never() || now.instant - rest.since < rest.grace) continue;
        rest.told = true;
        if (rule_holds(Rule::leftovers_are_ended)) found.push_back({id, now.instant - rest.since});
    }
    std::erase_if(rests_, [](const auto& entry) { return entry.second.removed && entry.second.told; });
    return found;
}

std::optional<Instant> Leftovers::unlisted_since(Now now, Instant asked) const {
    const bool due = away_ && now.instant - away_->since >= away_->grace;
    const bool fresh = now.instant - asked <= bounds::leftover_list_age_max;
    return due && fresh && rule_holds(Rule::leftovers_are_ended) ? std::optional(away_->since) : std::nullopt;
}

}  // namespace mc::worker

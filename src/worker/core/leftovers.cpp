#include "worker/core/leftovers.hpp"

#include <utility>

#include "base/rule.hpp"

namespace mc::worker {

std::vector<Leftover> Leftovers::on_list(Now now, Instant asked, const std::vector<engine::ContainerInfo>& listed,
                                         const std::function<bool(VmId)>& busy, Engine engine) {
    const milliseconds grace = engine == Engine::gone ? bounds::leftover_grace : bounds::leftover_grace_max;
    if (engine != Engine::there) away_ = Rest{asked, asked + grace};
    std::vector<Leftover> found;
    // By an old list none is ended: what it says to be at rest may run by now.
    const bool fresh = now.instant - asked <= bounds::leftover_list_age_max;
    const auto look = [&](const std::string& id, Rest& rest) {
        if (!fresh || rest.told || rest.since == Instant::never() || now.instant < rest.due) return;
        rest.told = true;
        if (rule_holds(Rule::leftovers_are_ended)) found.push_back({id, now.instant - rest.since});
    };
    auto before = std::exchange(rests_, {});
    for (const auto& container : listed) {
        const auto was = before.extract(container.id);
        const auto vm = vm_of(container.labels);
        Rest& rest = rests_[container.id];
        if (container.state == protocol::ContainerState::running || !vm || busy(*vm)) continue;
        // What an engine that is no more has left was begun before now.
        const bool goes_on = !was.empty() && was.mapped().since != Instant::never() && engine == Engine::there;
        rest = goes_on ? was.mapped() : Rest{asked, asked + grace};
        look(container.id, rest);
    }
    for (auto& [id, was] : before) {
        if (!was.removed && engine != Engine::there) continue;
        Rest& rest = rests_[id] = was.removed ? was : Rest{asked, asked + bounds::leftover_grace, true};
        look(id, rest);
        if (rest.told) rests_.erase(id);
    }
    return found;
}

std::optional<Instant> Leftovers::unlisted_since(Now now, Instant asked) const {
    const bool due = away_ && now.instant >= away_->due;
    const bool fresh = now.instant - asked <= bounds::leftover_list_age_max;
    return due && fresh && rule_holds(Rule::leftovers_are_ended) ? std::optional(away_->since) : std::nullopt;
}

}  // namespace mc::worker

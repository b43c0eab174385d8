#include "worker/core/endings.hpp"

#include "worker/core/bounds.hpp"

namespace mc::worker {

using protocol::Ended;

void Endings::on_engine_gone(Now now) {
    if (!watching_) return;
    gone_ = true;
    for (auto& [container, exit] : exits_) {
        const bool just_before = now.instant - exit.seen <= bounds::engine_ending_max;
        if (exit.ended == Ended::by_itself && just_before) exit.ended = Ended::with_engine;
    }
}

void Endings::on_list(Now now, const std::vector<engine::ContainerInfo>& listed) {
    const Ended how = !watching_ ? Ended::unwatched
                      : gone_    ? Ended::with_engine
                      : unseen_  ? Ended::unwatched
                                 : Ended::by_itself;
    std::unordered_map<std::string, Exit> exits;
    for (const auto& container : listed) {
        if (container.state != protocol::ContainerState::exited) continue;
        const auto before = exits_.find(container.id);
        exits[container.id] = before != exits_.end() ? before->second : Exit{now.instant, how};
    }
    exits_ = std::move(exits);
    watching_ = true;
    gone_ = unseen_ = false;
}

Ended Endings::of(const std::string& container) const {
    const auto found = exits_.find(container);
    return found == exits_.end() ? Ended::by_itself : found->second.ended;
}

}  // namespace mc::worker

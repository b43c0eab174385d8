#include "worker/core/known_containers.hpp"

namespace mc::worker {

void KnownContainers::note(const engine::ContainerInfo& inspected) {
    entries_[inspected.id].inspected = inspected;
}

void KnownContainers::note_host_key(const std::string& container, const std::string& host_key) {
    entries_[container].host_key = host_key;
}

void KnownContainers::put_off_host_key(const std::string& container, Instant until) {
    entries_[container].host_key_wanted_from = until;
}

void KnownContainers::forget_run(const std::string& container) {
    const auto found = entries_.find(container);
    if (found != entries_.end()) found->second.inspected.reset();
}

bool KnownContainers::complete(engine::ContainerInfo& listed) const {
    const auto found = entries_.find(listed.id);
    if (found == entries_.end() || !found->second.inspected) return false;
    const engine::ContainerInfo& known = *found->second.inspected;
    if (listed.state == protocol::ContainerState::removing) {
        listed.state = known.state;
        listed.dead = known.dead;
        listed.ssh_port = known.ssh_port;
        listed.exit_code = known.exit_code;
    }
    // A restarted VM has another port, an exited one another state or code.
    if (known.state != listed.state || known.ssh_port != listed.ssh_port || known.exit_code != listed.exit_code) {
        return false;
    }
    listed.started = known.started;
    listed.reason = known.reason;
    return true;
}

std::string KnownContainers::host_key(const std::string& container) const {
    const auto found = entries_.find(container);
    return found == entries_.end() ? std::string() : found->second.host_key;
}

bool KnownContainers::wants_host_key(const std::string& container, Instant now) const {
    const auto found = entries_.find(container);
    if (found == entries_.end()) return true;
    return found->second.host_key.empty() && now >= found->second.host_key_wanted_from;
}

bool KnownContainers::may_be_started(const std::string& container) const {
    const auto found = entries_.find(container);
    if (found != entries_.end() && found->second.open_start) return true;
    // The list is there when what an earlier process may have begun has ended.
    return !listed_ && (found == entries_.end() || !found->second.made);
}

void KnownContainers::keep_only(const std::set<std::string>& containers) {
    std::erase_if(entries_, [&](const auto& entry) { return !containers.contains(entry.first); });
}

}  // namespace mc::worker

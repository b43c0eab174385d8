#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "worker/core/engine_replies.hpp"

namespace mc::worker {

/// What a list call does not tell, remembered per container from inspects and
/// creates: start time, exit reason, host key. A cache: losing it costs inspects.
///
/// Invariant: after keep_only, not larger than the engine's list.
class KnownContainers {
public:
    void note(const engine::ContainerInfo& inspected);
    void note_host_key(const std::string& container, const std::string& host_key);

    /// Forgets what may have changed with a start or an exit; the host key stays.
    void forget_run(const std::string& container);

    /// Adds what is known to `listed`. False when it has to be inspected first.
    [[nodiscard]] bool complete(engine::ContainerInfo& listed) const;
    /// Also when it is known that there is none.
    [[nodiscard]] bool knows_host_key(const std::string& container) const;
    [[nodiscard]] std::string host_key(const std::string& container) const;

    /// The engine's id of that VM's container, whatever its name; "" when none was inspected.
    [[nodiscard]] std::string container_of(VmId vm) const;

    void keep_only(const std::set<std::string>& containers);

private:
    struct Entry {
        std::optional<engine::ContainerInfo> inspected;
        std::optional<std::string> host_key;
    };
    std::unordered_map<std::string, Entry> entries_;
};

}  // namespace mc::worker

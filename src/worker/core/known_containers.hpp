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
    /// REQUIRES: not empty. That a VM has none is never known for good: sshd may be about to make it.
    void note_host_key(const std::string& container, const std::string& host_key);
    void put_off_host_key(const std::string& container, Instant until);

    /// A start or restart of it has no answer that anybody waits for: the engine may yet carry it out.
    void note_open_start(const std::string& container) { entries_[container].open_start = true; }
    /// This process has made it: what is done to it is known here.
    void note_made(const std::string& container) { entries_[container].made = true; }
    /// Whether the engine may be about to start it for somebody of minicloud who does not wait for that.
    [[nodiscard]] bool may_be_started(const std::string& container) const;

    /// Forgets what may have changed with a start or an exit; the host key stays.
    void forget_run(const std::string& container);

    /// Adds what is known to `listed`. False when it has to be inspected first.
    [[nodiscard]] bool complete(engine::ContainerInfo& listed) const;
    /// True while the host key is not known, but for the time that put_off_host_key() gave.
    [[nodiscard]] bool wants_host_key(const std::string& container, Instant now) const;
    [[nodiscard]] std::string host_key(const std::string& container) const;

    void keep_only(const std::set<std::string>& containers);

    /// A complete list showed containers of these VMs, and of no others; nor is the engine making one of any.
    void note_list(std::set<VmId> vms) { listed_ = std::move(vms); }
    /// What was listed before says nothing any more.
    void forget_list() { listed_.reset(); }
    /// False only when a list since forget_list() did not show that VM, and nobody else can be making it.
    [[nodiscard]] bool may_exist(VmId vm) const { return !listed_ || listed_->contains(vm); }

private:
    struct Entry {
        std::optional<engine::ContainerInfo> inspected;
        std::string host_key;            ///< empty: not known
        Instant host_key_wanted_from{};  ///< while it is not known
        bool open_start = false;
        bool made = false;
    };
    std::unordered_map<std::string, Entry> entries_;
    std::optional<std::set<VmId>> listed_;
};

}  // namespace mc::worker

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "base/store_change.hpp"
#include "base/time.hpp"
#include "broker/core/actor.hpp"
#include "broker/core/records.hpp"

namespace mc::broker {

/// One VM: what is stored, and what this broker process knows besides.
struct Vm {
    VmRecord record;

    Instant since;     ///< when it entered its state, or when this process began
    Instant job_sent;  ///< when its job was last sent to the worker
    bool job_acknowledged = false;
    Instant retry_at;  ///< what the broker does by itself and failed is tried again from then on
    Instant progress_published;
    bool stop_seen = false;       ///< it stopped by itself; cleaned up after a grace period
    milliseconds stopped_for{0};  ///< of that grace period, while its node was ready
    int replace_tries = 0;        ///< creates in place of a lost one that failed
    int start_tries = 0;          ///< starts that the broker ordered by itself
};

/// OWNER/NAME.
[[nodiscard]] std::string full_name(const std::string& owner, const std::string& name);

/// All VMs, by id, by name and by the job under way.
///
/// Pure; owned by BrokerCore; single thread. References stay valid until the VM
/// is erased. Invariant: an owner's names are unique.
class VmTable {
public:
    /// From the store, at start.
    void restore(VmRecord record, Instant now);

    /// REQUIRES: the id is new and the name is free.
    Vm& add(VmRecord record, Instant now);
    void erase(VmId id);
    /// REQUIRES: the name is free.
    void rename(Vm& vm, const std::string& name);

    [[nodiscard]] Vm* find(VmId id);
    [[nodiscard]] const Vm* find(VmId id) const;
    [[nodiscard]] Vm* find_by_job(JobId job);
    /// Among those that `actor` sees: its own by name; by OWNER/NAME; of others by a name that only one
    /// has; else by id in hexadecimal. Errors: not_found, also for what is another's; invalid_argument
    /// (several have the name; the sentence lists them).
    [[nodiscard]] Result<Vm*> find_target(const std::string& target, const Actor& actor);
    [[nodiscard]] bool has_name(const std::string& owner, const std::string& name) const {
        return by_name_.contains(full_name(owner, name));
    }
    /// What an owner has: VMs in any state, with what was asked for.
    struct Usage {
        std::size_t vms = 0;
        std::uint64_t cpus_milli = 0;
        std::uint64_t memory_bytes = 0;
    };
    [[nodiscard]] Usage usage(const std::string& owner) const;

    void set_job(Vm& vm, JobRecord job);
    void clear_job(Vm& vm);

    /// Has `vm` stored again with the next take_changes().
    void touch(const Vm& vm) { note_change(vm.record); }

    /// How often anything of that node's VMs has changed, in this process.
    [[nodiscard]] std::uint64_t changes_of(NodeId node) const;

    /// The VMs that time alone may move, as of the last take_changes(): all but those that run, are wanted to, and have
    /// no end, and those whose node is silent. By id. Of a million there are few.
    [[nodiscard]] std::vector<Vm*> restless();

    /// At most `limit` VMs of `owner`, or of all, after `after` (OWNER/NAME; "" = from the start), in the
    /// order of their OWNER/NAME; `more` says whether others follow.
    [[nodiscard]] std::vector<const Vm*> page(const std::string& after, std::size_t limit,
                                              const std::optional<std::string>& owner, bool& more) const;

    /// The VMs that have a job under way.
    [[nodiscard]] std::vector<Vm*> with_jobs();

    [[nodiscard]] std::unordered_map<VmId, Vm>& all() { return vms_; }
    [[nodiscard]] std::size_t size() const { return vms_.size(); }
    [[nodiscard]] std::size_t job_count() const { return by_job_.size(); }

    /// What has changed since the last call, each VM once.
    void take_changes(std::vector<StoreChange>& into);

private:
    std::unordered_map<VmId, Vm> vms_;
    std::map<std::string, VmId> by_name_;                               ///< OWNER/NAME
    std::unordered_map<std::string, std::set<std::string>> owners_of_;  ///< of a name
    std::unordered_map<std::string, Usage> usage_;                      ///< by owner
    std::map<JobId, VmId> by_job_;                                      ///< in the order the jobs began
    std::set<VmId> dirty_;
    std::unordered_map<NodeId, std::uint64_t> changes_of_;
    std::set<VmId> restless_;

    void note_change(const VmRecord& record) {
        dirty_.insert(record.id);
        ++changes_of_[record.node];
    }
    void note_rest(VmId id, const Vm* vm);
    void add_name(const VmRecord& record);
    void erase_name(const VmRecord& record);
};

/// A store key: `value` big-endian, so that keys sort as numbers.
[[nodiscard]] std::string key_of(std::uint64_t value);
[[nodiscard]] std::string key_of(RequestId id);

}  // namespace mc::broker

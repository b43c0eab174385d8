#pragma once

#include <boost/container/string.hpp>
#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
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
/// Most VMs of a large cloud rest: nothing is under way with them, and time moves none of them. Such a one is kept as
/// its row in the store, which is a third of what it takes unpacked, and is unpacked when somebody looks at it (ADR
/// 38).
///
/// Pure; owned by BrokerCore; single thread. References stay valid until the VM is erased, or until the next
/// take_changes() or rest(). Invariant: an owner's names are unique.
class VmTable {
public:
    /// From the store, at start. `row`: what `record` was decoded from.
    Vm& restore(VmRecord record, std::string_view row, Instant now);

    /// REQUIRES: the id is new and the name is free.
    Vm& add(VmRecord record, Instant now);
    void erase(VmId id);
    /// REQUIRES: the name is free.
    void rename(Vm& vm, const std::string& name);

    [[nodiscard]] Vm* find(VmId id);
    [[nodiscard]] const Vm* find(VmId id) const;
    /// nullptr also for one that rests: with that nothing is under way.
    [[nodiscard]] Vm* find_awake(VmId id);
    [[nodiscard]] bool contains(VmId id) const { return vms_.contains(id); }
    [[nodiscard]] Vm* find_by_job(JobId job);
    /// Among those that `actor` sees: its own by name; by OWNER/NAME; of others by a name that only one
    /// has; else by id in hexadecimal. Errors: not_found, also for what is another's; invalid_argument
    /// (several have the name; the sentence lists them).
    [[nodiscard]] Result<Vm*> find_target(const std::string& target, const Actor& actor);
    [[nodiscard]] bool has_name(const std::string& owner, const std::string& name) const;
    /// What an owner has: VMs in any state, with what was asked for.
    struct Usage {
        std::size_t vms = 0;
        std::uint64_t cpus_milli = 0;
        std::uint64_t memory_bytes = 0;
    };
    [[nodiscard]] Usage usage(const std::string& owner) const;

    void set_job(Vm& vm, JobRecord job);
    void clear_job(Vm& vm);

    /// Has `vm` stored again with the next take_changes(). What of its record was changed without is lost with it.
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

    [[nodiscard]] std::size_t size() const { return vms_.size(); }
    [[nodiscard]] std::size_t job_count() const { return by_job_.size(); }

    [[nodiscard]] bool has_changes() const { return !dirty_.empty(); }
    /// What has changed since the last call, each VM once; then as rest().
    void take_changes(std::vector<StoreChange>& into);

    /// Has those rest that were looked at and may. REQUIRES: nothing has changed since the last take_changes().
    void rest();

    /// How many are unpacked: those that don't rest, and those that were looked at since the last rest().
    [[nodiscard]] std::size_t unpacked() const { return unpacked_; }

private:
    /// Of a million most of what a broker's memory holds: what it consists of is counted.
    struct Entry {
        using Hook = boost::intrusive::set_member_hook<boost::intrusive::optimize_size<true>>;

        /// OWNER/NAME, then the row as in the store, if it is known. Three quarters the size of a std::string.
        boost::container::string text;
        std::unique_ptr<Vm> vm;  ///< nullptr while it rests
        Hook by_full_name;
        Hook by_name;
        std::uint16_t full_name_bytes = 0;
        bool looked_at = false;  ///< it is among `looked_at_`

        [[nodiscard]] std::string_view full_name() const { return all().substr(0, full_name_bytes); }
        [[nodiscard]] std::string_view owner() const;
        [[nodiscard]] std::string_view name() const;
        /// "" while it is unpacked and has changed.
        [[nodiscard]] std::string_view row() const { return all().substr(full_name_bytes); }
        void set_full_name(std::string_view full);
        void set_row(std::string_view row);

    private:
        [[nodiscard]] std::string_view all() const { return {text.data(), text.size()}; }
    };
    /// In the order of their OWNER/NAME.
    struct ByFullName {
        static std::string_view key(const Entry& entry) { return entry.full_name(); }
        static std::string_view key(std::string_view text) { return text; }
        bool operator()(const auto& a, const auto& b) const { return key(a) < key(b); }
    };
    /// By name, which several owners may have, and of one name by owner.
    struct ByName {
        bool operator()(const Entry& a, const Entry& b) const {
            return std::pair(a.name(), a.owner()) < std::pair(b.name(), b.owner());
        }
        bool operator()(const Entry& a, std::string_view b) const { return a.name() < b; }
        bool operator()(std::string_view a, const Entry& b) const { return a < b.name(); }
    };
    template <Entry::Hook Entry::*Hook, class Order>
    using Index = boost::intrusive::set<Entry, boost::intrusive::member_hook<Entry, Entry::Hook, Hook>,
                                        boost::intrusive::compare<Order>>;

    /// Unpacked. Does not show, so a table that is only looked at may do it.
    Vm& look_at(Entry& entry) const;
    void put_to_rest(Entry& entry);

    mutable std::unordered_map<VmId, Entry> vms_;
    mutable Index<&Entry::by_full_name, ByFullName> by_full_name_;
    mutable Index<&Entry::by_name, ByName> by_name_;
    mutable std::vector<VmId> looked_at_;
    mutable std::size_t unpacked_ = 0;
    std::unordered_map<std::string, Usage> usage_;  ///< by owner
    std::map<JobId, VmId> by_job_;                  ///< in the order the jobs began
    std::set<VmId> dirty_;
    std::unordered_map<NodeId, std::uint64_t> changes_of_;
    std::set<VmId> restless_;

    void note_change(const VmRecord& record) {
        dirty_.insert(record.id);
        ++changes_of_[record.node];
    }
    void note_rest(VmId id, const Vm* vm);
    /// Of the VM with that OWNER/NAME; nullptr: there is none.
    [[nodiscard]] Entry* named(const std::string& full) const;
    void add_name(Entry& entry, const VmRecord& record);
    void erase_name(Entry& entry);
};

/// A store key: `value` big-endian, so that keys sort as numbers.
[[nodiscard]] std::string key_of(std::uint64_t value);
[[nodiscard]] std::string key_of(RequestId id);

}  // namespace mc::broker

#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "protocol/client_bodies.hpp"
#include "protocol/event.hpp"
#include "protocol/message.hpp"
#include "sim/access_checker.hpp"
#include "sim/broker_process.hpp"
#include "sim/engine.hpp"
#include "sim/world.hpp"

namespace mc::sim {

/// What the promises are checked against: everything that was asked, said,
/// committed and done at engines, as nobody inside the simulation sees it whole.
///
/// docs/failure-model.md "Promises" lists what is checked and where.
class Checker final : public EngineObserver, public BrokerObserver {
public:
    /// What the broker was told to wait for.
    struct Waits {
        milliseconds orphan_grace;
        milliseconds lost_after;
        milliseconds silence_max;
    };
    Checker(World& world, const People& people, Waits waits) : world_(world), waits_(waits), access_(world, people) {}

    // Engines.
    void container_created(const std::string& engine, const Container& container) override;
    void container_stopped(const Container& container, bool by_itself) override;
    void container_given(const std::string& engine, const Container& container) override;
    void removal_begun(const Container& container) override;
    void container_removed(const std::string& engine, const Container& container, bool by_fault) override;

    void orphan_made(VmId vm) override;
    void stranger_touched(const Container& container, const std::string& what) override;

    // The broker.
    void committed(std::span<const StoreChange> changes) override;
    void broker_started(Epoch epoch, const Store& store) override;
    void event_published(const protocol::Event& event, const Store& store) override;
    void client_told(const std::optional<PublicKey>& key, const protocol::Message& message,
                     const Store& store) override;
    void worker_told(const protocol::Message& message, const Store& store) override;
    void turn_told() override { access_.turn_told(); }
    void node_shown(HostId host, milliseconds unheard, const broker::BrokerCore::Shown& shown) override;

    // Clients.
    void create_asked(const Person& who, RequestId request, const protocol::CreateRequest& create);
    void delete_asked(const Person& who, const std::vector<std::string>& targets);
    void cancel_asked(const Person& who, RequestId request);
    void forget_asked(const Person& who, RequestId request);
    /// A client saw this outcome of its create.
    void create_answered(RequestId request, const protocol::ItemsReply& reply);
    void request_began(RequestId request);
    void request_ended(RequestId request);

    // Watchers: what they were shown, of what they may see.
    void watcher_printed(const std::string& watcher, const Person& who, EventSeq before, const protocol::Event& event);
    void watcher_missed(const std::string& watcher, const Person& who, EventSeq before, EventSeq first, EventSeq last);
    /// The first event after `after` that `who` may see.
    [[nodiscard]] std::optional<EventSeq> next_seen(const Person& who, EventSeq after) const;

    [[nodiscard]] AccessChecker& access() { return access_; }

    // For the end of a run.
    [[nodiscard]] const std::map<std::uint64_t, protocol::Event>& log() const { return log_; }
    [[nodiscard]] bool is_gone(VmId vm) const { return gone_.contains(vm); }
    /// Whether somebody asked for it.
    [[nodiscard]] bool was_vm(VmId vm) const { return request_of_.contains(vm); }
    /// VMs that some client was told it has.
    [[nodiscard]] const std::map<VmId, std::string>& acknowledged() const { return acknowledged_; }
    /// A client saw this create's outcome: the broker remembers the request.
    [[nodiscard]] bool has_outcome(RequestId request) const { return outcomes_.contains(request); }
    [[nodiscard]] std::size_t open_requests() const { return open_.size(); }

    /// Counts for a person: what a run did.
    struct Work {
        std::uint64_t creates_ok = 0;
        std::uint64_t containers = 0;
        std::uint64_t events = 0;
        std::uint64_t replaced = 0;
        std::uint64_t drained = 0;
        std::uint64_t forgotten = 0;
        std::uint64_t given = 0;        ///< containers that were started before there was a VM for them
        std::uint64_t resurrected = 0;  ///< containers made of deleted VMs: they must be gone at the end

        void add(const Work& other) {
            creates_ok += other.creates_ok;
            containers += other.containers;
            events += other.events;
            replaced += other.replaced;
            drained += other.drained;
            forgotten += other.forgotten;
            given += other.given;
            resurrected += other.resurrected;
        }
    };
    [[nodiscard]] const Work& work() const { return work_; }

private:
    void on_event(const protocol::Event& event);
    void on_node_event(const protocol::Event& event);
    void on_replaced(const protocol::Event& event);
    void check_successor(const protocol::Event& event);
    [[nodiscard]] bool may_go(VmId vm, const std::string& name) const;

    void check_cleanup(const protocol::Event& event);
    void count_vm(const std::string& request, VmId vm);
    void check_place(const std::string& engine, VmId vm, const std::string& request);

    World& world_;
    Waits waits_;
    AccessChecker access_;
    std::map<std::string, Moment> silent_;  ///< nodes, since when
    std::map<VmId, Moment> orphans_;        ///< when each was made
    std::set<VmId> spares_;                 ///< made before there was a VM for them
    std::map<VmId, std::string> given_;     ///< to whom: the request
    Work work_;

    std::map<VmId, std::set<std::string>> live_;            ///< containers now
    std::map<std::string, std::set<VmId>> vms_of_request_;  ///< ever, by the request's id as text
    std::map<RequestId, std::string> request_rows_;         ///< where each lies in the store
    std::map<std::string, std::uint32_t> asked_;            ///< how many VMs a create asked for
    std::set<std::string> mortal_;                          ///< creates with a time to live
    std::set<std::string> odd_only_;                        ///< creates that require the label of nodes 1, 3, …
    std::set<std::string> replaceable_;                     ///< creates whose VMs may be replaced
    std::set<std::string> cancelled_;                       ///< creates somebody asked to cancel
    std::set<RequestId> forgets_;                           ///< requests to give nodes up
    std::set<std::string> lost_;                            ///< nodes
    std::set<std::string> draining_;                        ///< nodes
    std::optional<protocol::Event> replaced_;               ///< whose successor must come next
    std::set<VmId> successors_;
    std::map<std::pair<std::string, std::string>, Moment> delete_asked_;  ///< by user, "" = an admin, and target
    std::map<VmId, Moment> first_seen_;
    std::map<VmId, std::string> request_of_;
    std::set<VmId> ended_by_itself_;
    std::set<VmId> taken_away_;
    std::set<VmId> established_;  ///< was running, says the log
    std::set<VmId> gone_;         ///< deleted or failed, says the log
    std::map<VmId, std::string> acknowledged_;
    std::map<RequestId, std::vector<VmId>> outcomes_;
    std::set<RequestId> open_;
    std::map<std::uint64_t, protocol::Event> log_;
    Epoch epoch_;
    std::uint64_t last_published_ = 0;
    std::uint64_t dropped_ = 0;  ///< events no longer kept, the oldest first
};

}  // namespace mc::sim

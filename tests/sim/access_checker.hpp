#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "protocol/audit.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/event.hpp"
#include "protocol/message.hpp"
#include "sim/broker_process.hpp"
#include "sim/people.hpp"
#include "sim/world.hpp"

namespace mc::sim {

/// Who may see and do what: a user what is its own, a viewer nothing but look, a key that was taken back
/// nothing at all. Whose a VM is follows from who asked for it; the broker's word is not taken for it.
///
/// docs/failure-model.md "Promises", docs/security.md.
class AccessChecker {
public:
    AccessChecker(World& world, const People& people) : world_(world), people_(people) {}

    /// Before it is sent. The first who uses an id is the one whose it is.
    void asked(const Person& who, RequestId id, protocol::Verb verb, std::vector<std::string> targets = {});
    void asked(const Person& who, const cli::Request& request);

    // The broker.
    void committed(std::span<const StoreChange> changes);
    void broker_started(const Store& store);
    void client_told(const std::optional<PublicKey>& key, const protocol::Message& message);
    void turn_told();

    /// A watcher with a key of `who` was sent this, whatever it makes of it.
    void event_received(const Person& who, const protocol::Event& event);
    /// A list that `who` was given when nothing happens any more.
    [[nodiscard]] std::string compare(const Person& who, const std::vector<protocol::VmView>& own,
                                      const std::vector<protocol::VmView>& all) const;

    /// The name of who asked for this VM; "" when nobody is known to have.
    [[nodiscard]] std::string owner_of(VmId vm) const;
    /// Whether this worker's key is bound to its node.
    [[nodiscard]] bool is_bound(const PublicKey& key) const { return bound_.contains(key); }
    [[nodiscard]] const Person* author_of(RequestId id) const;
    /// Whose its VM is from then on is another matter: what was told of a spare stays nobody's when a VM is made of it.
    void event_committed(const protocol::Event& event);
    /// Whether `who` may see events of what was then this VM; of none: of nodes. REQUIRES: committed.
    [[nodiscard]] bool sees(const Person& who, const protocol::Event& event) const;
    /// Whether `who` may change what is `owner`'s.
    [[nodiscard]] static bool may_change(const Person& who, const std::string& owner);

private:
    struct Ask {
        const Person* who = nullptr;
        protocol::Verb verb = protocol::Verb::hello;
        std::vector<std::string> targets;
    };
    /// What somebody's VMs have, one row of the store each.
    struct Has {
        std::string owner;
        std::uint64_t cpus_milli = 0;
        std::uint64_t memory_bytes = 0;
        std::uint64_t ttl_seconds = 0;
    };

    [[nodiscard]] static bool may_say(protocol::Role role, protocol::Verb verb);
    void on_vm_row(const StoreChange& change);
    void on_request_row(const StoreChange& change);
    void on_key_row(const StoreChange& change);
    void on_audit_entry(const protocol::AuditEntry& entry);
    void check_quotas();
    void check_contents(const Person& who, const protocol::Message& message);
    void check_vm(const Person& who, const protocol::VmView& vm);
    void check_request(const Person& who, RequestId id);
    void check_items(const Person& who, RequestId id, const std::vector<protocol::ItemResult>& items);
    void check_refusal(const Person& who, const protocol::Message& message);
    [[nodiscard]] bool is_anothers(const Person& who, const std::string& target) const;

    World& world_;
    const People& people_;
    std::map<RequestId, Ask> asks_;
    std::map<VmId, std::string> owners_;                     ///< of all VMs that there ever were
    std::map<std::uint64_t, std::string> owners_of_events_;  ///< by number
    std::set<std::string> names_;                            ///< OWNER/NAME, ever
    std::map<std::string, Has> has_;                         ///< by the key of its row
    std::set<std::string> requests_;                         ///< keys of rows that were seen
    std::map<std::string, std::size_t> admitted_;            ///< by token's fingerprint: how many keys
    std::map<std::string, std::uint32_t> uses_;              ///< by token's fingerprint: how many it was made for
    std::set<PublicKey> withdrawn_;
    std::set<std::string> withdrawn_fingerprints_;
    std::set<PublicKey> bound_;           ///< to a node
    std::vector<PublicKey> withdrawing_;  ///< committed, and what was said before that is still on its way out
    protocol::AuditChain chain_;
    // of the commit that is looked at
    std::map<RequestId, std::size_t> outcomes_;
    std::map<RequestId, std::size_t> audited_;
    bool vms_changed_ = false;
};

}  // namespace mc::sim

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/public_key.hpp"
#include "base/store_change.hpp"
#include "broker/core/config.hpp"
#include "broker/core/records.hpp"
#include "cli/core/request_driver.hpp"
#include "protocol/key_bodies.hpp"
#include "sim/world.hpp"

namespace mc::sim {

/// Somebody who uses the cloud: from one terminal or several, with the same key.
struct Person {
    std::string name;
    protocol::Role role = protocol::Role::user;
    protocol::Quota quota;         ///< that its tokens say
    protocol::Quota holds;         ///< that holds for it: its own, or the broker's
    std::optional<PublicKey> key;  ///< that it uses now; nullopt: none, over ipc://
    bool is_admin = false;         ///< may do everything with everybody's

    [[nodiscard]] bool sees_all() const { return is_admin || role == protocol::Role::viewer; }
};

/// Whose a key is, or was.
struct Holder {
    const Person* person = nullptr;                ///< nullptr: a worker
    protocol::Role role = protocol::Role::joiner;  ///< of the key: a token's is joiner
};

/// What one has heard of the others: it can ask about it by name or id.
struct Gossip {
    struct Vm {
        std::string owner;
        std::string name;
        VmId id;
    };
    void heard_of(Vm vm);
    void heard_of(const cli::Request& create);

    std::vector<Vm> vms;
    std::vector<cli::Request> creates;
};

/// Everybody in one simulation, and every key that there ever was. Where the checkers look up who is who:
/// the broker's own tables are not asked.
class People {
public:
    People(World& world, const protocol::Quota& of_the_broker);

    /// The store of a cloud that people and `workers` have joined; the first admin's key is not in it yet.
    [[nodiscard]] std::vector<StoreChange> store(std::size_t workers);

    [[nodiscard]] Person& local() { return *all_[0]; }
    [[nodiscard]] Person& admin() { return *all_[1]; }
    [[nodiscard]] Person& viewer() { return *all_[2]; }
    [[nodiscard]] Person& user(std::size_t i) { return *all_[3 + i % users]; }
    [[nodiscard]] const Person& user(std::size_t i) const { return *all_[3 + i % users]; }
    static constexpr std::size_t users = 3;
    /// Whoever is at the `i`th terminal.
    [[nodiscard]] Person& at_terminal(std::size_t i);

    /// A key that nobody has yet.
    [[nodiscard]] PublicKey new_key(const Person* person, protocol::Role role);
    [[nodiscard]] const PublicKey& key_of_worker(std::size_t i) const { return workers_.at(i); }
    /// nullptr: there never was such a key.
    [[nodiscard]] const Holder* holder_of(const PublicKey& key) const;
    [[nodiscard]] const Holder* holder_of(const std::string& fingerprint) const;

    Gossip gossip;

private:
    void add(std::string name, protocol::Role role, bool keyed);

    Dice dice_;
    std::vector<std::unique_ptr<Person>> all_;
    std::vector<PublicKey> workers_;
    std::map<PublicKey, Holder> holders_;
    std::map<std::string, PublicKey> by_fingerprint_;
};

}  // namespace mc::sim

#include "sim/people.hpp"

#include "broker/core/actor.hpp"
#include "protocol/codec.hpp"
#include "sim/network.hpp"

namespace mc::sim {
namespace {

using protocol::Quota;
using protocol::Role;

constexpr std::size_t vms_heard_of_max = 32;
constexpr std::size_t creates_heard_of_max = 8;

template <class T>
void keep(std::vector<T>& all, T one, std::size_t most) {
    all.push_back(std::move(one));
    if (all.size() > most) all.erase(all.begin());
}

StoreChange row(broker::Table table, std::string key, std::string value) {
    return {static_cast<std::uint8_t>(table), std::move(key), std::move(value)};
}

}  // namespace

void Gossip::heard_of(Vm vm) {
    keep(vms, std::move(vm), vms_heard_of_max);
}

void Gossip::heard_of(const cli::Request& create) {
    keep(creates, create, creates_heard_of_max);
}

People::People(World& world, const Quota& of_the_broker) : dice_(world.dice("people")) {
    add(broker::local_name, Role::admin, false);
    add("admin", Role::admin, true);
    add("vic", Role::viewer, true);
    for (const char* name : {"ann", "ben", "cem"}) add(name, Role::user, true);
    user(0).quota.vms = static_cast<std::uint32_t>(dice_.between(3, 8));
    if (dice_.one_in(2)) user(1).quota.cpus_milli = static_cast<std::uint64_t>(dice_.between(3, 8)) * 1000;
    if (dice_.one_in(2)) user(1).quota.ttl_seconds = static_cast<std::uint64_t>(dice_.between(30, 60));
    for (std::size_t i = 0; i < users; ++i) {
        const Quota& own = user(i).quota;
        user(i).holds = {own.vms ? own.vms : of_the_broker.vms,
                         own.cpus_milli ? own.cpus_milli : of_the_broker.cpus_milli,
                         own.memory_bytes ? own.memory_bytes : of_the_broker.memory_bytes,
                         own.ttl_seconds ? own.ttl_seconds : of_the_broker.ttl_seconds};
    }
}

void People::add(std::string name, Role role, bool keyed) {
    all_.push_back(std::make_unique<Person>());
    Person& person = *all_.back();
    person.name = std::move(name);
    person.role = role;
    person.is_admin = role == Role::admin;
    if (keyed) person.key = new_key(&person, role);
}

Person& People::at_terminal(std::size_t i) {
    if (i == 0) return dice_.one_in(2) ? local() : admin();
    if (i <= 2) return user(i - 1);
    const auto who = dice_.below(100);
    return who < 30 ? admin() : who < 45 ? local() : who < 90 ? user(dice_.below(users)) : viewer();
}

PublicKey People::new_key(const Person* person, Role role) {
    PublicKey key;
    for (auto& byte : key.value) byte = static_cast<std::uint8_t>(dice_.below(256));
    holders_[key] = {person, role};
    by_fingerprint_[key.fingerprint()] = key;
    return key;
}

const Holder* People::holder_of(const PublicKey& key) const {
    const auto found = holders_.find(key);
    return found == holders_.end() ? nullptr : &found->second;
}

const Holder* People::holder_of(const std::string& fingerprint) const {
    const auto found = by_fingerprint_.find(fingerprint);
    return found == by_fingerprint_.end() ? nullptr : holder_of(found->second);
}

std::vector<StoreChange> People::store(std::size_t workers) {
    broker::MetaRecord meta;
    meta.cloud = CloudId{dice_.number()};
    std::vector<StoreChange> rows{row(broker::Table::meta, "", protocol::encode(meta))};
    const auto joined = [&](const PublicKey& key, std::string name, Role role, const Quota& quota) {
        broker::KeyRecord record;
        record.key = key;
        record.name = std::move(name);
        record.role = role;
        record.created = WallTime{epoch_unix_ms};
        record.quota = quota;
        rows.push_back(row(broker::Table::keys, key.bytes(), protocol::encode(record)));
    };
    for (const auto& person : all_) {
        if (person->key && !person->is_admin) joined(*person->key, person->name, person->role, person->quota);
    }
    for (std::size_t i = 0; i < workers; ++i) {
        workers_.push_back(new_key(nullptr, Role::worker));
        joined(workers_.back(), node_name(static_cast<HostId>(i + 1)), Role::worker, {});
    }
    return rows;
}

}  // namespace mc::sim

#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/core_keeper.hpp"
#include "protocol/codec.hpp"

namespace mc::broker::test {

using protocol::decode;
using protocol::encode;
using protocol::Kind;
using protocol::Message;
using protocol::Verb;
using protocol::VmState;

/// A broker core with a store in memory, a clock that a test moves, and what it
/// sent and published kept for a look.
class BrokerHarness : public StateStore {
public:
    explicit BrokerHarness(BrokerConfig config = {}) : config_(config) { boot(); }
    BrokerHarness(const BrokerHarness&) = delete;
    BrokerHarness& operator=(const BrokerHarness&) = delete;
    ~BrokerHarness() override = default;

    /// The process dies and comes back with what was committed.
    void restart() {
        boot();
        to_clients.clear();
        to_workers.clear();
    }

    void advance(milliseconds time) {
        const Instant end = now.instant + time;
        while (now.instant < end) {
            now.instant = now.instant + 100ms;
            now.wall.unix_ms += 100;
            if (auto restarted = keeper_->on_tick(now)) tell(std::move(*restarted));
            core = &keeper_->core();
            settle();
        }
    }

    /// As advance, with these nodes' heartbeats.
    void advance_alive(milliseconds time, const std::vector<std::string>& alive) {
        for (milliseconds passed{0}; passed < time; passed += 500ms) {
            for (const auto& name : alive) heartbeat(name);
            advance(500ms);
        }
    }

    // workers

    struct FakeNode {
        NodeId id;
        BootId boot;
        RequestId registration;
        protocol::Bytes registered_with;
        protocol::NodeStatus status;
    };

    void node_register(const std::string& name, std::uint32_t slots = 8, Epoch epoch_seen = {}) {
        FakeNode& node = nodes[name];
        if (!node.id) node.id = NodeId{100 + nodes.size()};
        node.boot = BootId{node.boot.value + 1};
        node.status.ready = true;
        node.status.slots = slots;
        node.status.cpus_milli = 4000;
        node.status.memory_bytes = 8ULL << 30;
        protocol::RegisterRequest request;
        request.name = name;
        request.node = node.id;
        request.boot = node.boot;
        request.advertise = "10.0.0." + std::to_string(node.id.value - 100);
        request.epoch_seen = epoch_seen;
        request.status = node.status;
        request.labels = labels[name];
        request.verb_max = verb_max;
        node.registration = RequestId{1, ++registrations_};
        node.registered_with = encode(request);
        from_worker(name, Kind::request, Verb::node_register, node.registration, node.registered_with);
    }

    void inventory(const std::string& name, std::vector<protocol::VmReport> vms = {},
                   std::vector<protocol::Spare> spares = {}, std::uint32_t number = 0) {
        protocol::Header header{.kind = Kind::notice, .verb = Verb::node_inventory, .id = {}};
        header.sequence = number;
        from_worker(name,
                    {header, encode(protocol::Inventory{nodes[name].boot, std::move(vms), std::move(spares)}), {}});
    }

    void node_ready(const std::string& name, std::uint32_t slots = 8) {
        node_register(name, slots);
        inventory(name);
    }

    void heartbeat(const std::string& name) {
        from_worker(name, Kind::notice, Verb::node_heartbeat, {},
                    encode(protocol::Heartbeat{core->epoch(), nodes[name].boot, nodes[name].status}));
    }

    void from_worker(const std::string& name, Kind kind, Verb verb, RequestId id, protocol::Bytes body,
                     ErrorCode code = ErrorCode::ok, protocol::Bytes data = {}, std::uint32_t value = 0) {
        protocol::Header header;
        header.kind = kind;
        header.value = value;
        header.verb = verb;
        header.id = id;
        header.code = code;
        from_worker(name, {header, std::move(body), std::move(data)});
    }
    void from_worker(const std::string& name, const Message& message) {
        auto frames = protocol::to_frames(message);
        core->on_worker_frames(now, caller("w:" + name), frames);
        settle();
    }

    [[nodiscard]] static protocol::VmReport report(VmId vm, protocol::ContainerState state) {
        protocol::VmReport report;
        report.vm = vm;
        report.state = state;
        report.container = "c" + vm.str();
        report.ssh_port = 32768;
        report.host_key = "ssh-ed25519 AAAA";
        return report;
    }

    /// The last order of this verb that node `name` was sent.
    [[nodiscard]] std::optional<Message> order(const std::string& name, Verb verb) const {
        std::optional<Message> found;
        for (const auto& out : to_workers) {
            if (out.to == PeerId{"w:" + name} && out.message.header.verb == verb) found = out.message;
        }
        return found;
    }

    [[nodiscard]] std::size_t orders(const std::string& name, Verb verb) const {
        std::size_t count = 0;
        for (const auto& out : to_workers) {
            count += out.to == PeerId{"w:" + name} && out.message.header.verb == verb;
        }
        return count;
    }

    /// Node `name` does what its last order of `verb` asks.
    VmId obey(const std::string& name, Verb verb, protocol::ContainerState state = protocol::ContainerState::running) {
        const auto message = order(name, verb);
        if (!message) return {};
        const VmId vm = verb == Verb::vm_create ? decode<protocol::CreateOrder>(message->body)->vm
                                                : decode<protocol::VmOrder>(message->body)->vm;
        from_worker(name, Kind::reply, verb, message->header.id, encode(report(vm, state)));
        return vm;
    }

    void disobey(const std::string& name, Verb verb, ErrorCode code, const std::string& why) {
        const auto message = order(name, verb);
        if (!message) return;
        from_worker(name, Kind::reply, verb, message->header.id, encode(protocol::ErrorBody{why, 0}), code);
    }

    // clients

    /// The key that connection `peer` ("c", "w:NODE") has; none unless a test says so.
    [[nodiscard]] Caller caller(const std::string& peer) const {
        const auto key = keys.find(peer);
        return {PeerId{peer}, key == keys.end() ? std::nullopt : std::optional(key->second)};
    }

    /// A key whose bytes are all `byte`.
    [[nodiscard]] static PublicKey key(char byte) { return *PublicKey::from_bytes(std::string(PublicKey::size, byte)); }

    RequestId send(Verb verb, protocol::Bytes body, std::optional<RequestId> id = {}, const std::string& client = "c",
                   std::uint32_t deadline_ms = 0, protocol::Bytes data = {}) {
        protocol::Header header;
        header.verb = verb;
        header.id = id ? *id : RequestId{7, ++request_counter_};
        header.value = deadline_ms;
        auto frames = protocol::to_frames({header, std::move(body), std::move(data)});
        core->on_client_frames(now, caller(client), frames);
        settle();
        return header.id;
    }

    RequestId create(const std::string& name = "", std::uint32_t count = 1, const std::string& node = "") {
        protocol::CreateRequest request;
        request.spec.name = name;
        request.count = count;
        request.node = node;
        return send(Verb::create, encode(request));
    }

    RequestId act(Verb verb, std::vector<std::string> targets) {
        return send(verb, encode(protocol::ActionRequest{std::move(targets), 10}));
    }

    /// A VM that runs on `node`.
    VmId running(const std::string& name, const std::string& node) {
        create(name, 1, node);
        return obey(node, Verb::vm_create);
    }

    [[nodiscard]] std::optional<Message> answer(RequestId id, const std::string& client = "c",
                                                Kind kind = Kind::reply) const {
        std::optional<Message> found;
        for (const auto& out : to_clients) {
            if (out.to == PeerId{client} && out.message.header.id == id && out.message.header.kind == kind) {
                found = out.message;
            }
        }
        return found;
    }

    [[nodiscard]] std::vector<protocol::ItemResult> items(RequestId id) const {
        const auto message = answer(id);
        if (!message || message->header.value == 1) return {};
        return decode<protocol::ItemsReply>(message->body)->items;
    }

    [[nodiscard]] ErrorCode code(RequestId id) const {
        const auto message = answer(id);
        return message ? message->header.code : ErrorCode::internal;
    }

    [[nodiscard]] std::optional<protocol::VmView> vm(const std::string& name) {
        const auto id = send(Verb::info, encode(protocol::InfoRequest{name}));
        if (code(id) != ErrorCode::ok) return std::nullopt;
        return decode<protocol::InfoReply>(answer(id)->body)->vm;
    }

    [[nodiscard]] std::size_t count_events(const std::string& kind) const {
        std::size_t count = 0;
        for (const auto& event : published) count += event.kind == kind;
        return count;
    }

    // the store

    [[nodiscard]] Result<void> load(const Visit& visit) override {
        ++loads;
        if (unreadable) return fail(ErrorCode::store_failed, "it is damaged");
        for (const auto& [key, value] : store) visit(key.first, key.second, value);
        return {};
    }

    [[nodiscard]] Result<void> commit(std::span<const StoreChange> changes) override {
        if (changes.empty()) return {};
        const auto is_probe = [](const auto& change) {
            return change.table == static_cast<std::uint8_t>(Table::probe);
        };
        if (disk_full && !(takes_probes && std::all_of(changes.begin(), changes.end(), is_probe))) {
            return fail(ErrorCode::store_failed, "the disk is full");
        }
        for (const auto& change : changes) {
            if (change.value) {
                store[{change.table, change.key}] = *change.value;
            } else {
                store.erase({change.table, change.key});
            }
        }
        return {};
    }

    BrokerCore* core = nullptr;
    bool disk_full = false;
    bool takes_probes = false;  ///< though it is full
    bool unreadable = false;
    std::size_t loads = 0;  ///< times that the whole store was read
    Now now{Instant{1000s}, WallTime{1'800'000'000'000}};
    std::map<std::string, FakeNode> nodes;
    std::map<std::string, std::vector<protocol::Label>> labels;              ///< of nodes that register
    std::uint16_t verb_max = static_cast<std::uint16_t>(Verb::node_images);  ///< that workers say they know
    std::map<std::string, PublicKey> keys;
    std::vector<Outgoing> to_clients;
    std::size_t rebinds = 0;  ///< of the events socket
    std::vector<Outgoing> to_workers;
    std::vector<protocol::Event> published;
    std::vector<LogLine> log;
    std::size_t beacons = 0;
    std::map<std::pair<std::uint8_t, std::string>, std::string> store;

private:
    void boot() {
        keeper_ = std::make_unique<CoreKeeper>(config_, Prng(42 + ++boots_), *this);
        auto begun = keeper_->begin(now);
        if (!begun) throw std::runtime_error(begun.error().message);
        core = &keeper_->core();
        tell(std::move(*begun));
        settle();
    }

    void settle() {
        const bool has_changes = core->has_changes();
        Effects effects = core->take_effects();
        if (!has_changes && !effects.changes.empty()) throw std::logic_error("has_changes() does not know of a change");
        if (const auto committed = commit(effects.changes); !committed) {
            effects = keeper_->commit_failed(now, committed.error());
            core = &keeper_->core();
        }
        tell(std::move(effects));
    }

    void tell(Effects effects) {
        published.insert(published.end(), effects.events.begin(), effects.events.end());
        to_clients.insert(to_clients.end(), effects.to_clients.begin(), effects.to_clients.end());
        to_workers.insert(to_workers.end(), effects.to_workers.begin(), effects.to_workers.end());
        log.insert(log.end(), effects.log.begin(), effects.log.end());
        beacons += effects.beacon;
        rebinds += effects.rebind_events;
    }

    std::unique_ptr<CoreKeeper> keeper_;
    BrokerConfig config_;
    std::uint64_t request_counter_ = 0;
    std::uint64_t boots_ = 0;
    std::uint64_t registrations_ = 0;
};

}  // namespace mc::broker::test

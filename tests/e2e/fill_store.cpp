// Writes a broker's store as after weeks of use: fill_store FILE VMS REQUESTS EVENTS [NODES [VMS-OF-AN-OWNER]]
#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/records.hpp"
#include "broker/core/vm_table.hpp"
#include "io/store.hpp"
#include "protocol/codec.hpp"
#include "protocol/event.hpp"

namespace {

using namespace mc;
using namespace mc::broker;

constexpr std::int64_t some_time_unix_ms = 1'795'000'000'000;
std::uint64_t nodes = 20;
std::uint64_t vms_of_owner = 0;  // 0 = all are local's
constexpr std::size_t changes_per_commit = 5000;

/// Collects changes and commits them in bunches.
class Writer {
public:
    explicit Writer(io::Store store) : store_(std::move(store)) {}

    template <class Record>
    void put(Table table, std::string key, const Record& record) {
        changes_.push_back({static_cast<std::uint8_t>(table), std::move(key), protocol::encode(record)});
        if (changes_.size() >= changes_per_commit) commit();
    }

    void commit() {
        if (const auto done = store_.commit(changes_); !done) {
            std::fprintf(stderr, "fill_store: %s\n", done.error().message.c_str());
            std::exit(1);
        }
        changes_.clear();
    }

private:
    io::Store store_;
    std::vector<StoreChange> changes_;
};

VmRecord vm_record(std::uint64_t i) {
    VmRecord vm;
    vm.id = VmId{1'000'000 + i};
    vm.spec.name = "vm-" + std::to_string(i);
    vm.spec.image = defaults::image;
    vm.spec.cpus_milli = defaults::cpus_milli;
    vm.spec.memory_bytes = defaults::memory_bytes;
    vm.spec.pids = defaults::pids;
    vm.spec.authorized_keys = {"ssh-ed25519 " + std::string(68, 'A') + " somebody@somewhere"};
    vm.spec.labels = {{"course", "os-2026"}, {"team", std::to_string(i % 30)}};
    vm.owner = vms_of_owner == 0 ? "local" : "user-" + std::to_string(i / vms_of_owner);
    vm.request = RequestId{1, i};
    vm.node = NodeId{1 + i % nodes};
    vm.state = protocol::VmState::running;
    vm.created = WallTime{some_time_unix_ms};
    vm.report.vm = vm.id;
    vm.report.state = protocol::ContainerState::running;
    vm.report.container = std::string(64, 'c');
    vm.report.image = vm.spec.image;
    vm.report.ssh_port = static_cast<std::uint16_t>(32768 + i % 30000);
    vm.report.host_key = "ssh-ed25519 " + std::string(68, 'B');
    return vm;
}

/// Ids in an order that is not that of age, as random ids are.
RequestId request_id(std::uint64_t i) {
    return RequestId{i * 0x9E3779B97F4A7C15ULL | 1, i};
}

void fill(Writer& writer, std::uint64_t vms, std::uint64_t requests, std::uint64_t events) {
    writer.put(Table::meta, "", MetaRecord{CloudId{0xC10D}, Epoch{7}, vms + 1, 0});
    for (std::uint64_t i = 1; i <= nodes; ++i) {
        NodeRecord node;
        node.id = NodeId{i};
        node.name = "node-" + std::to_string(i);
        node.advertise = "192.0.2." + std::to_string(i);
        writer.put(Table::nodes, key_of(i), node);
    }
    for (std::uint64_t i = 0; i < vms; ++i) {
        const VmRecord vm = vm_record(i);
        writer.put(Table::vms, key_of(vm.id.value), vm);
    }
    for (std::uint64_t i = 0; i < requests; ++i) {
        RequestRecord request;
        request.id = request_id(i);
        request.verb = protocol::Verb::create;
        request.digest = std::string(32, 'd');
        request.owner = "local";
        request.accepted = WallTime{some_time_unix_ms + static_cast<std::int64_t>(i)};
        request.item_count = 1;
        request.vms = {VmId{1'000'000 + i % vms}};
        writer.put(Table::requests, key_of(request.id), request);
        protocol::ItemResult item;
        item.target = "vm-" + std::to_string(i % vms);
        item.vm = protocol::VmView{};
        item.vm->name = item.target;
        item.vm->host_key = "ssh-ed25519 " + std::string(68, 'B');
        item.vm->container = std::string(64, 'c');
        writer.put(Table::request_items, key_of(request.id) + key_of(0), item);
    }
    for (std::uint64_t i = 1; i <= events; ++i) {
        protocol::Event event;
        event.seq = EventSeq{i};
        event.epoch = Epoch{7};
        event.time = WallTime{some_time_unix_ms + static_cast<std::int64_t>(i)};
        event.kind = protocol::event_kind::vm_running;
        event.vm = VmId{1'000'000 + i % vms};
        event.name = "vm-" + std::to_string(i % vms);
        event.node = "node-" + std::to_string(i % nodes);
        writer.put(Table::events, key_of(i), event);
    }
    for (std::uint64_t i = 0; i < vms; ++i) {
        TombstoneRecord tombstone;
        tombstone.vm = VmId{2'000'000 + i};
        tombstone.deleted = WallTime{some_time_unix_ms};
        writer.put(Table::tombstones, key_of(tombstone.vm.value), tombstone);
    }
    writer.commit();
}

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5 || argc > 7 || number(argv[2]) == 0) {
        std::fputs("usage: fill_store FILE VMS REQUESTS EVENTS [NODES [VMS-OF-AN-OWNER]]\n", stderr);
        return 2;
    }
    if (argc > 5) nodes = number(argv[5]);
    if (argc > 6) vms_of_owner = number(argv[6]);
    auto store = io::Store::open(argv[1]);
    if (!store) {
        std::fprintf(stderr, "fill_store: %s\n", store.error().message.c_str());
        return 1;
    }
    Writer writer(std::move(*store));
    fill(writer, number(argv[2]), number(argv[3]), number(argv[4]));
    return 0;
}

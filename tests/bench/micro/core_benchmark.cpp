// What the broker's core costs without sockets and disk.
#include <benchmark/benchmark.h>

#include "broker/core/broker_core.hpp"
#include "broker/core/node_table.hpp"

namespace {

using namespace mc;
using namespace mc::broker;
using protocol::PlacementPolicy;

constexpr std::int64_t nodes_few = 10;
constexpr std::int64_t nodes_many = 10'000;
constexpr std::uint64_t vms_kept = 20'000;  // before the oldest goes

NodeTable ready_nodes(std::int64_t count) {
    NodeTable nodes;
    for (std::int64_t i = 1; i <= count; ++i) {
        protocol::RegisterRequest request;
        request.name = "node-" + std::to_string(i);
        request.node = NodeId{static_cast<std::uint64_t>(i)};
        request.boot = BootId{1};
        request.advertise = "192.0.2.1";
        request.status.ready = true;
        request.status.slots = limits::inventory_max;
        request.status.cpus_milli = limits::cpus_milli_max;
        request.status.memory_bytes = limits::memory_bytes_max;
        const auto node = nodes.enrol(request, RequestId{1, request.node.value}, PeerId{request.name}, Instant{});
        (*node)->inventory_seen = true;
    }
    return nodes;
}

VmRecord vm_record() {
    VmRecord vm;
    vm.owner = "ada";
    vm.spec.cpus_milli = defaults::cpus_milli;
    vm.spec.memory_bytes = defaults::memory_bytes;
    return vm;
}

/// One VM placed, and with it one removed of those that were placed long before.
void place(benchmark::State& state, PlacementPolicy policy) {
    NodeTable nodes = ready_nodes(state.range(0));
    protocol::Placement placement;
    placement.policy = policy;
    VmRecord vm = vm_record();
    const std::string any;
    std::deque<NodeId> placed;
    std::uint64_t number = 0;
    for ([[maybe_unused]] auto _ : state) {
        vm.id = VmId{++number};
        Node* node = *nodes.place({vm.spec, vm.owner, placement, any});
        nodes.take(*node, vm);
        placed.push_back(node->record.id);
        if (placed.size() <= vms_kept) continue;
        vm.id = VmId{number - vms_kept};
        nodes.release(*nodes.find(placed.front()), vm);
        placed.pop_front();
    }
}

void round_robin(benchmark::State& state) {
    place(state, PlacementPolicy::round_robin);
}
void least_loaded(benchmark::State& state) {
    place(state, PlacementPolicy::least_loaded);
}
void spread(benchmark::State& state) {
    place(state, PlacementPolicy::spread);
}
void pack(benchmark::State& state) {
    place(state, PlacementPolicy::pack);
}
BENCHMARK(round_robin)->RangeMultiplier(10)->Range(nodes_few, nodes_many);
BENCHMARK(least_loaded)->RangeMultiplier(10)->Range(nodes_few, nodes_many);
BENCHMARK(spread)->RangeMultiplier(10)->Range(nodes_few, nodes_many);
BENCHMARK(pack)->RangeMultiplier(10)->Range(nodes_few, nodes_many);

/// The first `vms` VMs of a store, as they are at a start.
void tick(benchmark::State& state) {
    Now now{Instant{}, WallTime{1}};
    BrokerCore core({}, Prng(1));
    for (std::int64_t i = 1; i <= state.range(0); ++i) {
        VmRecord vm = vm_record();
        vm.id = VmId{static_cast<std::uint64_t>(i)};
        vm.spec.name = "vm-" + std::to_string(i);
        vm.node = NodeId{1};
        vm.state = protocol::VmState::running;
        const auto restored =
            core.restore(static_cast<std::uint8_t>(Table::vms), key_of(vm.id.value), protocol::encode(vm), now);
        if (!restored) return state.SkipWithError(restored.error().message.c_str());
    }
    core.start(now);
    for ([[maybe_unused]] auto _ : state) {
        // A second, in which all that is done now and then is done.
        now.instant = now.instant + seconds(1);
        core.on_tick(now);
        benchmark::DoNotOptimize(core.take_effects());
    }
}
BENCHMARK(tick)->Arg(1'000)->Arg(100'000);  // a million take minutes to make, for each repetition

}  // namespace

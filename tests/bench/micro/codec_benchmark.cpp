// What a message costs between bytes and values.
#include <benchmark/benchmark.h>

#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"
#include "protocol/worker_bodies.hpp"

namespace {

using namespace mc;
using namespace mc::protocol;

Heartbeat heartbeat() {
    Heartbeat body;
    body.boot = BootId{1};
    body.status.ready = true;
    body.status.slots = 64;
    body.status.memory_bytes = std::uint64_t{1} << 36;
    body.status.engine_version = "20.10.24";
    return body;
}

CreateOrder create_order() {
    CreateOrder body;
    body.vm = VmId{1};
    body.owner = "ada";
    body.spec.name = "vm-1";
    body.spec.image = defaults::image;
    body.spec.authorized_keys = {"ssh-ed25519 " + std::string(68, 'A') + " ada@lab"};
    body.spec.labels = {{"course", "os-2026"}};
    return body;
}

ListReply page(std::size_t vms) {
    ListReply body;
    for (std::size_t i = 0; i < vms; ++i) {
        VmView vm;
        vm.name = "vm-" + std::to_string(i);
        vm.owner = "ada";
        vm.node = "node-1";
        vm.container = std::string(64, 'c');
        vm.host_key = "ssh-ed25519 " + std::string(68, 'B');
        body.vms.push_back(std::move(vm));
    }
    return body;
}

Inventory inventory(std::size_t vms) {
    Inventory body;
    for (std::size_t i = 0; i < vms; ++i) {
        VmReport vm;
        vm.vm = VmId{i + 1};
        vm.state = ContainerState::running;
        vm.container = std::string(64, 'c');
        vm.image = defaults::image;
        vm.host_key = "ssh-ed25519 " + std::string(68, 'B');
        body.vms.push_back(std::move(vm));
    }
    return body;
}

template <class T>
void encoding(benchmark::State& state, const T& body) {
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(encode(body));
}

template <class T>
void decoding(benchmark::State& state, const T& body) {
    const Bytes bytes = encode(body);
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(decode<T>(bytes));
}

void header(benchmark::State& state) {
    Header one;
    one.id = {1, 2};
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(decode_header(encode_header(one)));
}

constexpr std::size_t some = 100;

BENCHMARK(header);
BENCHMARK_CAPTURE(encoding, heartbeat, heartbeat());
BENCHMARK_CAPTURE(decoding, heartbeat, heartbeat());
BENCHMARK_CAPTURE(encoding, create_order, create_order());
BENCHMARK_CAPTURE(decoding, create_order, create_order());
BENCHMARK_CAPTURE(encoding, list_of_100, page(some));
BENCHMARK_CAPTURE(decoding, list_of_100, page(some));
BENCHMARK_CAPTURE(encoding, inventory_of_100, inventory(some));
BENCHMARK_CAPTURE(decoding, inventory_of_100, inventory(some));

}  // namespace

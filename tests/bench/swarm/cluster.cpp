#include "swarm/cluster.hpp"

#include <algorithm>

namespace mc::bench {

void* big_context() {
    void* context = zmq_ctx_new();
    constexpr int sockets_max = 60'000;
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, sockets_max);
    return context;
}

Cluster::Cluster(Loop& loop, void* context, Settings& settings, const FakeWorker::Options& options)
    : first_(settings.number("first_node", 1)) {
    const std::string at = settings.text("workers_at");
    const std::string keys = settings.text("worker_keys");
    const std::size_t count = settings.number("nodes", 4);
    for (std::size_t i = first_; i < first_ + count; ++i) {
        const auto key = settings.key_at(keys.empty() ? "" : keys + "node-" + std::to_string(i) + "/connection");
        workers_.push_back(std::make_unique<FakeWorker>(loop, context, at, key, i, options));
    }
}

void Cluster::adopt(std::size_t vms, std::size_t nodes) {
    constexpr std::uint64_t first_vm = 1'000'000;
    for (std::size_t i = 0; i < workers_.size(); ++i)
        workers_[i]->adopt(VmId{first_vm + first_ - 1 + i}, vms / nodes, nodes);
}

void Cluster::on_turn(Clock::time_point now) {
    for (const auto& worker : workers_) worker->on_turn(now);
}

bool Cluster::ready() const {
    return std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->registered(); });
}

}  // namespace mc::bench

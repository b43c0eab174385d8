#pragma once

#include <memory>
#include <vector>

#include "swarm/fake_worker.hpp"
#include "swarm/settings.hpp"

namespace mc::bench {

/// So many sockets may be open in one process, besides what ulimit says.
void* big_context();

/// The nodes of a cloud, node-1 to node-N.
class Cluster {
public:
    /// Reads `nodes`, `first_node` (its number), `workers_at`, `worker_keys`.
    Cluster(Loop& loop, void* context, Settings& settings, const FakeWorker::Options& options);

    void on_turn(Clock::time_point now);
    [[nodiscard]] bool ready() const;
    /// They have the VMs that tests/e2e/fill_store gives them: `vms` on `nodes` nodes in all.
    void adopt(std::size_t vms, std::size_t nodes);

private:
    std::size_t first_;
    std::vector<std::unique_ptr<FakeWorker>> workers_;
};

}  // namespace mc::bench

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/broker_process.hpp"
#include "sim/client.hpp"
#include "sim/engine.hpp"
#include "sim/intruders.hpp"
#include "sim/network.hpp"
#include "sim/worker_process.hpp"
#include "sim/world.hpp"

namespace mc::sim {

/// What faults are done to.
struct Targets {
    Network& network;
    BrokerProcess& broker;
    std::vector<std::unique_ptr<Engine>>& engines;
    std::vector<std::unique_ptr<WorkerProcess>>& workers;
    std::vector<std::unique_ptr<Client>>& clients;
    Checker& checker;
    HostId hosts_max;
};

/// Does the faults of one run: each seed has some kinds, at its own pace.
class Nemesis {
public:
    Nemesis(World& world, Targets targets) : world_(world), dice_(world.dice("nemesis")), targets_(targets) {}

    /// `per_mille` of the kinds take part; 0 is a run without faults.
    void begin(std::uint64_t per_mille);
    /// No more faults; everything is whole again.
    void heal();

private:
    using Action = std::function<void()>;

    void family(milliseconds mean_min, milliseconds mean_max, Action action);
    void again(milliseconds mean, const std::shared_ptr<Action>& action);
    /// Undoes something later, unless everything was healed before.
    void later(milliseconds delay, Action action);

    void network_faults();
    void process_faults();
    void engine_faults();
    void container_faults();
    void partition(HostId host);
    void flap(HostId host, int times);
    void roll(std::size_t next);
    void power_off(HostId host);
    void old_broker(WorkerProcess& worker);
    void pose_as_another(const WorkerProcess& worker);
    [[nodiscard]] HostId some_host() { return static_cast<HostId>(dice_.between(1, targets_.hosts_max)); }
    [[nodiscard]] HostId some_worker_host() {
        return static_cast<HostId>(dice_.between(1, static_cast<std::int64_t>(targets_.workers.size())));
    }
    Engine& some_engine() { return *targets_.engines[dice_.below(targets_.engines.size())]; }
    WorkerProcess& some_worker() { return *targets_.workers[dice_.below(targets_.workers.size())]; }

    World& world_;
    Dice dice_;
    Targets targets_;
    std::unique_ptr<Impostor> impostor_;
    std::uint64_t per_mille_ = 0;
    bool healed_ = false;
};

}  // namespace mc::sim

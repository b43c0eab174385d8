#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sim/broker_process.hpp"
#include "sim/call_checker.hpp"
#include "sim/engine.hpp"
#include "sim/network.hpp"
#include "sim/world.hpp"
#include "worker/core/worker_core.hpp"

namespace mc::sim {

/// The real worker core in a simulated process: worker/shell/worker_shell.cpp's
/// effects on a simulated connection and engine. Its state file outlives it.
class WorkerProcess {
public:
    WorkerProcess(World& world, Network& network, Engine& engine, HostId host, std::uint32_t slots,
                  milliseconds wall_offset, std::optional<PublicKey> key);
    ~WorkerProcess();
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;

    void boot();

    // Faults.
    void crash() { crash(restart_min, restart_max); }
    void crash(milliseconds away_min, milliseconds away_max);
    /// SIGTERM: takes no more orders, and ends when the jobs have, or after a while.
    void terminate();
    /// Ends with its next create at the engine, and is back at once.
    void crash_in_create() { crash_in_create_ = true; }
    /// Begins anew, and the first broker that answers is an earlier one.
    void meet_old_broker(CloudId cloud, std::vector<BrokerProcess::OldOrder> orders);
    void pause(milliseconds time);
    void step_wall(milliseconds by) { clock_.step_wall(by); }
    /// The next time it saves its state that fails, or, every other time, the process ends there.
    void break_next_save() { break_save_ = true; }

    [[nodiscard]] bool alive() const { return core_ != nullptr; }
    /// The most containers that it keeps for VMs to come.
    [[nodiscard]] std::size_t pool() const { return pool_; }
    [[nodiscard]] bool idle() const { return core_ && core_->idle(); }
    [[nodiscard]] NodeId node() const { return state_.node; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::optional<PublicKey>& key() const { return key_; }
    [[nodiscard]] std::uint32_t slots() const { return slots_; }
    [[nodiscard]] const Engine& engine() const { return engine_; }
    [[nodiscard]] std::size_t calls_open() const { return calls_.size(); }
    [[nodiscard]] HostId host() const { return host_; }
    /// The highest epoch that it has told a broker and kept: no earlier one may give it orders.
    [[nodiscard]] Epoch obeys() const { return obeys_; }
    [[nodiscard]] std::size_t inbox_size() const { return inbox_.size(); }

private:
    using Task = std::function<void()>;

    static constexpr milliseconds restart_min{300};
    static constexpr milliseconds restart_max{6000};

    void wait_for_end(Moment latest);
    void answer_as_old_broker(const protocol::Message& registration);

    /// Runs `task` when the process gets to it; never in another life of it.
    void deliver(Task task);
    void settle();
    void want_tick();
    void run_effects();
    void on_call_done(worker::CallId id, worker::CallResult result);
    template <class Effect>
    void run(Effect& effect);

    World& world_;
    Dice dice_;
    Network& network_;
    Engine& engine_;
    HostId host_;
    std::uint32_t slots_;
    std::size_t pool_;
    bool visits_;                   ///< its engine's containers can be visited
    std::optional<PublicKey> key_;  ///< nullopt: over ipc:// or loopback
    std::string name_;
    ProcessClock clock_;
    worker::WorkerState state_;  ///< on its disk
    std::unique_ptr<worker::WorkerCore> core_;
    std::unique_ptr<Dealer> dealer_;
    std::map<worker::CallId, Engine::CallPtr> calls_;
    std::optional<CallChecker> manners_;  ///< of this life of the process
    std::map<worker::StreamId, Engine::StreamPtr> streams_;
    std::map<worker::ProbeId, std::uint64_t> probes_;
    std::uint64_t last_probe_ = 0;
    std::deque<Task> inbox_;
    std::uint64_t life_ = 0;
    Moment tick_at_ = Moment::max();
    Moment paused_until_{0};
    bool break_save_ = false;
    bool crash_in_create_ = false;
    bool unsaved_ = false;  ///< its disk has refused what it saw last
    Epoch obeys_;
    CloudId old_cloud_;
    std::vector<BrokerProcess::OldOrder> old_orders_;  ///< not empty: an earlier broker answers first
    bool settling_ = false;
    bool ending_ = false;
    bool quick_ = false;  ///< and is back at once
};

}  // namespace mc::sim

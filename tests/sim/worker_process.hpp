#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

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
                  milliseconds wall_offset);
    ~WorkerProcess();
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;

    void boot();

    // Faults.
    void crash();
    void pause(milliseconds time);
    void step_wall(milliseconds by) { clock_.step_wall(by); }
    /// The next time it saves its state that fails, or, every other time, the process ends there.
    void break_next_save() { break_save_ = true; }

    [[nodiscard]] bool alive() const { return core_ != nullptr; }
    [[nodiscard]] bool idle() const { return core_ && core_->idle(); }
    [[nodiscard]] NodeId node() const { return state_.node; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::uint32_t slots() const { return slots_; }
    [[nodiscard]] const Engine& engine() const { return engine_; }
    [[nodiscard]] std::size_t calls_open() const { return calls_.size(); }
    [[nodiscard]] HostId host() const { return host_; }

private:
    using Task = std::function<void()>;

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
    std::string name_;
    ProcessClock clock_;
    worker::WorkerState state_;  ///< on its disk
    std::unique_ptr<worker::WorkerCore> core_;
    std::unique_ptr<Dealer> dealer_;
    std::map<worker::CallId, Engine::CallPtr> calls_;
    std::map<worker::StreamId, Engine::StreamPtr> streams_;
    std::map<worker::ProbeId, std::uint64_t> probes_;
    std::uint64_t last_probe_ = 0;
    std::deque<Task> inbox_;
    std::uint64_t life_ = 0;
    Moment tick_at_ = Moment::max();
    Moment paused_until_{0};
    bool break_save_ = false;
    bool settling_ = false;
    bool ending_ = false;
};

}  // namespace mc::sim

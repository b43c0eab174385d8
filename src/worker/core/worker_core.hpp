#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "worker/core/engine_watch.hpp"
#include "worker/core/inventory.hpp"
#include "worker/core/job_table.hpp"
#include "worker/core/pool.hpp"
#include "worker/core/session.hpp"
#include "worker/core/usage_sampler.hpp"

namespace mc::worker {

/// Everything a worker decides. Messages, answers of the engine and time go in;
/// effects come out, in the order in which they must be carried out.
///
/// Pure: no clock, socket, file, thread or log. Single thread. Split by subject:
/// Session (broker), JobTable and its jobs (orders), Pool (containers for VMs to come), Inventory, EngineWatch and
/// EngineHealth (engine), UsageSampler (what VMs use); this class only hands round.
class WorkerCore {
public:
    WorkerCore(Settings settings, WorkerState state);
    WorkerCore(const WorkerCore&) = delete;
    WorkerCore& operator=(const WorkerCore&) = delete;

    /// First of all, once.
    void begin(Now now);

    void on_broker_message(Now now, protocol::Message message);
    /// Frames that are no message: counted, and answered if it was a request that can be told.
    void on_broker_garbage(Now now, RequestId id, const Error& error);
    void on_call_done(Now now, CallId id, CallResult result);
    void on_call_chunk(Now now, CallId id, std::string_view bytes);
    void on_stream_opened(Now now, StreamId id);
    void on_stream_bytes(Now now, StreamId id, std::string_view bytes);
    /// The engine's connection has taken that many bytes of what WriteStream gave.
    void on_stream_written(Now now, StreamId id, std::size_t bytes);
    void on_stream_closed(Now now, StreamId id, const Result<void>& result);
    void on_probe_done(Now now, ProbeId id, const ProbeResult& result);
    void on_personalised(Now now, VisitId id, const VisitResult& result);
    void on_vm_ended(Now now, VisitId id, const Result<void>& result);
    /// The state could not be written: until it can be, no new orders.
    void on_save_failed(Now now, const Error& error);
    void on_tick(Now now);
    /// The engine's directory on its machine, as it last said; "" = not known.
    [[nodiscard]] std::string data_root() const { return health_.data_root(); }
    /// How it is with the disk that is on. Told with the next heartbeat.
    void on_disk(DiskSpace disk) { health_.on_disk(disk); }

    /// Tells the broker, takes no new orders any more and ends streams. Jobs under way go
    /// on, those that wait are left to the next process of this worker.
    void begin_stop(Now now);
    /// No job is under way, and nothing is left of what the process made for itself.
    [[nodiscard]] bool idle() const { return jobs_.under_way() == 0 && pool_.idle(); }

    /// When on_tick is due at the latest.
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] std::vector<Effect> take_effects() { return outbox_.take(); }

    /// How the node is, as the next heartbeat will tell.
    [[nodiscard]] protocol::NodeStatus status(Now now) const;

private:
    void on_order(Now now, const protocol::Message& message);
    void on_notice(Now now, const protocol::Message& message);
    void on_session_change(Now now, Session::Change change);
    void on_info(Now now, const CallResult& result);
    void tell_about(const engine::EngineInfo& engine);
    [[nodiscard]] milliseconds info_pause() const;  ///< between two looks at the engine, as things are
    void ask_info(Now now);
    void watch_readiness(Now now);
    void refuse(const protocol::Header& order, const Error& error);

    Outbox outbox_;
    const Settings settings_;
    EngineCalls calls_;
    KnownContainers known_;
    Endings endings_;
    Leftovers leftovers_;
    Visits visits_;
    EngineHealth health_;
    VmNetwork network_;
    JobContext context_;
    Pool pool_;
    JobTable jobs_;
    Inventory inventory_;
    UsageSampler usage_;
    EngineWatch watch_;
    Session session_;
    Instant next_info_;
    bool asking_info_ = false;
    bool told_about_engine_ = false;
    bool stopping_ = false;
    std::string save_error_;
    Instant next_save_ = Instant::never();
    std::uint64_t garbage_count_ = 0;
    std::string last_reason_ = "not asked yet";  ///< of not being ready, as last told
};

}  // namespace mc::worker

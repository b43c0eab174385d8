#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "io/byte_stream.hpp"
#include "io/container_ender.hpp"
#include "io/disk_space.hpp"
#include "io/engine_client.hpp"
#include "io/handshake_watch.hpp"
#include "io/poller.hpp"
#include "io/ssh_probe.hpp"
#include "io/zmq.hpp"
#include "worker/core/worker_core.hpp"
#include "worker/shell/leftover_ender.hpp"

namespace mc::worker {

/// Gives a WorkerCore its ears and hands: broker socket, engine, probes, state
/// file. It translates and decides nothing.
///
/// Single thread: the one that calls turn(). The Poller and Context outlive it.
class WorkerShell {
public:
    struct Places {
        std::string broker;
        io::EngineEndpoint engine;
        std::filesystem::path state_dir;
        io::Security security{};  ///< towards the broker
    };

    WorkerShell(io::Context& context, io::Poller& poller, Places places, Settings settings, WorkerState state);
    ~WorkerShell();
    WorkerShell(const WorkerShell&) = delete;
    WorkerShell& operator=(const WorkerShell&) = delete;

    /// Connects and registers. Errors: invalid_argument (the broker's endpoint is none).
    [[nodiscard]] Result<void> begin();

    /// One round of the loop: waits, at most `max`, and does what is due.
    void turn(milliseconds max);

    /// Takes no new orders; those under way go on in turn().
    void begin_stop();
    [[nodiscard]] bool idle() const { return core_.idle(); }

private:
    [[nodiscard]] Result<void> connect_broker();
    void drain_broker();
    /// Says in the log why no connection stands; once, until one has stood.
    void on_handshakes();
    void leave_broker();
    void run_effects();
    void tick();
    /// Tells the core of the engine's disk, where that is this machine's.
    void look_at_disk(Instant now);

    void run(SendBroker& effect);
    void run(ReconnectBroker& effect);
    void run(StartCall& effect);
    void run(CancelCall& effect);
    void run(PauseCall& effect);
    void run(ResumeCall& effect);
    void run(OpenStream& effect);
    void run(DialStream& effect);
    void run(WriteStream& effect);
    void run(CloseWrite& effect);
    void run(CloseStream& effect);
    void run(PauseStream& effect);
    void run(ResumeStream& effect);
    void run(StartProbe& effect);
    void run(CancelProbe& effect);
    void run(PersonaliseVm& effect);
    void run(EndVm& effect);
    void run(EndLeftovers& effect);
    void run(SaveState& effect);
    void run(Log& effect);

    void on_call_done(CallId id, bool archive, Result<io::EngineResponse> answer);
    [[nodiscard]] io::Flow on_call_chunk(CallId id, std::string_view bytes);
    [[nodiscard]] io::ByteStreamHandlers stream_handlers(StreamId id);

    io::Context& context_;
    io::Poller& poller_;
    Places places_;
    WorkerCore core_;
    std::unique_ptr<io::Socket> broker_;
    std::unique_ptr<io::HandshakeWatch> handshakes_;  ///< after the socket: it has to go first
    std::optional<io::Handshake> trouble_told_;
    io::EngineClient engine_;
    io::SshProbe probes_;
    io::ContainerEnder ender_;
    /// What is written to one and not sent yet is bounded by the core: bounds::input_window_bytes.
    std::map<StreamId, io::ByteStream> streams_;
    std::set<CallId> paused_calls_;
    LeftoverEnder leftovers_;
    io::DiskWatch disk_;
};

}  // namespace mc::worker

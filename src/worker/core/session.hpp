#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

#include "base/prng.hpp"
#include "protocol/worker_bodies.hpp"
#include "worker/core/effects.hpp"

namespace mc::worker {

/// The worker's standing with its broker: registers, sends heartbeats, notices
/// silence, and registers again. docs/protocol.md "Heartbeats".
///
/// Epochs of a cloud only rise; they are saved before anything is done under
/// them. A broker with a lower one than seen is not obeyed.
class Session {
public:
    using Status = std::function<protocol::NodeStatus(Now)>;
    enum class Change : std::uint8_t {
        none,
        registered,  ///< the broker knows us now
        lost,        ///< it does not any more: streams are dead
    };

    Session(Outbox& outbox, const Settings& settings, WorkerState state, Status status);

    /// Sends the first registration.
    void begin(Now now);
    [[nodiscard]] Change on_tick(Now now);
    /// Any message is a sign of life. REQUIRES for a change: a reply to
    /// node_register, or a reply (not_registered) to node_heartbeat.
    [[nodiscard]] Change on_message(Now now, const protocol::Message& message);
    /// An order came with this epoch. False: it is stale.
    [[nodiscard]] bool accept_epoch(Epoch epoch);
    /// Says at the next chance how the node is, not only when it is due.
    void hasten_heartbeat(Now now) { next_heartbeat_ = std::min(next_heartbeat_, now.instant); }

    /// A heartbeat of the broker has come, which says how far apart they are; 0 = limits::heartbeat_interval. One that
    /// is due soon goes out at once. REQUIRES: it is for this process.
    void on_heartbeat(Now now, milliseconds interval);

    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] bool is_registered() const { return registered_; }
    [[nodiscard]] const WorkerState& state() const { return state_; }

private:
    void send_register(Now now);
    void send_heartbeat(Now now);
    [[nodiscard]] Change register_again(Now now);
    [[nodiscard]] Change on_registered(Now now, const protocol::Message& message);
    void refused(Now now, const std::string& why);
    /// From when on the broker is silent.
    [[nodiscard]] Instant silent_at() const { return heard_ + limits::heartbeats_missed_max * interval_; }

    Outbox& outbox_;
    const Settings& settings_;
    WorkerState state_;
    Status status_;
    Prng prng_;
    bool registered_ = false;
    bool refused_ = false;  ///< answered, but not let in: patience, not another socket
    RequestId register_id_;
    Instant heard_;
    Instant next_register_;
    milliseconds register_wait_ = bounds::register_retry_min;
    Instant next_heartbeat_ = Instant::never();
    milliseconds interval_ = limits::heartbeat_interval;  ///< of heartbeats, both ways
};

}  // namespace mc::worker

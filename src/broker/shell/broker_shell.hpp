#pragma once

#include <filesystem>
#include <memory>

#include "base/result.hpp"
#include "broker/core/core_keeper.hpp"
#include "broker/shell/broker_options.hpp"
#include "broker/shell/send_queues.hpp"
#include "io/files.hpp"
#include "io/poller.hpp"
#include "io/signals.hpp"
#include "io/store.hpp"
#include "io/zmq.hpp"

namespace mc::broker {

/// io::Store for the keeper.
class StoreOnDisk final : public StateStore {
public:
    explicit StoreOnDisk(io::Store store) : store_(std::move(store)) {}
    [[nodiscard]] Result<void> load(const Visit& visit) override { return store_.load(visit); }
    [[nodiscard]] Result<void> commit(std::span<const StoreChange> changes) override { return store_.commit(changes); }

private:
    io::Store store_;
};

/// The broker with sockets, disk and clock around its core. It translates and
/// carries out; it decides nothing.
///
/// Single thread (plus libzmq's I/O thread).
class BrokerShell {
public:
    /// Takes the state directory, reads the store and listens.
    /// Errors: busy (another broker has the directory), store_failed (it can't be read; one that can't
    /// be written is served read-only), io_failed (an endpoint can't be had).
    [[nodiscard]] static Result<std::unique_ptr<BrokerShell>> open(const BrokerOptions& options, io::Signals signals);

    /// Serves until SIGTERM or SIGINT; read-only while the store can't be written.
    void run();

private:
    BrokerShell(const BrokerConfig& config, io::Signals signals, io::LockFile lock, io::Store store);

    [[nodiscard]] Result<void> load();
    [[nodiscard]] Result<void> listen(const BrokerOptions& options);
    void watch_signals();

    void drain(Side side);
    void flush_clients();

    /// Commits, publishes, sends; what fails to be sent goes back into the core.
    void carry_out();
    void tell(Effects effects);
    void publish(const Effects& effects);
    void send_all(Side side, std::vector<Outgoing> messages);

    io::Signals signals_;
    io::LockFile lock_;
    StoreOnDisk store_;
    io::Context context_;
    io::Socket clients_;
    io::Socket workers_;
    io::Socket events_;
    SendQueues to_clients_;
    io::Poller poller_;  ///< last: it must go before the sockets it watches
    CoreKeeper keeper_;
    bool stop_ = false;
};

}  // namespace mc::broker

#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "broker/core/core_keeper.hpp"
#include "broker/core/handshake_limit.hpp"
#include "broker/core/publications.hpp"
#include "broker/shell/broker_options.hpp"
#include "broker/shell/connection_watch.hpp"
#include "broker/shell/events_socket.hpp"
#include "broker/shell/line_limit.hpp"
#include "broker/shell/send_queues.hpp"
#include "io/disk_space.hpp"
#include "io/files.hpp"
#include "io/poller.hpp"
#include "io/signals.hpp"
#include "io/store.hpp"
#include "io/zap.hpp"
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
    /// Takes the state directory, reads the store, listens, and tries whether strangers are kept out.
    /// Errors: busy (another broker has the directory), store_failed (it can't be read; one that can't
    /// be written is served read-only), io_failed (an endpoint can't be had), internal (a stranger got in), denied and
    /// invalid_argument (a key file).
    [[nodiscard]] static Result<std::unique_ptr<BrokerShell>> open(const BrokerOptions& options, io::Signals signals);
    ~BrokerShell();
    BrokerShell(const BrokerShell&) = delete;
    BrokerShell& operator=(const BrokerShell&) = delete;

    /// Serves until SIGTERM or SIGINT; read-only while the store can't be written.
    void run();

private:
    /// How each socket speaks.
    struct Securities {
        io::Security clients;
        io::Security workers;
        io::Security events;
    };
    struct Resources {
        std::filesystem::path state_dir;
        io::Signals signals;
        io::Connections connections;
        io::LockFile lock;
        io::Store store;
    };

    BrokerShell(const BrokerConfig& config, Resources resources, const Securities& securities);
    [[nodiscard]] static Result<Securities> securities_of(const BrokerOptions& options,
                                                          const std::filesystem::path& state_dir);

    [[nodiscard]] Result<void> load();
    [[nodiscard]] Result<void> listen(const BrokerOptions& options);
    [[nodiscard]] Result<void> try_strangers();
    [[nodiscard]] Result<void> provide_admin(const std::filesystem::path& state_dir);
    void watch_signals();
    /// Ends connections that may not go on.
    void look_at_connections();
    void look_at_disk();
    /// For the ZapHandler: `domain` is the socket.
    [[nodiscard]] io::Admission may_connect(std::string_view domain, const PublicKey& key, std::string_view address);

    /// As Poller::wait(); without sleeping at first, where work came quickly the last time.
    void wait_for_work(milliseconds max);
    void drain(Side side);
    void flush();
    [[nodiscard]] bool all_sent() const { return to_clients_.empty() && to_workers_.empty(); }

    /// Commits, publishes, sends; what fails to be sent goes back into the core.
    void carry_out();
    void tell(Effects effects);
    /// What is due.
    void publish();
    void send_all(Side side, std::vector<Outgoing> messages);

    std::filesystem::path state_dir_;
    io::DiskWatch disk_;
    io::Signals signals_;
    io::LockFile lock_;
    StoreOnDisk store_;
    CoreKeeper keeper_;
    Securities securities_;
    io::Context context_;
    io::Poller poller_;
    io::ZapHandler zap_;
    io::Socket clients_;
    io::Socket workers_;
    io::Received received_;  ///< from either, one at a time
    ConnectionWatch connections_;
    EventsSocket events_;
    Publications publications_;
    SendQueues to_clients_;
    SendQueues to_workers_;
    HandshakeLimit handshakes_;
    LineLimit turned_away_;      ///< of connections
    bool serving_ = false;       ///< past the probes of the start
    bool workers_wait_ = false;  ///< more from workers may be there than this turn has read
    bool stop_ = false;
    bool eager_ = false;  ///< a few messages came quickly the last time
};

}  // namespace mc::broker

#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "protocol/worker_bodies.hpp"
#include "swarm/loop.hpp"
#include "swarm/peer.hpp"

namespace mc::bench {

/// A node that has no engine: every order is done at once, every VM runs. It registers, sends heartbeats and, when told
/// to, inventories, as docs/protocol.md "A worker's life" says. One thread.
class FakeWorker {
public:
    struct Options {
        std::uint32_t slots = limits::inventory_max;
        bool keeps_vms = false;       ///< remembers what it has made, and reports it every 3 s
        std::size_t reply_bytes = 0;  ///< of the body with which a question for images is answered
    };

    /// `number`: its name is node-NUMBER, its NodeId NUMBER; not 0.
    FakeWorker(Loop& loop, void* context, const std::string& endpoint, const std::optional<io::StoredConnection>& key,
               std::uint64_t number, const Options& options);

    [[nodiscard]] const std::string& name() const { return name_; }
    /// The first inventory has gone out: the broker takes it for ready as soon as it is read.
    [[nodiscard]] bool registered() const { return registered_; }
    /// Sends what is due.
    void on_turn(Clock::time_point now);
    /// It has these from the beginning.
    void adopt(VmId first, std::size_t count, std::size_t step);

private:
    void on_message();
    void on_heartbeat(const protocol::Header& header);
    void on_order(const protocol::Header& order);
    void on_stream(const protocol::Header& header);
    void reply(const protocol::Header& order, std::string_view body);
    [[nodiscard]] protocol::NodeStatus status() const;
    [[nodiscard]] static protocol::VmReport report(VmId vm);
    void send_register();
    void send_inventory();

    Peer peer_;
    std::string name_;
    NodeId node_;
    BootId boot_;
    Options options_;
    bool registered_ = false;
    Clock::time_point next_register_ = Clock::time_point::max();  ///< when it was told to wait
    Clock::time_point next_heartbeat_{};
    milliseconds interval_ = limits::heartbeat_interval;  ///< of heartbeats, as the broker wants it
    Clock::time_point next_inventory_{};
    protocol::Bytes heartbeat_;
    protocol::Bytes inventory_;  ///< encoded; "" = it has changed
    std::uint32_t inventory_number_ = 0;
    std::uint32_t settled_ = 0;  ///< of which the broker says that all is as it says
    protocol::Bytes images_;
    std::map<VmId, protocol::VmReport> vms_;
    struct Stream {
        std::uint32_t sequence = 0;
        std::uint32_t ungranted = 0;  ///< bytes that were received and not yet asked for again
    };
    std::map<RequestId, Stream> streams_;
};

}  // namespace mc::bench

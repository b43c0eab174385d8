#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "broker/core/core_keeper.hpp"
#include "broker/core/publications.hpp"
#include "sim/network.hpp"
#include "sim/world.hpp"

namespace mc::sim {

/// Where in a turn the broker's process ends.
enum class CrashPoint : std::uint8_t { before_commit, in_commit, after_commit, between_sends };

using Store = std::map<std::pair<std::uint8_t, std::string>, std::string>;

/// What the checkers are told by the broker's process.
struct BrokerObserver {
    virtual ~BrokerObserver() = default;
    virtual void committed(std::span<const StoreChange> changes) = 0;
    virtual void broker_started(Epoch epoch, const Store& store) = 0;
    virtual void event_published(const protocol::Event& event, const Store& store) = 0;
    /// `key`: that its connection has proved.
    virtual void client_told(const std::optional<PublicKey>& key, const protocol::Message& message,
                             const Store& store) = 0;
    virtual void worker_told(const protocol::Message& message, const Store& store) = 0;
    /// All of what a commit was followed by has been said.
    virtual void turn_told() = 0;
    /// How a broker that can write shows a node after `unheard` without a message from it.
    virtual void node_shown(HostId host, milliseconds unheard, const broker::BrokerCore::Shown& shown) = 0;
};

/// The real broker core in a simulated process: broker/shell/broker_shell.cpp's
/// loop, with a disk that commits, delays or refuses, and ends at any point.
class BrokerProcess final : public broker::StateStore, public Door {
public:
    /// `store`: what its first start finds. `admin`: the key of the first admin, if there is none yet.
    BrokerProcess(World& world, Network& network, BrokerObserver& observer, broker::BrokerConfig config,
                  std::span<const StoreChange> store, const PublicKey& admin);
    BrokerProcess(const BrokerProcess&) = delete;
    BrokerProcess& operator=(const BrokerProcess&) = delete;
    ~BrokerProcess() override = default;

    void boot();

    /// An order of an earlier broker process, kept by a broker that does not know that it is not the only one.
    struct OldOrder {
        Epoch epoch;
        HostId host;
        Frames frames;
    };
    /// Those to that worker under the latest epoch before this process's.
    [[nodiscard]] std::vector<OldOrder> old_orders(HostId host) const;

    // Faults.
    void crash();
    /// SIGTERM: ends after the turn it is at.
    void terminate();
    /// Ends at `point` of the next turn that commits something.
    void crash_at(CrashPoint point) { crash_at_ = point; }
    void pause(milliseconds time);
    /// Takes `most` messages in a turn, and a turn with more to read takes that time.
    void read_slowly(std::size_t most, milliseconds turn_time);
    void read_at_once();
    void set_disk_full(bool full) { disk_full_ = full; }
    void set_disk_delay(milliseconds longest) { disk_delay_ = longest; }
    void step_wall(milliseconds by) { clock_.step_wall(by); }
    void heal();

    [[nodiscard]] bool lets_in(Side side, const std::optional<PublicKey>& key) override;
    [[nodiscard]] std::vector<std::string> topics_for(const std::optional<PublicKey>& key) override;

    [[nodiscard]] bool alive() const { return keeper_ != nullptr; }
    [[nodiscard]] const broker::BrokerCore& core() const { return keeper_->core(); }
    [[nodiscard]] std::size_t inbox_size() const { return inbox_.size(); }
    [[nodiscard]] const Store& store() const { return store_; }

private:
    struct Incoming {
        Side side;
        HostId host;
        broker::Caller caller;
        Frames frames;
        Moment came;
    };

    void apply(const StoreChange& change);
    void want_turn(Moment when);
    void turn();
    void carry_out();
    void show_nodes();
    void note_backlog(Now now);
    [[nodiscard]] bool behind_for_less_than(milliseconds time) const {
        return behind_ && world_.now() - all_read_at_ < time;
    }
    /// A node was said to be silent.
    void check_silence(const std::string& node) const;
    [[nodiscard]] Result<void> load(const Visit& visit) override;
    [[nodiscard]] Result<void> commit(std::span<const StoreChange> changes) override;
    void started(broker::Effects effects);
    void speak(broker::Effects effects, std::optional<std::size_t> sends_max);
    void keep_order(const broker::Outgoing& order);
    void send_all(Side side, std::vector<broker::Outgoing> messages, std::size_t& left);
    [[nodiscard]] bool busy() const { return waits_for_disk_ || world_.now() < busy_until_; }

    World& world_;
    Dice dice_;
    Network& network_;
    BrokerObserver& observer_;
    broker::BrokerConfig config_;
    PublicKey admin_;
    ProcessClock clock_;
    Store store_;
    std::unique_ptr<broker::CoreKeeper> keeper_;
    broker::Publications publications_;
    std::deque<Incoming> inbox_;
    std::uint64_t life_ = 0;
    Moment turn_at_ = Moment::max();
    Moment busy_until_{0};
    bool waits_for_disk_ = false;     ///< what it committed is still to be said
    std::deque<OldOrder> orders_;     ///< the last ones
    std::map<HostId, Moment> heard_;  ///< when it last took a message of that machine's worker
    Moment started_at_{0};            ///< able to write
    Moment serves_since_{0};          ///< and can write: before, no node was its to watch
    Moment last_turn_{0};
    Moment next_show_{0};
    std::optional<CrashPoint> crash_at_;
    bool disk_full_ = false;
    milliseconds disk_delay_{0};
    std::size_t reads_max_ = 0;  ///< in a turn; see read_slowly()
    milliseconds turn_time_{0};
    bool behind_ = false;  ///< there is more from workers than it has read
    Moment all_read_at_{0};
};

}  // namespace mc::sim

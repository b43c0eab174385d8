#include "sim/broker_process.hpp"

#include <algorithm>
#include <set>

#include "base/rule.hpp"
#include "broker/core/topics.hpp"
#include "protocol/codec.hpp"

namespace mc::sim {
namespace {

using broker::Effects;

// broker/shell/broker_shell.cpp
constexpr std::size_t messages_per_turn_max = 1000;
constexpr int rounds_max = 4;
constexpr std::size_t orders_kept_max = 400;
constexpr milliseconds show_interval{200};
constexpr milliseconds stall_min{900};  // less than the core's, whose clock may run faster
constexpr milliseconds waiter_overdue_max{1000};
// The core forgives a minute, by a clock of its own and its own idea of what a stall is.
constexpr milliseconds backlog_forgiven{40000};
constexpr milliseconds backlog_forgiven_max{90000};
constexpr milliseconds silence_min{2500};  ///< less than any node is allowed, by as much as a turn may take

constexpr milliseconds dead_connection_min{6000};  // io/zmq.hpp: heartbeats find a process that stands still
constexpr milliseconds restart_min{200};
constexpr milliseconds restart_max{4000};

}  // namespace

BrokerProcess::BrokerProcess(World& world, Network& network, BrokerObserver& observer, broker::BrokerConfig config,
                             std::span<const StoreChange> store, const PublicKey& admin)
    : world_(world),
      dice_(world.dice("broker")),
      network_(network),
      observer_(observer),
      config_(std::move(config)),
      admin_(admin),
      clock_(world, dice_.between(1s, 100000s), 0ms) {
    read_at_once();
    for (const auto& change : store) apply(change);
    network_.set_door(this);
    network_.set_receive([this](Side side, const std::string& peer, Frames frames) {
        const auto* key = network_.key_of(peer);
        inbox_.push_back({side,
                          network_.host_of(peer),
                          {broker::PeerId{peer}, key ? *key : std::nullopt},
                          std::move(frames),
                          world_.now()});
        want_turn(world_.now());
    });
}

bool BrokerProcess::lets_in(Side side, const std::optional<PublicKey>& key) {
    return keeper_ && (!key || core().may_connect(clock_.now(), side, *key));
}

std::vector<std::string> BrokerProcess::topics_for(const std::optional<PublicKey>& key) {
    return broker::granted_topics("", core().topics_for(clock_.now(), key));
}

void BrokerProcess::boot() {
    if (keeper_) return;
    ++life_;
    turn_at_ = Moment::max();
    inbox_.clear();
    behind_ = false;
    last_turn_ = world_.now();
    crash_at_.reset();
    busy_until_ = world_.now();
    keeper_ = std::make_unique<broker::CoreKeeper>(config_, Prng(dice_.number()), *this);
    auto begun = keeper_->begin(clock_.now());
    if (!begun) return world_.violated("the broker can't read its own store: " + begun.error().message);
    if (!core().read_only()) {
        const auto is_admin = keeper_->core().ensure_admin(clock_.now(), admin_, "admin");
        if (!is_admin || !*is_admin) return world_.violated("the first admin's key is none");
    }
    network_.broker_up(true);
    started(std::move(*begun));
}

void BrokerProcess::started(Effects effects) {
    for (const auto& line : effects.log) world_.say([&] { return "  broker: " + line.text; });
    if (!core().read_only()) {
        world_.say([&] { return "broker started, epoch " + std::to_string(core().epoch().value); });
        observer_.broker_started(core().epoch(), store_);
        started_at_ = serves_since_ = all_read_at_ = world_.now();
    }
    speak(std::move(effects), std::nullopt);
    carry_out();
    if (keeper_) want_turn(world_.now());
}

void BrokerProcess::crash() {
    if (!keeper_) return;
    world_.say([] { return std::string("broker ended"); });
    keeper_.reset();
    waits_for_disk_ = false;
    ++life_;
    inbox_.clear();
    network_.broker_up(false);
    world_.schedule.in(dice_.between(restart_min, restart_max), [this] { boot(); });
}

void BrokerProcess::terminate() {
    if (!keeper_ || busy()) return;
    world_.fired(Fault::broker_terminated);
    carry_out();
    crash();
}

std::vector<BrokerProcess::OldOrder> BrokerProcess::old_orders(HostId host) const {
    std::vector<OldOrder> found;
    if (!keeper_) return found;
    for (auto order = orders_.rbegin(); order != orders_.rend(); ++order) {
        if (order->host != host || order->epoch >= core().epoch()) continue;
        if (!found.empty() && order->epoch != found.front().epoch) break;
        found.push_back(*order);
    }
    return found;
}

void BrokerProcess::pause(milliseconds time) {
    if (!keeper_) return;
    world_.fired(Fault::broker_paused);
    busy_until_ = std::max(busy_until_, world_.now() + time);
    want_turn(busy_until_);
    if (time < dead_connection_min) return;
    world_.schedule.in(dead_connection_min, [this, life = life_] {
        if (life == life_) network_.drop_all();
    });
}

void BrokerProcess::heal() {
    disk_full_ = false;
    disk_delay_ = 0ms;
    crash_at_.reset();
    read_at_once();
}

void BrokerProcess::read_slowly(std::size_t most, milliseconds turn_time) {
    reads_max_ = most;
    turn_time_ = turn_time;
}

void BrokerProcess::read_at_once() {
    read_slowly(messages_per_turn_max, 0ms);
}

void BrokerProcess::want_turn(Moment when) {
    when = std::max({when, busy_until_, world_.now()});
    if (!keeper_ || when >= turn_at_) return;
    turn_at_ = when;
    world_.schedule.at(when, [this, when, life = life_] {
        if (life == life_ && turn_at_ == when) turn();
    });
}

void BrokerProcess::turn() {
    turn_at_ = Moment::max();
    if (waits_for_disk_) return;  // the next turn comes when it has spoken
    if (busy()) return want_turn(busy_until_);
    const Now now = clock_.now();
    // Time in which it stood still is nobody's silence.
    if (world_.now() - last_turn_ >= stall_min) {
        serves_since_ = world_.now();
        all_read_at_ += world_.now() - last_turn_;
    }
    last_turn_ = world_.now();
    for (std::size_t i = 0; i < reads_max_ && !inbox_.empty(); ++i) {
        Incoming in = std::move(inbox_.front());
        inbox_.pop_front();
        if (in.side == Side::clients) {
            keeper_->core().on_client_frames(now, in.caller, in.frames);
        } else if (in.side == Side::workers) {
            heard_[in.host] = world_.now();
            keeper_->core().on_worker_frames(now, in.caller, in.frames);
        }
    }
    note_backlog(now);
    if (auto restarted = keeper_->on_tick(now)) started(std::move(*restarted));
    if (!keeper_) return;
    show_nodes();
    if (core().keeps_waiting_since(now.instant + -waiter_overdue_max)) {
        world_.violated("the broker lets a client wait for longer than it wanted to");
    }
    carry_out();
    if (!keeper_) return;
    want_turn(inbox_.empty() ? clock_.moment_of(keeper_->next_deadline()) : world_.now());
}

void BrokerProcess::note_backlog(Now now) {
    const bool more =
        std::any_of(inbox_.begin(), inbox_.end(), [](const auto& in) { return in.side == Side::workers; });
    keeper_->core().note_backlog(now, more);
    behind_ = more;
    if (!more) all_read_at_ = world_.now();
    if (inbox_.empty() || turn_time_ == 0ms) return;
    world_.fired(Fault::broker_slow);
    busy_until_ = world_.now() + turn_time_;
}

void BrokerProcess::check_silence(const std::string& node) const {
    if (!behind_for_less_than(backlog_forgiven)) return;
    for (const auto& in : inbox_) {
        if (in.side != Side::workers || node_name(in.host) != node) continue;
        const auto heard = heard_.find(in.host);
        const Moment since = std::max(heard == heard_.end() ? Moment{0} : heard->second, started_at_);
        if (in.came - since < silence_min)
            world_.violated(node + " is said to be silent, and what it sent lies unread");
    }
}

void BrokerProcess::show_nodes() {
    if (core().read_only() || world_.now() < next_show_) return;
    next_show_ = world_.now() + show_interval;
    for (const auto& [host, heard] : heard_) {
        const auto shown = core().shown(node_name(host));
        // What a broker that is behind has not read yet, it may have been sent.
        const Moment until = behind_for_less_than(backlog_forgiven_max) ? all_read_at_ : world_.now();
        if (shown) observer_.node_shown(host, until - std::max(heard, serves_since_), *shown);
    }
}

void BrokerProcess::carry_out() {
    for (int round = 0; round < rounds_max && keeper_; ++round) {
        const bool has_changes = core().has_changes();
        Effects effects = keeper_->core().take_effects();
        if (!has_changes && !effects.changes.empty()) world_.violated("has_changes() does not know of a change");
        if (effects.empty()) return;
        for (const auto& line : effects.log) world_.say([&] { return "  broker: " + line.text; });
        const bool matters = !effects.changes.empty();
        if (matters && !rule_holds(Rule::commit_before_speaking)) {
            speak(effects, std::nullopt);
            if (!commit(effects.changes)) return crash();
            continue;
        }
        if (matters && crash_at_ == CrashPoint::before_commit) {
            world_.fired(Fault::broker_crashed_before_commit);
            return crash();
        }
        if (matters && crash_at_ == CrashPoint::in_commit) {
            // A transaction: all of it or nothing, and nobody has heard of it.
            world_.fired(Fault::commit_torn);
            if (dice_.one_in(2)) static_cast<void>(commit(effects.changes));
            return crash();
        }
        if (const auto committed = commit(effects.changes); !committed) {
            world_.fired(Fault::disk_full);
            speak(keeper_->commit_failed(clock_.now(), committed.error()), std::nullopt);
            continue;
        }
        if (matters && crash_at_ == CrashPoint::after_commit) {
            world_.fired(Fault::broker_crashed_after_commit);
            return crash();
        }
        if (matters && crash_at_ == CrashPoint::between_sends) {
            world_.fired(Fault::broker_crashed_between_sends);
            const std::size_t sends = effects.to_clients.size() + effects.to_workers.size() + effects.events.size();
            speak(std::move(effects), dice_.below(sends + 1));
            return crash();
        }
        if (matters && disk_delay_ > 0ms) {
            // The process waits for its disk; nothing is said before.
            world_.fired(Fault::disk_slow);
            const milliseconds delay = dice_.between(1ms, disk_delay_);
            busy_until_ = world_.now() + delay;
            waits_for_disk_ = true;
            auto later = std::make_shared<Effects>(std::move(effects));
            world_.schedule.at(busy_until_, [this, later, life = life_] {
                if (life != life_ || !keeper_) return;
                waits_for_disk_ = false;
                speak(std::move(*later), std::nullopt);
                carry_out();
                if (keeper_) want_turn(world_.now());
            });
            return;
        }
        speak(std::move(effects), std::nullopt);
    }
}

Result<void> BrokerProcess::load(const Visit& visit) {
    for (const auto& [key, value] : store_) visit(key.first, key.second, value);
    return {};
}

Result<void> BrokerProcess::commit(std::span<const StoreChange> changes) {
    if (changes.empty()) return {};
    if (disk_full_) return fail(ErrorCode::store_failed, "the disk is full");
    for (const auto& change : changes) {
        world_.record(change.key);
        if (change.value) world_.record(*change.value);
        apply(change);
    }
    observer_.committed(changes);
    return {};
}

void BrokerProcess::apply(const StoreChange& change) {
    if (change.value) {
        store_[{change.table, change.key}] = *change.value;
    } else {
        store_.erase({change.table, change.key});
    }
}

void BrokerProcess::speak(Effects effects, std::optional<std::size_t> sends_max) {
    std::size_t left = sends_max.value_or(static_cast<std::size_t>(-1));
    if (effects.rebind_events) network_.rebind_events();
    const auto broadcast = [&](const std::string& topic, protocol::Verb verb, protocol::Bytes body) {
        protocol::Header header;
        header.kind = protocol::Kind::notice;
        header.verb = verb;
        network_.publish({topic, protocol::encode_header(header), std::move(body)});
    };
    for (const auto& event : effects.events) {
        if (left == 0) return;
        --left;
        world_.say([&] {
            return "event " + std::to_string(event.seq.value) + " " + event.kind + " " + event.name + " " +
                   (event.vm ? event.vm.str() : "") + " " + event.node + " " + event.reason;
        });
        observer_.event_published(event, store_);
        if (event.kind == protocol::event_kind::node_silent) check_silence(event.node);
        publications_.add({event});
    }
    if (effects.beacon) publications_.add(protocol::Beacon{core().cloud(), core().epoch(), core().events().last()});
    // Not when they are due: how long that takes decides nothing.
    auto due = publications_.take(clock_.now().instant, true);
    for (auto& [topic, batch] : due.messages) {
        broadcast(topic, protocol::Verb::events_published, protocol::encode(batch));
    }
    if (due.beacon) broadcast(protocol::topic_beacon, protocol::Verb::event_beacon, protocol::encode(*due.beacon));
    send_all(Side::clients, std::move(effects.to_clients), left);
    send_all(Side::workers, std::move(effects.to_workers), left);
    observer_.turn_told();
}

void BrokerProcess::keep_order(const broker::Outgoing& order) {
    using protocol::Verb;
    const Verb verb = order.message.header.verb;
    if (protocol::is_stream_order(verb)) return;
    orders_.push_back({core().epoch(), network_.host_of(order.to.bytes), protocol::to_frames(order.message)});
    if (orders_.size() > orders_kept_max) orders_.pop_front();
}

void BrokerProcess::send_all(Side side, std::vector<broker::Outgoing> messages, std::size_t& left) {
    std::set<broker::PeerId> gone;
    for (auto& outgoing : messages) {
        if (left == 0) return;
        --left;
        if (gone.contains(outgoing.to)) continue;
        if (side == Side::clients) {
            const auto* key = network_.key_of(outgoing.to.bytes);
            if (key) observer_.client_told(*key, outgoing.message, store_);
        } else {
            observer_.worker_told(outgoing.message, store_);
            if (outgoing.message.header.kind == protocol::Kind::request) keep_order(outgoing);
        }
        if (!network_.send_to(side, outgoing.to.bytes, protocol::to_frames(outgoing.message))) gone.insert(outgoing.to);
    }
    for (const auto& peer : gone) {
        if (side == Side::clients) {
            keeper_->core().on_client_gone(clock_.now(), peer);
        } else {
            keeper_->core().on_worker_gone(clock_.now(), peer);
        }
    }
}

}  // namespace mc::sim

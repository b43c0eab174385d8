// What happens in a cloud, who watches it, and who asks meanwhile.
#include <cstdio>
#include <deque>
#include <memory>

#include "base/prng.hpp"
#include "io/clock.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"
#include "protocol/event.hpp"
#include "swarm/cluster.hpp"
#include "swarm/meter.hpp"
#include "swarm/modes.hpp"

namespace mc::bench {
namespace {

using namespace std::chrono_literals;
using protocol::Verb;

/// Of `prefix` and a number, if there is a prefix.
std::optional<io::StoredConnection> numbered_key(Settings& settings, const std::string& prefix, std::size_t number) {
    return settings.key_at(prefix.empty() ? "" : prefix + std::to_string(number) + ".context");
}

void say_ready() {
    std::puts("ready");
    std::fflush(stdout);
}

/// An event's first fields: a thousand watchers read each.
struct EventHead {
    EventSeq seq;
    Epoch epoch;
    WallTime time;

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.seq);
        archive(self.epoch);
        archive(self.time);
    }
};

/// As protocol::EventBatch.
struct BatchHead {
    std::vector<EventHead> events;

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.events, limits::page_max);
    }
};

/// What all watchers together have seen of the events of a span of time.
class Sightings {
public:
    explicit Sightings(std::size_t watchers) : watchers_(watchers), late_(0) {}

    void begin(WallTime from, WallTime to) {
        from_ = from;
        to_ = to;
        late_.begin(Clock::now());
    }

    /// Its time is in whole ms: it is up to one less late than this says.
    void count(const EventHead& event) {
        if (event.time < from_ || event.time >= to_) return;
        using std::chrono::system_clock;
        const system_clock::time_point published{std::chrono::milliseconds(event.time.unix_ms)};
        const auto heard = Clock::now();
        late_.count(heard - (system_clock::now() - published), heard);
        first_ = first_ == 0 ? event.seq.value : std::min(first_, event.seq.value);
        last_ = std::max(last_, event.seq.value);
        ++seen_;
    }

    [[nodiscard]] std::size_t missing() const { return watchers_ * events() - seen_; }

    void print() {
        std::printf("{\"events\": %zu, \"missing\": %zu, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"worst_ms\": %.2f}\n",
                    events(), missing(), late_.quantile_us(0.5) / 1e3, late_.quantile_us(0.99) / 1e3,
                    late_.quantile_us(1) / 1e3);
    }

private:
    [[nodiscard]] std::size_t events() const { return first_ == 0 ? 0 : last_ - first_ + 1; }

    std::size_t watchers_;
    Meter late_;
    WallTime from_, to_;
    std::uint64_t first_ = 0;
    std::uint64_t last_ = 0;
    std::size_t seen_ = 0;
};

/// A user whose VMs come and go.
class Owner {
public:
    Owner(Loop& loop, void* context, const std::string& endpoint, const std::optional<io::StoredConnection>& key,
          std::uint64_t number)
        : peer_(context, endpoint, key), random_(number), prefix_("vm-" + std::to_string(number) + "-") {
        loop.add(peer_, [this] { on_message(); });
    }

    void create() {
        protocol::CreateRequest create;
        create.spec.name = prefix_ + std::to_string(++made_);
        send(Verb::create, protocol::encode(create));
    }

    /// The oldest, when there are as many as that.
    void delete_one_of(std::size_t living) {
        if (living_.size() < living) return;
        protocol::ActionRequest action;
        action.targets.push_back(living_.front());
        living_.pop_front();
        send(Verb::remove, protocol::encode(action));
    }

    [[nodiscard]] std::size_t living() const { return living_.size(); }

private:
    void send(Verb verb, const protocol::Bytes& body) {
        peer_.send({.verb = verb, .id = {random_.next_nonzero(), random_.next()}}, body);
    }

    void on_message() {
        const auto& header = peer_.header();
        if (header.kind != protocol::Kind::reply) return;
        const auto items = protocol::decode<protocol::ItemsReply>(peer_.body());
        if (header.code != ErrorCode::ok || !items || items->items.empty()) {
            give_up("a create or delete failed: " + (items && !items->items.empty()
                                                         ? items->items.front().message
                                                         : std::to_string(static_cast<int>(header.code))));
        }
        // Not before: who deletes what is still being made gets an error for both.
        if (header.verb == Verb::create) living_.push_back(items->items.front().target);
    }

    Peer peer_;
    Prng random_;
    std::string prefix_;
    std::uint64_t made_ = 0;
    std::deque<std::string> living_;
};

}  // namespace

void run_watchers(Settings settings) {
    const std::size_t watchers = settings.number("watchers", 1000);
    const std::size_t per_key = settings.number("per_key", 50);
    const std::chrono::duration<double> measured(settings.real("seconds", 5));
    const std::chrono::duration<double> warm_up(settings.real("warm_up", 1));
    const std::string at = settings.text("events_at");
    const std::string keys = settings.text("keys");
    void* context = big_context();
    Loop loop;
    Sightings sightings(watchers);
    Clock::time_point last_beacon{};
    std::size_t beacons = 0;  // of the last time that there were some
    const auto on_message = [&](const Peer& peer) {
        if (peer.header().verb == Verb::event_beacon) {
            const auto now = Clock::now();
            if (now - last_beacon > 500ms) beacons = 0;
            last_beacon = now;
            ++beacons;
            return;
        }
        const auto batch = protocol::decode<BatchHead>(peer.body());
        if (!batch) give_up("events can't be read: " + batch.error().message);
        for (const EventHead& event : batch->events) sightings.count(event);
    };
    std::vector<std::unique_ptr<Peer>> peers;
    for (std::size_t made = 0; made < watchers; made += per_key) {
        const auto key = numbered_key(settings, keys, peers.size() + 1);
        peers.push_back(
            std::make_unique<Peer>(context, at, key, PeerKind::watcher, std::min(per_key, watchers - made)));
        loop.add(*peers.back(), [&, peer = peers.back().get()] { on_message(*peer); });
    }
    settings.done();

    const auto ready_by = Clock::now() + 60s;
    bool ready = false;
    bool counting = false;
    Clock::time_point begin{};
    loop.run(5ms, [&](Clock::time_point now) {
        if (!ready) {
            if (now > ready_by) give_up("only " + std::to_string(beacons) + " watchers hear the broker");
            ready = beacons >= watchers;
            if (!ready) return true;
            say_ready();
            begin = now + std::chrono::duration_cast<Clock::duration>(warm_up);
        }
        if (now < begin) return true;
        if (!counting) {
            const WallTime from = io::read_clock().wall;
            sightings.begin(from, {from.unix_ms + static_cast<std::int64_t>(measured.count() * 1000)});
            counting = true;
        }
        // What is not there by then does not come any more.
        constexpr auto late_max = 5s;
        return now - begin < measured || (sightings.missing() != 0 && now - begin < measured + late_max);
    });
    sightings.print();
}

void run_churn(Settings settings) {
    const std::size_t owners = settings.number("owners", 10);
    const double events = settings.real("events", 1000);
    const std::string at = settings.text("clients_at");
    const std::string keys = settings.text("keys");
    void* context = big_context();
    Loop loop;
    Cluster cluster(loop, context, settings, {});
    std::vector<std::unique_ptr<Owner>> all;
    for (std::size_t i = 1; i <= owners; ++i)
        all.push_back(std::make_unique<Owner>(loop, context, at, numbered_key(settings, keys, i), i));
    settings.done();

    // creating, running, deleting, deleted
    constexpr double events_per_vm = 4;
    constexpr std::size_t living_of_owner = 5;
    Clock::time_point began{};
    double done = 0;
    std::size_t turn = 0;
    bool ready = false;
    loop.run(1ms, [&](Clock::time_point now) {
        cluster.on_turn(now);
        if (!cluster.ready()) return true;
        if (began == Clock::time_point{}) began = now;
        const double due = events / events_per_vm * std::chrono::duration<double>(now - began).count();
        for (; done + 1 <= due; ++done) {
            Owner& owner = *all[turn++ % all.size()];
            owner.delete_one_of(living_of_owner);
            owner.create();
        }
        if (!ready && all.back()->living() >= living_of_owner) {
            say_ready();
            ready = true;
        }
        return true;
    });
}

void run_lists(Settings settings) {
    const double rate = settings.real("rate", 50);
    const std::chrono::duration<double> measured(settings.real("seconds", 5));
    const std::string at = settings.text("clients_at");
    const auto key = settings.key("key");
    Meter meter(settings.number("pid", 0));
    settings.done();
    Loop loop;
    Peer peer(zmq_ctx_new(), at, key);
    std::deque<Clock::time_point> asked;
    loop.add(peer, [&] {
        if (peer.header().code != ErrorCode::ok) give_up("a list was refused");
        meter.count(asked.front(), Clock::now());
        asked.pop_front();
    });
    const auto body = protocol::encode(protocol::ListRequest{});
    std::uint64_t sent = 0;
    const auto ask = [&](Clock::time_point due) {
        asked.push_back(due);
        peer.send({.verb = Verb::list, .id = {1, ++sent}}, body);
    };
    // The first is how the connection comes to be.
    ask(Clock::now());
    Clock::time_point began{};
    loop.run(1ms, [&](Clock::time_point now) {
        if (began == Clock::time_point{}) {
            if (!asked.empty()) return true;
            began = now;
            sent = 0;
            meter.begin(now);
        }
        // From when it was due: who waits for one answer has not asked the next, and would wait for both.
        const auto due = [&] {
            return began +
                   std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(double(sent) / rate));
        };
        const bool over = now - began >= measured;
        while (!over && due() <= now) ask(due());
        return !over || !asked.empty();
    });
    meter.end(Clock::now());
    std::printf("{\"lists\": %llu, \"cpu_share\": %.4f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"worst_ms\": %.3f}\n",
                static_cast<unsigned long long>(sent), meter.cpu_share(), meter.quantile_us(0.5) / 1e3,
                meter.quantile_us(0.99) / 1e3, meter.quantile_us(1) / 1e3);
}

}  // namespace mc::bench

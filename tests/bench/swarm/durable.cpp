// Creates that the broker stores, places, orders and publishes, and that fake workers finish at once.
#include <deque>
#include <memory>

#include "base/prng.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"
#include "swarm/cluster.hpp"
#include "swarm/meter.hpp"
#include "swarm/modes.hpp"

namespace mc::bench {
namespace {

using namespace std::chrono_literals;

class Creator {
public:
    Creator(Loop& loop, void* context, const std::string& endpoint, const std::optional<io::StoredConnection>& key,
            std::uint64_t number, const protocol::CreateRequest& create, Meter& meter)
        : peer_(context, endpoint, key), random_(number), body_(protocol::encode(create)), meter_(meter) {
        loop.add(peer_, [this] { on_message(); });
    }

    /// One more, which was due at `due`.
    void create(Clock::time_point due) {
        // Requests of one client end in no particular order.
        const std::uint64_t which = first_ + sent_.size();
        sent_.push_back(due);
        // As random as mccli's: where a request lies in the store depends on it.
        peer_.send({.verb = protocol::Verb::create, .id = {random_.next_nonzero(), which}}, body_);
    }

    void keep_going() { goes_on_ = true; }

private:
    void on_message() {
        const auto& header = peer_.header();
        if (header.code != ErrorCode::ok) {
            const auto items = protocol::decode<protocol::ItemsReply>(peer_.body());
            give_up("a create failed: " +
                    (items && !items->items.empty() ? items->items.front().message : std::to_string(int(header.code))));
        }
        if (header.kind != protocol::Kind::reply) return;
        auto& sent = sent_[header.id.low - first_];
        const auto now = Clock::now();
        meter_.count(sent, now);
        sent = {};
        while (!sent_.empty() && sent_.front() == Clock::time_point{}) {
            sent_.pop_front();
            ++first_;
        }
        if (goes_on_) create(now);
    }

    Peer peer_;
    Prng random_;
    protocol::Bytes body_;
    Meter& meter_;
    std::uint64_t first_ = 1;
    std::deque<Clock::time_point> sent_;  ///< of those from `first_` on; epoch = it has ended
    bool goes_on_ = false;
};

}  // namespace

void run_durable(Settings settings) {
    const std::size_t clients = settings.number("clients", 64);
    const std::size_t window = settings.number("window", 8);
    const double rate = settings.real("rate", 0);  // 0 = as fast as it goes
    const auto warm_up = std::chrono::duration<double>(settings.real("warm_up", 1));
    const auto measured = std::chrono::duration<double>(settings.real("seconds", 4));
    protocol::CreateRequest create;
    create.count = static_cast<std::uint32_t>(settings.number("count", 1));
    create.placement.policy = static_cast<protocol::PlacementPolicy>(settings.number("policy", 0));
    const std::string at = settings.text("clients_at");
    const auto key = settings.key("key");
    const std::string events_at = settings.text("events_at");
    Meter meter(settings.number("pid", 0));

    void* context = big_context();
    Loop loop;
    Cluster cluster(loop, context, settings, {});
    settings.done();
    std::optional<Peer> watcher;
    if (!events_at.empty()) {
        watcher.emplace(context, events_at, key, PeerKind::watcher);
        loop.add(*watcher, [] {});
    }
    std::vector<std::unique_ptr<Creator>> creators;
    const auto run = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
    for (std::size_t i = 0; i < clients; ++i)
        creators.push_back(std::make_unique<Creator>(loop, context, at, key, run + i, create, meter));

    const auto ready_by = Clock::now() + 120s;
    Clock::time_point began{};
    bool measuring = false;
    double due = 0;  // how many, of `rate`
    std::size_t turn = 0;
    loop.run(1ms, [&](Clock::time_point now) {
        cluster.on_turn(now);
        if (began == Clock::time_point{}) {
            if (now > ready_by) give_up("not all workers were registered in time");
            if (!cluster.ready()) return true;
            began = now;
            for (const auto& creator : creators) {
                if (rate != 0) continue;
                creator->keep_going();
                for (std::size_t i = 0; i < window; ++i) creator->create(now);
            }
        }
        const std::chrono::duration<double> passed = now - began;
        for (const double all = rate * passed.count(); due + 1 <= all; ++due)
            creators[turn++ % creators.size()]->create(now);
        if (!measuring && passed >= warm_up) {
            meter.begin(now);
            measuring = true;
        }
        if (passed < warm_up + measured) return true;
        meter.end(now);
        return false;
    });
    meter.print();
}

}  // namespace mc::bench

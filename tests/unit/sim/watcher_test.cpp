#include <gtest/gtest.h>

#include "broker/core/records.hpp"
#include "broker/core/vm_table.hpp"
#include "protocol/codec.hpp"
#include "sim/client.hpp"

namespace mc::sim {
namespace {

using protocol::Verb;

constexpr HostId host = 7;
constexpr CloudId cloud{7};

protocol::Event event(std::uint64_t seq) {
    protocol::Event out;
    out.seq = EventSeq{seq};
    out.epoch = Epoch{1};
    out.kind = protocol::event_kind::node_ready;
    return out;
}

/// A broker that only keeps a log, of which it forgets the oldest.
class Log {
public:
    explicit Log(std::uint64_t seed) : world(seed, false) {
        network.set_receive([this](Side side, const std::string& peer, Frames frames) {
            const auto asked = protocol::from_frames(frames);
            if (asked && asked->header.verb == Verb::events) replay(side, peer, asked->header);
        });
        network.broker_up(true);
    }

    void grow_to(std::uint64_t last, std::uint64_t first_kept) {
        std::vector<StoreChange> changes;
        const auto change = [&](std::uint64_t seq, std::optional<std::string> value) {
            changes.push_back({static_cast<std::uint8_t>(broker::Table::events), broker::key_of(seq), value});
        };
        for (; last_ < last; ++last_) change(last_ + 1, protocol::encode(event(last_ + 1)));
        for (; first_kept_ < first_kept; ++first_kept_) change(first_kept_, std::nullopt);
        checker.committed(changes);
        protocol::Header header;
        header.kind = protocol::Kind::notice;
        header.verb = Verb::event_beacon;
        network.publish({protocol::topic_beacon, protocol::encode_header(header),
                         protocol::encode(protocol::Beacon{cloud, Epoch{1}, EventSeq{last_}})});
        world.schedule.run_until(world.now() + 1s);
    }

    World world;
    Network network{world};
    People people{world, {}};
    Checker checker{world, people, {10s, 10s, 4s}};

private:
    void replay(Side side, const std::string& peer, protocol::Header header) {
        header.kind = protocol::Kind::reply;
        protocol::EventsReply reply{{}, EventSeq{first_kept_}, EventSeq{last_}, cloud, {}};
        for (std::uint64_t seq = first_kept_; seq <= last_; ++seq) reply.events.push_back(event(seq));
        EXPECT_TRUE(network.send_to(side, peer, protocol::to_frames({header, protocol::encode(reply), {}})));
    }

    std::uint64_t last_ = 0;
    std::uint64_t first_kept_ = 1;
};

// Goal: a watcher's first event or gap is judged as all later ones are, whether it asked for the whole log or
// for what happens from now on. Spec: docs/protocol.md "Events channel", docs/failure-model.md "Promises".

// Seed 205683: one that began after event 1, and was told that 2 to 12 are gone, was taken for wrong.
TEST(SimWatcher, MayBeToldAGapBeforeItsFirstEvent) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        Log log{seed};
        Watcher watcher{log.world, log.network, log.checker, log.people.local(), host};
        log.world.schedule.run_until(1s);
        log.grow_to(1, 1);
        log.grow_to(12, 10);
        EXPECT_TRUE(log.world.violations().empty()) << log.world.violations().front();
        EXPECT_EQ(watcher.last(), EventSeq{12});
    }
}

TEST(SimWatcher, IsWhereItBeganUntilSomethingHappens) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        Log log{seed};
        Watcher watcher{log.world, log.network, log.checker, log.people.local(), host};
        log.world.schedule.run_until(1s);
        log.grow_to(3, 1);
        EXPECT_EQ(watcher.last(), EventSeq{3});
    }
}

TEST(SimChecker, SeesAHoleBeforeAWatchersFirstEvent) {
    Log log{1};
    log.grow_to(3, 1);
    log.checker.watcher_printed("watcher", log.people.local(), EventSeq{0}, event(2));
    ASSERT_EQ(log.world.violations().size(), 1u);
    EXPECT_NE(log.world.violations()[0].find("was shown event 2 after 0"), std::string::npos);
}

}  // namespace
}  // namespace mc::sim

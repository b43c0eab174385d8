#include "sim/network.hpp"

#include <gtest/gtest.h>

namespace mc::sim {
namespace {

constexpr HostId host = 7;

// Goal: what the simulator takes for a network ends and begins as a real one does; a connection that is
// neither would keep a process from its peer for good. Spec: docs/failure-model.md "What is real in the simulator".

// Seed 213347: a watcher heard nothing for 600 s.
TEST(SimNetwork, EndsAConnectionWhoseLastWordsMeetAPartition) {
    World world{1, false};
    Network network{world};
    network.set_receive([](Side, const std::string&, const Frames&) {});
    std::size_t heard = 0;
    Dealer watcher{network, host, Side::events, true, std::nullopt, [&](const Frames&) { ++heard; }};
    network.broker_up(true);
    world.schedule.run_until(1s);

    network.set_extra_delay(host, 2s);
    for (int i = 0; i < 100; ++i) network.publish({"event"});
    network.broker_up(false);
    network.set_blocked(host, Direction::down, true);
    world.schedule.run_until(4s);
    EXPECT_EQ(heard, 0u);
    network.set_blocked(host, Direction::down, false);
    network.set_extra_delay(host, 0ms);
    network.broker_up(true);
    world.schedule.run_until(6s);
    EXPECT_EQ(heard, 0u) << "nobody is there any more to send it again";

    network.publish({"beacon"});
    world.schedule.run_until(7s);
    EXPECT_EQ(heard, 1u);
}

}  // namespace
}  // namespace mc::sim

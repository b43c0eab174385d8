#include "worker/core/usage_sampler.hpp"

#include "unit/worker/harness.hpp"
#include "worker/core/engine_requests.hpp"

namespace mc::worker {
namespace {

using protocol::Kind;
using protocol::Verb;
using protocol::VmUsage;

engine::UsageCounters counters(std::int64_t read_ms, std::uint64_t cpu_ns, std::uint64_t rx = 0, std::uint64_t tx = 0) {
    return {.read = WallTime{read_ms}, .cpu_ns = cpu_ns, .memory_bytes = 4096, .rx_bytes = rx, .tx_bytes = tx};
}

TEST(UsageOf, IsTheMeanOfTheTimeBetweenTwoSamples) {
    const auto usage = usage_of(VmId{1}, counters(1000, 5'000'000'000, 100, 0), counters(3000, 8'000'000'000, 2148, 3));
    EXPECT_EQ(usage, (VmUsage{VmId{1}, 4096, 2000, 1500, 1024, 1}));
}

TEST(UsageOf, HasNoRatesWithoutTwoSamplesOfOneRun) {
    const VmUsage none{.vm = VmId{1}, .memory_bytes = 4096};
    const auto now = counters(3000, 100, 10, 10);
    EXPECT_EQ(usage_of(VmId{1}, std::nullopt, now), none);
    EXPECT_EQ(usage_of(VmId{1}, counters(1000, 101, 0, 0), now), none) << "restarted";
    EXPECT_EQ(usage_of(VmId{1}, counters(1000, 0, 11, 0), now), none) << "another network";
    EXPECT_EQ(usage_of(VmId{1}, counters(3000, 0), now), none) << "the engine's cached answer";
    EXPECT_EQ(usage_of(VmId{1}, counters(4000, 0), now), none) << "its clock was set back";
    EXPECT_EQ(usage_of(VmId{1}, counters(1000, 0), counters(1001 + 120'000, 100)), none) << "too far apart";
    EXPECT_EQ(usage_of(VmId{1}, counters(1000, 0), counters(1001, UINT64_MAX)), none) << "no machine can";
    EXPECT_EQ(usage_of(VmId{1}, counters(1000, 0), counters(2000, 1ULL << 52)), none) << "no machine can";
}

/// A node with one VM that runs, and a broker that wants to know what it uses from now on if told so.
struct Node : Harness {
    explicit Node(bool wanted = true) {
        EXPECT_EQ(code(create()), ErrorCode::ok);
        advance(1s);
        sent.clear();
        usage_wanted = wanted;
    }
    [[nodiscard]] std::optional<protocol::NodeUsage> usage() const {
        const auto message = last(Verb::node_usage, Kind::notice);
        if (!message) return std::nullopt;
        return *protocol::decode<protocol::NodeUsage>(message->body);
    }
    [[nodiscard]] int asked() const { return engine.count_with("/stats"); }
};

TEST(UsageSampler, AsksNothingWhileNobodyLooks) {
    Node t(false);
    t.advance(20s);
    EXPECT_EQ(t.asked(), 0);
    EXPECT_FALSE(t.usage());
}

TEST(UsageSampler, TellsMemoryAtOnceAndRatesASecondLater) {
    Node t;
    t.broker_heartbeat();
    ASSERT_TRUE(t.usage());
    EXPECT_EQ(t.usage()->boot, BootId{77});
    ASSERT_EQ(t.usage()->vms.size(), 1U);
    EXPECT_EQ(t.usage()->vms[0], (VmUsage{.vm = Harness::vm, .memory_bytes = 4 << 20}));
    t.container()->cpu_ns += 250'000'000;
    t.container()->rx_bytes += 99;
    t.advance(1s);
    EXPECT_EQ(t.usage()->vms.at(0), (VmUsage{Harness::vm, 4 << 20, 1000, 250, 99, 0}));
    EXPECT_EQ(t.count(Verb::node_usage), 2);
    t.advance(10s);
    EXPECT_EQ(t.count(Verb::node_usage), 7) << "every two seconds from then on";
    EXPECT_EQ(t.engine.log.back().find("POST"), std::string::npos);
}

TEST(UsageSampler, EndsWhenNobodyLooksAnyMoreAndBeginsAnew) {
    Node t;
    t.advance(4s);
    t.usage_wanted = false;
    t.advance(1s);
    const int asked = t.asked();
    t.advance(10s);
    EXPECT_EQ(t.asked(), asked);
    t.sent.clear();
    t.usage_wanted = true;
    t.broker_heartbeat();
    EXPECT_EQ(t.usage()->vms.at(0).span_ms, 0U) << "a rate over the pause would be of no time that anybody means";
}

TEST(UsageSampler, EndsWithTheConnectionToTheBroker) {
    Node t;
    t.advance(1s);
    t.when("GET", "/stats", std::nullopt);
    t.advance(2s);
    EXPECT_TRUE(t.hangs("/stats"));
    t.advance(5s, false);
    EXPECT_FALSE(t.hangs("/stats"));
    const int asked = t.asked();
    t.advance(5s, false);
    EXPECT_EQ(t.asked(), asked);
}

TEST(UsageSampler, HeedsNoHeartbeatOfAnOlderBrokerOrForAnotherProcess) {
    Node t(false);
    protocol::Message message;
    message.header.kind = Kind::notice;
    message.header.verb = Verb::node_heartbeat;
    message.body = protocol::encode(protocol::Heartbeat{Epoch{4}, BootId{77}, {}, true});
    t.deliver(message);
    message.body = protocol::encode(protocol::Heartbeat{Epoch{5}, BootId{76}, {}, true});
    t.deliver(message);
    EXPECT_EQ(t.asked(), 0);
}

// Goal: an engine that does not answer is asked no more, whatever the number of rounds, and no other call waits for it.
TEST(UsageSampler, WaitsForASlowEngineAndKeepsNobodyElseWaiting) {
    Node t;
    t.when("GET", "/stats", std::nullopt);
    t.advance(30s);
    EXPECT_EQ(t.asked(), 1);
    EXPECT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
    t.advance(1s);
    t.release("/stats", Harness::timed_out());
    ASSERT_TRUE(t.usage());
    EXPECT_TRUE(t.usage()->vms.empty());
    t.advance(2s);
    EXPECT_EQ(t.asked(), 1) << "it does not run any more";
}

TEST(UsageSampler, HasABoundedNumberOfCallsUnderWay) {
    Outbox outbox;
    EngineCalls calls(outbox, 2);
    for (std::size_t i = 0; i < 3 * bounds::usage_calls_max; ++i) {
        calls.start(owner_usage, CallPurpose::usage, engine::usage("c" + std::to_string(i)));
    }
    EXPECT_EQ(calls.in_flight_count(), bounds::usage_calls_max);
    calls.start(owner_inventory, CallPurpose::inspect, {});
    calls.start(owner_first_job, CallPurpose::create, {});
    EXPECT_EQ(calls.in_flight_count(), bounds::usage_calls_max + 2);
}

TEST(UsageSampler, LeavesOutWhoHasEndedSinceTheLastList) {
    Node t;
    t.container()->state = "exited";
    t.broker_heartbeat();
    ASSERT_TRUE(t.usage());
    EXPECT_TRUE(t.usage()->vms.empty());
}

TEST(UsageSampler, EndsWithTheWorker) {
    Node t;
    t.advance(2s);
    const int asked = t.asked();
    t.core.begin_stop(t.now);
    t.settle();
    t.advance(10s);
    EXPECT_EQ(t.asked(), asked);
}

}  // namespace
}  // namespace mc::worker

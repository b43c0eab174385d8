#include "worker/core/engine_calls.hpp"

#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

std::vector<std::string> started(Outbox& outbox) {
    std::vector<std::string> targets;
    for (const auto& effect : outbox.take()) {
        if (const auto* call = std::get_if<StartCall>(&effect)) targets.push_back(call->request.target);
        if (std::holds_alternative<CancelCall>(effect)) targets.emplace_back("cancel");
    }
    return targets;
}

EngineRequest to(const std::string& target) {
    EngineRequest request;
    request.target = target;
    return request;
}

const OwnerId a{100};
const OwnerId b{101};

TEST(EngineCalls, LetsTwoHeavyCallsThroughAndFinishesWhatWasBegun) {
    Outbox outbox;
    EngineCalls calls(outbox, 2);
    const CallId first = calls.start(a, CallPurpose::create, to("create 1"));
    calls.start(a, CallPurpose::create, to("create 2"));
    calls.start(a, CallPurpose::create, to("create 3"));
    calls.start(b, CallPurpose::start, to("start 1"));
    EXPECT_THAT(started(outbox), testing::ElementsAre("create 1", "create 2"));
    EXPECT_EQ(calls.finish(first)->purpose, CallPurpose::create);
    EXPECT_THAT(started(outbox), testing::ElementsAre("start 1"));
}

TEST(EngineCalls, SlowPullsAndStopsStarveNobody) {
    Outbox outbox;
    EngineCalls calls(outbox, 1);
    for (int i = 0; i < 20; ++i) {
        calls.start(a, CallPurpose::pull, to("pull"));
        calls.start(a, CallPurpose::stop, to("stop"));
    }
    static_cast<void>(started(outbox));
    calls.start(b, CallPurpose::create, to("create"));
    calls.start(b, CallPurpose::inspect, to("inspect"));
    calls.start(owner_inventory, CallPurpose::list, to("list"));
    EXPECT_THAT(started(outbox), testing::ElementsAre("create", "inspect", "list"));
    EXPECT_EQ(calls.in_flight_count(), 3 + bounds::pulls_max + bounds::patient_calls_per_heavy);
}

TEST(EngineCalls, CancelledCallsFreeTheirPlaceAndAreNobodys) {
    Outbox outbox;
    EngineCalls calls(outbox, 1);
    const CallId flying = calls.start(a, CallPurpose::create, to("a"));
    calls.start(a, CallPurpose::create, to("a again"));
    calls.start(b, CallPurpose::create, to("b"));
    EXPECT_TRUE(calls.in_flight(a, CallPurpose::create));
    calls.cancel(a);
    EXPECT_THAT(started(outbox), testing::ElementsAre("a", "cancel", "b"));
    EXPECT_FALSE(calls.finish(flying));
    EXPECT_FALSE(calls.cancel_queued(a));
}

}  // namespace
}  // namespace mc::worker

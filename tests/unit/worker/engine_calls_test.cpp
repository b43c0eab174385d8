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
    EXPECT_EQ(calls.in_flight_count(), 3 + bounds::pulls_of_owner_max + bounds::patient_calls_per_heavy);
}

TEST(EngineCalls, PullsOfOneOwnerLeaveOthersRoom) {
    Outbox outbox;
    EngineCalls calls(outbox, 1);
    std::vector<CallId> pulls;
    for (const char* owner : {"mallory", "mallory", "mallory", "ann", "bob", "ann"}) {
        pulls.push_back(calls.start(a, CallPurpose::pull, to(owner), owner));
    }
    EXPECT_THAT(started(outbox), testing::ElementsAre("mallory", "mallory", "ann", "bob"));
    calls.finish(pulls[4]);
    EXPECT_THAT(started(outbox), testing::ElementsAre("ann"));
    calls.finish(pulls[0]);
    EXPECT_THAT(started(outbox), testing::ElementsAre("mallory"));
}

TEST(EngineCalls, StopThatWaitsForItsVmGivesItsTurnToTheNext) {
    Outbox outbox;
    EngineCalls calls(outbox, 1);
    const auto stop = [&](const std::string& target, seconds grace) {
        EngineRequest request = to(target);
        request.time_max = grace + bounds::stop_call_extra;
        return calls.start(a, CallPurpose::stop, std::move(request));
    };
    std::vector<CallId> patient;
    for (std::size_t i = 0; i < bounds::patient_calls_per_heavy; ++i) patient.push_back(stop("patient", 1h));
    static_cast<void>(started(outbox));
    EXPECT_EQ(calls.next_deadline(), Instant::never());  // nobody waits
    const CallId quick = stop("quick", 1s);
    Now now;
    now.instant = Instant{1h};
    EXPECT_LE(calls.next_deadline(), now.instant);
    calls.on_tick(now);
    EXPECT_THAT(started(outbox), testing::IsEmpty());
    EXPECT_EQ(calls.next_deadline(), now.instant + bounds::patient_turn);
    now.instant = calls.next_deadline();
    calls.on_tick(now);
    EXPECT_THAT(started(outbox), testing::ElementsAre("quick"));
    // One that is to be over soon and is not keeps its place: the engine is slow.
    for (std::size_t i = 0; i < bounds::patient_calls_per_heavy; ++i) stop("quick too", 1s);
    EXPECT_EQ(started(outbox).size(), bounds::patient_calls_per_heavy - 1);
    now.instant = now.instant + 2 * bounds::patient_turn;
    calls.on_tick(now);
    EXPECT_THAT(started(outbox), testing::IsEmpty());
    for (const CallId id : patient) EXPECT_TRUE(calls.finish(id));
    EXPECT_THAT(started(outbox), testing::IsEmpty());
    calls.finish(quick);
    EXPECT_THAT(started(outbox), testing::ElementsAre("quick too"));
}

TEST(EngineCalls, StopsThatWaitAreBounded) {
    Outbox outbox;
    EngineCalls calls(outbox, 1);
    Now now;
    for (std::size_t i = 0; i <= bounds::patient_calls_max; ++i) {
        EngineRequest request = to("stop");
        request.time_max = 1h;
        calls.start(a, CallPurpose::stop, std::move(request));
        for (int tick = 0; tick < 2; ++tick) {
            now.instant = now.instant + bounds::patient_turn;
            calls.on_tick(now);
        }
    }
    EXPECT_EQ(calls.in_flight_count(), bounds::patient_calls_max);
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

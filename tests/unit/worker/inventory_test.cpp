#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::ContainerState;
using protocol::Kind;
using protocol::Verb;
using testing::HasSubstr;

TEST(Inventory, IsSentRightAfterTheRegistrationAndEveryThreeSeconds) {
    Harness t(false);
    t.sent.erase(t.sent.begin(), t.sent.end() - 1);
    t.answer_registration();
    ASSERT_TRUE(t.inventory());
    EXPECT_EQ(t.inventory()->boot, BootId{77});
    t.sent.clear();
    t.advance(2900ms);
    EXPECT_FALSE(t.inventory());
    t.advance(100ms);
    EXPECT_TRUE(t.inventory());
}

// Goal: a large cloud in which nothing happens is at rest. Spec: docs/protocol.md "node_inventory".
TEST(Inventory, IsLeftOutWhileTheBrokerSaysThatItHasIt) {
    Harness t;
    const auto number = [&] {
        const auto message = t.last(Verb::node_inventory, Kind::notice);
        return message ? message->header.sequence : 0;
    };
    const auto sent_within = [&](milliseconds time) {
        t.sent.clear();
        t.advance(time);
        return t.count(Verb::node_inventory);
    };
    EXPECT_EQ(sent_within(9s), 3) << "a broker that names none is told again and again";
    const auto first = number();
    ASSERT_NE(first, 0U);
    EXPECT_EQ(sent_within(9s), 3);
    EXPECT_EQ(number(), first);
    t.settled = first;
    t.advance(1s);
    EXPECT_EQ(sent_within(9s), 0);
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    EXPECT_GE(sent_within(9s), 3) << "that is another one than the broker names";
    EXPECT_GT(number(), first);
    t.settled = number();
    t.advance(1s);
    EXPECT_EQ(sent_within(9s), 0);
    t.settled = 0;
    EXPECT_GE(sent_within(9s), 2) << "something has to be heard once more";
    t.settled = number();
    t.advance(1s);
    t.sent.clear();
    t.advance(limits::heartbeats_missed_max * limits::heartbeat_interval + 1s, false);
    t.answer_registration();
    EXPECT_GE(t.count(Verb::node_inventory), 1) << "another connection, perhaps to another process";
}

TEST(Inventory, TellsAllThatIsKnownOfEachVm) {
    Harness t;
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    t.advance(1s);
    const auto inventory = t.inventory();
    ASSERT_EQ(inventory->vms.size(), 1U);
    EXPECT_EQ(inventory->vms[0].vm, Harness::vm);
    EXPECT_EQ(inventory->vms[0].state, ContainerState::running);
    EXPECT_EQ(inventory->vms[0].ssh_port, 40000);
    EXPECT_EQ(inventory->vms[0].host_key, "ssh-ed25519 AAAAkey");
    EXPECT_EQ(inventory->vms[0].started.unix_ms, 1795476668576);
}

// Goal: a worker that was restarted does not make the broker forget a host key.
TEST(Inventory, ReadsHostKeysThatItDoesNotKnowOnce) {
    FakeEngine before;
    {
        Harness t;
        ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
        before = t.engine;
    }
    Harness t(false);
    t.engine.containers = before.containers;
    t.sent.erase(t.sent.begin(), t.sent.end() - 1);
    t.advance(1s, false);
    t.answer_registration();
    t.advance(1s);
    ASSERT_TRUE(t.inventory());
    EXPECT_EQ(t.inventory()->vms.at(0).host_key, "ssh-ed25519 AAAAkey");
    t.advance(10s);
    EXPECT_EQ(t.engine.count("GET /containers/id-mc-00000000000000ab/archive"), 1);
}

// Found by chaos, seed h3: another VM at its address answered first, and "no key" was remembered for good.
TEST(Inventory, AsksAgainForAHostKeyThatWasNotThere) {
    Harness t;
    t.engine.host_key.clear();
    const JobId create = t.create();
    t.advance(3s);
    ASSERT_EQ(t.code(create), ErrorCode::ok);
    EXPECT_EQ(t.report(create).host_key, "");
    t.advance(4s);
    const int asked = t.engine.count_with("ssh_host_ed25519_key.pub");
    t.advance(bounds::host_key_interval - 5s);
    EXPECT_EQ(t.engine.count_with("ssh_host_ed25519_key.pub"), asked) << "not with each list";
    t.engine.host_key = "ssh-ed25519 AAAAkey root@x";
    t.advance(bounds::host_key_interval);
    EXPECT_EQ(t.inventory()->vms.at(0).host_key, "ssh-ed25519 AAAAkey");
    EXPECT_EQ(t.engine.count_with("ssh_host_ed25519_key.pub"), asked + 1);
}

TEST(Inventory, FindsOutWhyAVmExited) {
    Harness t;
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    t.container()->state = "exited";
    t.container()->exit_code = 137;
    t.container()->oom = true;
    t.advance(4s);
    const auto vm = t.inventory()->vms.at(0);
    EXPECT_EQ(vm.state, ContainerState::exited);
    EXPECT_EQ(vm.exit_code, 137);
    EXPECT_THAT(vm.reason, HasSubstr("memory"));
    const int inspects = t.engine.count("GET /containers/id-mc");
    t.advance(9s);
    EXPECT_EQ(t.engine.count("GET /containers/id-mc"), inspects);  // known now
}

// Found by chaos: a `docker rm` behind our back that failed left a VM `running` for good.
TEST(Inventory, LooksWhetherARemovalIsReallyInProgress) {
    Harness t;
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    t.container()->listed_state = "removing";
    t.container()->state = "removing";
    t.advance(4s);
    EXPECT_EQ(t.inventory()->vms.at(0).state, ContainerState::removing);
    t.container()->state = "dead";
    t.container()->exit_code = 137;
    t.advance(4s);
    EXPECT_EQ(t.inventory()->vms.at(0).state, ContainerState::exited);
    EXPECT_EQ(t.inventory()->vms.at(0).exit_code, 137);
    // Not the state of an earlier look.
    t.when("GET", "/containers/id-mc", Harness::timed_out());
    t.advance(4s);
    EXPECT_EQ(t.inventory()->vms.at(0).state, ContainerState::removing);
}

/// A container that carries the VM's labels too, made so many seconds later, in the same state or another.
void put_copy(Harness& t, int later_s, const std::string& state = {}) {
    auto copy = *t.container();
    copy.id = "copy";
    copy.name = "somebody-copied-the-labels";
    copy.created += later_s;
    if (!state.empty()) copy.state = state;
    t.engine.containers[copy.name] = copy;
}

// ADR 9: the one that was ever started stays, whichever was there first.
TEST(Inventory, PartsWithAVmsSecondContainer) {
    Harness t;
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    put_copy(t, -100, "created");
    t.advance(4s);
    EXPECT_EQ(t.engine.count("DELETE /containers/copy"), 1);
    EXPECT_EQ(t.engine.containers.size(), 1U);
    ASSERT_EQ(t.inventory()->vms.size(), 1U);
    EXPECT_EQ(t.inventory()->vms[0].state, ContainerState::running);
}

// Found by the simulator, seed 2066212: an engine that was at it for 10 s was asked, and the log told, five times a
// second.
TEST(Inventory, AsksForASecondContainersRemovalWithEachListAndSaysItOnce) {
    Harness t;
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    put_copy(t, 100);
    t.when("DELETE", "/containers/copy", FakeEngine::error(409, "removal of container copy is already in progress"));
    t.advance(bounds::inventory_interval * 3);
    EXPECT_LE(t.engine.count("DELETE /containers/copy"), 4);
    EXPECT_GE(t.engine.count("DELETE /containers/copy"), 2);
    EXPECT_EQ(std::count_if(t.logged.begin(), t.logged.end(),
                            [](const std::string& line) { return line.find("more than one") != std::string::npos; }),
              1);
}

// Found by the simulator, seed 1139816: the inventory removed just the one that a start was at.
TEST(Inventory, LeavesASecondContainerToTheVmsJobs) {
    Harness t;
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    t.container()->state = "exited";
    t.when("POST", "/start", std::nullopt);
    const JobId job = t.act(Verb::vm_start);
    ASSERT_TRUE(t.hangs("/start"));
    put_copy(t, 100);
    t.advance(4s);
    EXPECT_EQ(t.engine.count("DELETE"), 0);
    EXPECT_EQ(t.inventory()->vms.size(), 1U);
    t.engine.intercept = nullptr;
    t.container()->state = "running";
    t.release("/start", FakeEngine::reply(204));
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    t.advance(bounds::inventory_spacing);
    EXPECT_EQ(t.engine.count("DELETE /containers/copy"), 1);
}

// The rule that keeps the broker from taking a VM for gone that was just made.
TEST(Inventory, IsThrownAwayWhenAJobEndedAfterItsListBegan) {
    Harness t;
    t.advance(bounds::create_call_max + bounds::inventory_interval);
    t.when("GET", "/containers/json", std::nullopt);
    t.advance(bounds::inventory_interval);
    ASSERT_TRUE(t.hangs("/containers/json"));
    t.sent.clear();
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    t.engine.intercept = nullptr;
    t.release("/containers/json", FakeEngine::reply(200, nlohmann::json::array()));  // from before the create
    EXPECT_FALSE(t.inventory());
    t.advance(bounds::inventory_spacing);
    ASSERT_TRUE(t.inventory());
    EXPECT_EQ(t.inventory()->vms.size(), 1U);
}

TEST(Inventory, ComesSoonAfterAJob) {
    Harness t;
    t.advance(500ms);
    t.sent.clear();
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    t.advance(1ms);
    EXPECT_TRUE(t.inventory());
}

TEST(Inventory, EngineEventsAreHintsButNotMoreOftenThanAllowed) {
    Harness t;
    t.advance(1s);
    const int lists = t.engine.count("GET /containers/json");
    const std::string event =
        R"({"Type":"container","Action":"die","Actor":{"ID":"x","Attributes":{}},"time":1795476668})"
        "\n";
    t.chunk("/events", event + event);
    t.advance(1ms);
    EXPECT_EQ(t.engine.count("GET /containers/json"), lists + 1);
    for (int i = 0; i < 19; ++i) {
        t.chunk("/events", event);
        t.advance(10ms);
    }
    EXPECT_LE(t.engine.count("GET /containers/json"), lists + 2);
}

TEST(Inventory, LeavesOutWhatIsNotOurs) {
    Harness t;
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    auto other = *t.container();
    other.name = "mc-other";
    other.id = "id-other";
    other.spec["Labels"][label::node] = "0000000000000bad";
    t.engine.containers["mc-other"] = other;  // an engine that filters badly
    t.advance(4s);
    EXPECT_EQ(t.inventory()->vms.size(), 1U);
}

TEST(Inventory, OfAnotherCloudIsNotSent) {
    Harness t(false);
    t.when("GET", "/containers/json", std::nullopt);
    t.advance(3500ms, false);  // a list for the old cloud is under way
    t.engine.intercept = nullptr;
    t.answer_registration(Epoch{1}, CloudId{0xC2});
    t.sent.clear();
    if (t.hangs("00000000000000c1")) t.release("00000000000000c1", FakeEngine::reply(200, nlohmann::json::array()));
    EXPECT_FALSE(t.inventory());
    t.advance(bounds::inventory_spacing);
    EXPECT_TRUE(t.inventory());
}

TEST(EngineHealth, DeadEngineMakesTheNodeNotReadyAndItRecovers) {
    Harness t;
    EXPECT_TRUE(t.core.status(t.now).ready);
    t.engine.intercept = [](const EngineRequest&) { return FakeEngine::Answer(Harness::refused()); };
    t.sent.clear();
    t.advance(4s);
    auto status = t.core.status(t.now);
    EXPECT_FALSE(status.ready);
    EXPECT_THAT(status.reason, HasSubstr("unix:///fake.sock can't be used: connection refused"));
    EXPECT_FALSE(t.inventory());  // nothing known is not "nothing there"
    const auto beat = *protocol::decode<protocol::Heartbeat>(t.last(Verb::node_heartbeat, Kind::notice)->body);
    EXPECT_FALSE(beat.status.ready);
    t.engine.intercept = nullptr;
    t.advance(2s);
    EXPECT_TRUE(t.core.status(t.now).ready);
    EXPECT_TRUE(t.inventory());
}

TEST(EngineHealth, HungEngineMakesTheNodeNotReady) {
    Harness t;
    t.when("GET", "/containers/json", std::nullopt);
    t.advance(bounds::engine_age_max + 4s);
    const auto status = t.core.status(t.now);
    EXPECT_FALSE(status.ready);
    EXPECT_THAT(status.reason, HasSubstr("has not answered for"));
    EXPECT_GE(status.engine_age_ms, 12'000U);
    t.release("/containers/json", Harness::timed_out());
    EXPECT_FALSE(t.core.status(t.now).ready);
}

TEST(EngineHealth, CapacityIsWhatWasSaidElseTheEngines) {
    auto settings = Harness::settings();
    settings.slots = 7;
    settings.cpus_milli = 500;
    settings.memory_bytes = 1ULL << 30;
    Harness t(true, settings);
    const auto status = t.core.status(t.now);
    EXPECT_EQ(status.slots, 7U);
    EXPECT_EQ(status.cpus_milli, 500U);
    EXPECT_EQ(status.memory_bytes, 1ULL << 30);
}

TEST(EngineWatch, ConnectsAgainFromWhereItWas) {
    Harness t;
    t.chunk("/events", R"({"Action":"start","Actor":{"ID":"x"},"time":1795476668})"
                       "\n");
    t.release("/events", Harness::refused());
    EXPECT_FALSE(t.hangs("/events"));
    t.advance(bounds::watch_retry);
    EXPECT_TRUE(t.hangs("/events?since=1795476668"));
}

}  // namespace
}  // namespace mc::worker

#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::Kind;
using protocol::Verb;

TEST(WorkerSession, RegistersWithWhoItIsAndWhatItHasSeen) {
    Harness t(false);
    const auto message = t.last(Verb::node_register, Kind::request);
    ASSERT_TRUE(message);
    const auto body = *protocol::decode<protocol::RegisterRequest>(message->body);
    EXPECT_EQ(body.name, "node-a");
    EXPECT_EQ(body.node, Harness::node);
    EXPECT_EQ(body.boot, BootId{77});
    EXPECT_EQ(body.epoch_seen, Epoch{5});
    EXPECT_EQ(body.advertise, "192.0.2.9");
}

TEST(WorkerSession, AsksAgainUnderTheSameIdThenOnANewConnection) {
    Harness t(false);
    const auto first = t.last(Verb::node_register, Kind::request)->header.id;
    t.advance(500ms, false);
    EXPECT_GT(t.count(Verb::node_register), 1);
    EXPECT_EQ(t.last(Verb::node_register, Kind::request)->header.id, first);
    EXPECT_EQ(t.reconnects, 0);
    t.advance(4s, false);
    EXPECT_EQ(t.reconnects, 1);
    EXPECT_NE(t.last(Verb::node_register, Kind::request)->header.id, first);
    EXPECT_LT(t.count(Verb::node_register), 15);
}

TEST(WorkerSession, BeatsEachSecondWithItsStatus) {
    Harness t;
    t.advance(5s);
    EXPECT_EQ(t.count(Verb::node_heartbeat), 5);
    const auto beat = *protocol::decode<protocol::Heartbeat>(t.last(Verb::node_heartbeat, Kind::notice)->body);
    EXPECT_TRUE(beat.status.ready);
    EXPECT_EQ(beat.status.slots, 32U);  // 8 GiB at 256 MiB each; two cores would carry 64
    EXPECT_EQ(beat.status.cpus_milli, 2000U);
    EXPECT_EQ(beat.boot, BootId{77});
}

TEST(WorkerSession, LeavesASilentBrokerAndRegistersAnew) {
    Harness t;
    t.advance(limits::heartbeats_missed_max * limits::heartbeat_interval - 1ms, false);
    EXPECT_EQ(t.reconnects, 0);
    t.sent.clear();
    t.advance(1ms, false);
    EXPECT_EQ(t.reconnects, 1);
    EXPECT_TRUE(t.last(Verb::node_register, Kind::request));
    t.answer_registration();
    t.advance(1s);
    EXPECT_TRUE(t.last(Verb::node_heartbeat, Kind::notice));
}

// Goal: in a cloud of thousands the broker has heartbeats come from farther apart, both ways.
TEST(WorkerSession, BeatsAsSeldomAsTheBrokerWants) {
    Harness t;
    t.interval_ms = 5000;
    t.broker_heartbeat();
    t.advance(1s);
    t.sent.clear();
    t.advance(50s);
    EXPECT_EQ(t.count(Verb::node_heartbeat), 10);
    t.broker_heartbeat();
    t.advance(limits::heartbeats_missed_max * 5s - 1ms, false);
    EXPECT_EQ(t.reconnects, 0);
    t.advance(1ms, false);
    EXPECT_EQ(t.reconnects, 1) << "it has missed as many as ever";
    // The broker that is found then has said nothing of that yet.
    t.answer_registration();
    t.sent.clear();
    t.advance(3s, false);
    EXPECT_EQ(t.count(Verb::node_heartbeat), 3);
}

TEST(WorkerSession, BeatsMoreOftenAtOnceWhenTheBrokerWantsIt) {
    Harness t;
    t.interval_ms = 20000;
    t.broker_heartbeat();
    t.advance(1s);
    t.interval_ms = 2000;
    t.broker_heartbeat();
    t.sent.clear();
    t.advance(10s);
    EXPECT_EQ(t.count(Verb::node_heartbeat), 5);
}

// Goal: a broker of thousands wakes up for many heartbeats at once, as it sends them, not for each.
TEST(WorkerSession, BeatsTogetherWithTheBroker) {
    Harness t;
    t.interval_ms = 10000;
    t.broker_heartbeat();
    t.advance(6s, false);
    t.sent.clear();
    t.broker_heartbeat();
    t.advance(1ms, false);
    EXPECT_EQ(t.count(Verb::node_heartbeat), 1) << "it was due in 4 s";
    t.advance(4s, false);
    t.broker_heartbeat();
    t.advance(1ms, false);
    EXPECT_EQ(t.count(Verb::node_heartbeat), 1) << "one for each interval is enough";
    t.advance(6s, false);
    EXPECT_EQ(t.count(Verb::node_heartbeat), 2) << "it waits for no broker";
}

TEST(WorkerSession, BeatsNoLessThanItMay) {
    Harness t;
    t.interval_ms = UINT32_MAX;
    t.broker_heartbeat();
    t.advance(1s);
    t.sent.clear();
    t.advance(2 * limits::heartbeat_interval_max);
    EXPECT_EQ(t.count(Verb::node_heartbeat), 2);
    t.interval_ms = 1;
    t.broker_heartbeat();
    t.sent.clear();
    t.advance(3s);
    EXPECT_EQ(t.count(Verb::node_heartbeat), 3) << "nor more often";
}

// Goal: a broker to which thousands come at once takes them one after the other, and who waits does not give it up.
TEST(WorkerSession, GoesOnAskingABrokerThatSaysThatItWillTakeItLater) {
    Harness t(false);
    t.advance(1s, false);
    ASSERT_TRUE(t.last(Verb::node_register, Kind::request));
    for (int i = 0; i < 20; ++i) {
        protocol::Message waiting = *t.last(Verb::node_register, Kind::request);
        waiting.header.kind = Kind::progress;
        waiting.body = protocol::encode(protocol::Progress{"waiting", {}, 0, {}});
        t.deliver(waiting);
        t.sent.clear();
        t.advance(bounds::register_retry_max, false);
        ASSERT_TRUE(t.last(Verb::node_register, Kind::request)) << "asked again after " << i << " s";
    }
    EXPECT_EQ(t.reconnects, 0);
    t.answer_registration();
    t.advance(1s);
    EXPECT_TRUE(t.last(Verb::node_heartbeat, Kind::notice));
}

TEST(WorkerSession, RegistersAgainWhenTheBrokerDoesNotKnowIt) {
    Harness t;
    protocol::Message message;
    message.header.kind = Kind::reply;
    message.header.verb = Verb::node_heartbeat;
    message.header.code = ErrorCode::not_registered;
    t.deliver(message);
    EXPECT_TRUE(t.last(Verb::node_register, Kind::request));
    EXPECT_EQ(t.reconnects, 0);
    t.sent.clear();
    t.deliver(message);  // answers to earlier heartbeats: once is enough
    EXPECT_FALSE(t.last(Verb::node_register, Kind::request));
}

// Else it would say its heartbeats to nobody for good, and nobody would see why its node is silent.
TEST(WorkerSession, AsksWhyWhenItsKeyIsNoLongerTaken) {
    Harness t;
    protocol::Message message;
    message.header.kind = Kind::reply;
    message.header.verb = Verb::node_heartbeat;
    message.header.code = ErrorCode::not_authorised;
    t.deliver(message);
    EXPECT_TRUE(t.last(Verb::node_register, Kind::request));
}

TEST(WorkerSession, WaitsPatientlyWhenItIsRefused) {
    Harness t(false);
    protocol::Message message;
    message.header = t.last(Verb::node_register, Kind::request)->header;
    message.header.kind = Kind::reply;
    message.header.code = ErrorCode::node_name_taken;
    message.body = protocol::encode(protocol::ErrorBody{.message = "node-a is taken"});
    t.deliver(message);
    EXPECT_THAT(t.logged.back(), testing::HasSubstr("node-a is taken"));
    t.sent.clear();
    t.advance(bounds::register_refused_retry - 1ms, false);
    EXPECT_FALSE(t.last(Verb::node_register, Kind::request));
    t.advance(1ms, false);
    EXPECT_TRUE(t.last(Verb::node_register, Kind::request));
}

TEST(WorkerSession, SavesANewEpochBeforeAnythingElse) {
    Harness t(false);
    t.answer_registration(Epoch{9});
    ASSERT_EQ(t.saved.size(), 1U);
    EXPECT_EQ(t.saved[0], (WorkerState{Harness::node, Harness::cloud, Epoch{9}}));
}

TEST(WorkerSession, DoesNotObeyAnOlderBroker) {
    Harness t(false);
    t.answer_registration(Epoch{4});
    EXPECT_TRUE(t.saved.empty());
    t.act(Verb::vm_inspect);
    EXPECT_EQ(t.count(Verb::vm_inspect), 0);
    EXPECT_EQ(t.engine.count("GET /containers/mc-"), 0);
}

TEST(WorkerSession, JoinsAnotherCloudWithEpochsOfItsOwn) {
    Harness t(false);
    t.answer_registration(Epoch{1}, CloudId{0xC2});
    ASSERT_EQ(t.saved.size(), 1U);
    EXPECT_EQ(t.saved[0].cloud, CloudId{0xC2});
    EXPECT_EQ(t.saved[0].epoch, Epoch{1});
}

TEST(WorkerSession, RefusesOrdersOfAnOlderEpoch) {
    Harness t;
    const JobId stale = t.act(Verb::vm_inspect, Harness::vm, Epoch{4});
    EXPECT_EQ(t.code(stale), ErrorCode::stale_epoch);
    const JobId newer = t.act(Verb::vm_inspect, Harness::vm, Epoch{6});
    EXPECT_EQ(t.code(newer), ErrorCode::ok);
    EXPECT_EQ(t.saved.back().epoch, Epoch{6});
    const JobId now_stale = t.act(Verb::vm_inspect, Harness::vm, Epoch{5});
    EXPECT_EQ(t.code(now_stale), ErrorCode::stale_epoch);
}

TEST(WorkerSession, TakesNoOrdersWhileItCantKeepItsState) {
    Harness t;
    t.core.on_save_failed(t.now, {ErrorCode::io_failed, "no space left on device"});
    t.settle();
    EXPECT_EQ(t.code(t.act(Verb::vm_inspect)), ErrorCode::io_failed);
    EXPECT_FALSE(t.core.status(t.now).ready);
    t.advance(bounds::save_retry);
    EXPECT_EQ(t.saved.size(), 1U);
    EXPECT_TRUE(t.core.status(t.now).ready);
    EXPECT_EQ(t.code(t.act(Verb::vm_inspect)), ErrorCode::ok);
}

TEST(WorkerSession, StoppingWorkerTakesNothingNewAndSaysSo) {
    Harness t;
    t.when("POST", "/create?name", std::nullopt);
    const JobId running = t.create();
    t.core.begin_stop(t.now);
    t.settle();
    EXPECT_FALSE(t.core.idle());
    const JobId refused = t.act(Verb::vm_inspect, VmId{9});
    EXPECT_FALSE(t.reply(refused));
    const auto beat = *protocol::decode<protocol::Heartbeat>(t.last(Verb::node_heartbeat, Kind::notice)->body);
    EXPECT_EQ(beat.status.reason, "the worker is stopping");
    t.release("/create?name");
    EXPECT_EQ(t.code(running), ErrorCode::ok);
    EXPECT_TRUE(t.core.idle());
}

TEST(WorkerSession, StoppingWorkerEndsStreamsAndRefusesNewOnes) {
    Harness t;
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    protocol::ExecSpec shell;
    shell.argv = {"sh"};
    const JobId open = t.exec(shell, 1000);
    t.core.on_stream_opened(t.now, *t.open_stream);
    t.settle();
    t.core.begin_stop(t.now);
    t.settle();
    EXPECT_EQ(t.code(open), ErrorCode::node_unreachable);
    EXPECT_THAT(t.sentence(open), testing::HasSubstr("node-a is stopping"));
    const JobId late = t.exec(shell, 1000);
    EXPECT_EQ(t.code(late), ErrorCode::node_unreachable);
    EXPECT_TRUE(t.core.idle());
}

// What waits is left to the next process: its order comes again.
TEST(WorkerSession, StoppingWorkerBeginsNoJobThatWaits) {
    Harness t;
    t.when("POST", "/create?name", std::nullopt);
    const JobId running = t.create();
    const JobId waiting = t.act(Verb::vm_stop);
    t.core.begin_stop(t.now);
    t.settle();
    t.release("/create?name");
    EXPECT_EQ(t.code(running), ErrorCode::ok);
    EXPECT_TRUE(t.core.idle());
    EXPECT_FALSE(t.reply(waiting));
    EXPECT_EQ(t.engine.count("POST /containers/id-mc-00000000000000ab/stop"), 0);
}

TEST(WorkerSession, AnswersAVerbThatIsNoneOfItsOwn) {
    Harness t;
    const JobId id = t.order(Verb::create, {});
    EXPECT_EQ(t.code(id), ErrorCode::unknown_verb);
    EXPECT_EQ(t.reply(id)->header.value, 1U);
}

// That it does, e2e.userns shows on an engine.
TEST(WorkerUsers, SaysOnceThatTheEngineDoesNotRemapThem) {
    Harness t;
    t.advance(3 * bounds::info_interval);
    const auto told = std::count_if(t.logged.begin(), t.logged.end(), [](const auto& line) {
        return line.starts_with("root in a VM is root's user id on this machine too");
    });
    EXPECT_EQ(told, 1);
}

TEST(WorkerEngine, SaysOnceThatSystemCallsAreNotFiltered) {
    Harness t;
    t.advance(3 * bounds::info_interval);
    const auto told = std::count_if(t.logged.begin(), t.logged.end(), [](const auto& line) {
        return line.starts_with("the engine does not run its default seccomp profile");
    });
    EXPECT_EQ(told, 1);
}

// Goal: what only the worker can know of its engine, people see too. Spec: docs/protocol.md "EngineFacts".
TEST(WorkerEngine, IsToldOfWithEachHeartbeat) {
    Harness t;
    const auto told = [&] {
        t.sent.clear();
        t.advance(limits::heartbeat_interval);
        return protocol::decode<protocol::Heartbeat>(t.last(Verb::node_heartbeat, Kind::notice)->body)->status.engine;
    };
    EXPECT_EQ(told(), (protocol::EngineFacts{protocol::Fact::yes, protocol::Fact::no, protocol::Fact::no, {}}));
    EXPECT_EQ(t.core.data_root(), t.engine.root_dir);
    t.core.on_disk({5, 10});
    EXPECT_EQ(told().disk, (DiskSpace{5, 10}));
    t.core.on_disk({});  // its directory is gone
    EXPECT_EQ(told().disk, DiskSpace());
}

TEST(WorkerEngine, IsNotSpokenOfBeforeItHasAnswered) {
    Harness t(true, Harness::settings(), [](FakeEngine& engine) {
        engine.intercept = [](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
            if (!request.target.ends_with("/info")) return std::nullopt;
            return FakeEngine::reply(500);
        };
    });
    t.advance(limits::heartbeat_interval);
    const auto heartbeat = t.last(Verb::node_heartbeat, Kind::notice);
    EXPECT_EQ(protocol::decode<protocol::Heartbeat>(heartbeat->body)->status.engine, protocol::EngineFacts());
    EXPECT_EQ(t.core.data_root(), "");
}

}  // namespace
}  // namespace mc::worker

#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::ContainerState;
using protocol::Verb;

struct MadeHarness : Harness {
    MadeHarness() { EXPECT_EQ(code(create()), ErrorCode::ok); }
};

TEST(RemoveJob, RemovesARunningVm) {
    MadeHarness t;
    const JobId job = t.act(Verb::vm_remove);
    EXPECT_EQ(t.code(job), ErrorCode::ok);
    EXPECT_EQ(t.report(job).state, ContainerState::absent);
    EXPECT_EQ(t.container(), nullptr);
}

TEST(RemoveJob, OfWhatIsNotThereIsASuccess) {
    Harness t;
    EXPECT_EQ(t.code(t.act(Verb::vm_remove)), ErrorCode::ok);
    EXPECT_EQ(t.engine.count("DELETE"), 0);
}

// Found by the simulator: a renamed container was called gone, and leaked.
TEST(RemoveJob, FindsARenamedContainerByItsLabels) {
    MadeHarness t;
    auto renamed = t.engine.containers.extract(t.engine.containers.begin());
    renamed.key() = "somebody-renamed-it";
    t.engine.containers.insert(std::move(renamed));
    EXPECT_EQ(t.code(t.act(Verb::vm_remove)), ErrorCode::ok);
    EXPECT_EQ(t.engine.count("DELETE"), 1);
}

TEST(RemoveJob, WaitsForSomebodyElsesRemovalToEnd) {
    MadeHarness t;
    t.when("DELETE", "/containers/", FakeEngine::error(409, "removal of container x is already in progress"));
    const JobId job = t.act(Verb::vm_remove);
    t.advance(500ms);
    EXPECT_FALSE(t.reply(job));
    t.engine.containers.clear();
    t.advance(bounds::removal_poll);
    EXPECT_EQ(t.code(job), ErrorCode::ok);
}

TEST(RemoveJob, PollsAContainerThatIsBeingRemoved) {
    MadeHarness t;
    t.container()->state = "removing";
    const JobId job = t.act(Verb::vm_remove);
    t.advance(300ms);
    EXPECT_EQ(t.engine.count("DELETE"), 0);
    t.engine.containers.clear();
    t.advance(bounds::removal_poll);
    EXPECT_EQ(t.code(job), ErrorCode::ok);
}

TEST(RemoveJob, ForcesADeadContainer) {
    MadeHarness t;
    t.container()->state = "dead";
    EXPECT_EQ(t.code(t.act(Verb::vm_remove)), ErrorCode::ok);
    EXPECT_EQ(t.engine.count("DELETE"), 1);
}

// Found by chaos: Docker 20.10 lists a container whose removal has failed as being removed until the engine is
// restarted, and the job waited for that removal to end.
TEST(RemoveJob, DoesNotWaitForARemovalThatHasFailed) {
    MadeHarness t;
    t.container()->state = "dead";
    t.container()->listed_state = "removing";
    EXPECT_EQ(t.code(t.act(Verb::vm_remove)), ErrorCode::ok);
    EXPECT_EQ(t.engine.count("DELETE"), 1);
}

TEST(RemoveJob, TriesAFewTimesThenSaysWhy) {
    for (const bool failed_before : {false, true}) {
        MadeHarness t;
        if (failed_before) t.container()->state = "dead";
        if (failed_before) t.container()->listed_state = "removing";
        t.when("DELETE", "/containers/", FakeEngine::error(500, "device or resource busy"));
        const JobId job = t.act(Verb::vm_remove);
        t.advance(10s);
        EXPECT_EQ(t.code(job), ErrorCode::engine_failed);
        EXPECT_THAT(t.sentence(job), testing::HasSubstr("device or resource busy"));
        EXPECT_EQ(t.engine.count("DELETE"), bounds::engine_tries_max);
    }
}

TEST(RemoveJob, LooksAfterATimeOut) {
    MadeHarness t;
    t.when("DELETE", "/containers/", Harness::timed_out(), 1);
    const JobId job = t.act(Verb::vm_remove);
    t.advance(1s);
    EXPECT_EQ(t.code(job), ErrorCode::ok);
}

TEST(RemoveJob, NeverTouchesWhatIsNotProvedOurs) {
    for (const char* key : {label::cloud, label::node, label::vm}) {
        MadeHarness t;
        t.container()->spec["Labels"][key] = "0000000000000bad";
        const JobId job = t.act(Verb::vm_remove);
        EXPECT_EQ(t.code(job), ErrorCode::ok) << key;  // the VM has no container here
        EXPECT_NE(t.container(), nullptr);
        EXPECT_EQ(t.engine.count("DELETE"), 0);
    }
}

// Of several that run, the oldest is the VM; all are gone in the end.
TEST(RemoveJob, RemovesEveryContainerOfTheVm) {
    MadeHarness t;
    for (const int n : {1, 2}) {
        auto copy = *t.container();
        copy.id = "copy" + std::to_string(n);
        copy.name = copy.id;
        copy.created += n;
        t.engine.containers[copy.name] = copy;
    }
    const JobId job = t.act(Verb::vm_remove);
    t.advance(1s);
    EXPECT_EQ(t.code(job), ErrorCode::ok);
    EXPECT_TRUE(t.engine.containers.empty());
}

TEST(RemoveJob, FindsTheContainerUnderAnotherName) {
    MadeHarness t;
    t.engine.rename("mc-" + Harness::vm.str(), "renamed");
    EXPECT_EQ(t.code(t.act(Verb::vm_remove)), ErrorCode::ok);
    EXPECT_TRUE(t.engine.containers.empty());
}

// Goal: a delete does not wait for a create that waits for its VM.
TEST(RemoveJob, MakesACreateUnderWayGiveUp) {
    Harness t;
    t.probe = ProbeResult::silent();
    const JobId create = t.create();
    t.advance(100ms);
    const JobId removal = t.act(Verb::vm_remove);
    EXPECT_EQ(t.code(create), ErrorCode::cancelled);
    EXPECT_EQ(t.code(removal), ErrorCode::ok);
    EXPECT_EQ(t.container(), nullptr);
}

TEST(RemoveJob, DoesNotWaitForAStopUnderWay) {
    MadeHarness t;
    t.when("POST", "/stop", std::nullopt);
    const JobId stop = t.act(Verb::vm_stop);
    EXPECT_EQ(t.code(t.act(Verb::vm_remove)), ErrorCode::ok);
    EXPECT_EQ(t.code(stop), ErrorCode::cancelled);
}

TEST(SwitchJob, StopsAndStartsWithANewPort) {
    MadeHarness t;
    const JobId stop = t.act(Verb::vm_stop);
    EXPECT_EQ(t.report(stop).state, ContainerState::exited);
    EXPECT_EQ(t.engine.count("POST /containers/id-mc-00000000000000ab/stop?t=3"), 1);
    const JobId start = t.act(Verb::vm_start);
    ASSERT_EQ(t.code(start), ErrorCode::ok);
    EXPECT_EQ(t.report(start).ssh_port, 40001);
    EXPECT_EQ(t.report(start).host_key, "ssh-ed25519 AAAAkey");
}

TEST(SwitchJob, AsTheVmAlreadyIsIsASuccess) {
    MadeHarness t;
    EXPECT_EQ(t.code(t.act(Verb::vm_start)), ErrorCode::ok);  // 304
    EXPECT_EQ(t.container()->starts, 1);
    ASSERT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
    EXPECT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
}

TEST(SwitchJob, RestartReportsTheNewPort) {
    MadeHarness t;
    const JobId job = t.act(Verb::vm_restart);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.report(job).ssh_port, 40001);
}

TEST(SwitchJob, OfNothingIsNotFound) {
    Harness t;
    EXPECT_EQ(t.code(t.act(Verb::vm_start)), ErrorCode::not_found);
    EXPECT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::not_found);
}

TEST(SwitchJob, StopWithoutAnAnswerIsLookedUp) {
    MadeHarness t;
    t.when("POST", "/stop", Harness::timed_out(), 1);
    t.container()->state = "exited";
    EXPECT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
}

// Found by the simulator, seed 20: the engine carries it out later, on a VM that was started again.
TEST(SwitchJob, TellsThatAStopWithoutAnAnswerMayComeLate) {
    for (const auto& [verb, path] : {std::pair{Verb::vm_stop, "/stop"}, std::pair{Verb::vm_restart, "/restart"}}) {
        MadeHarness t;
        const JobId prompt = t.act(verb);
        ASSERT_EQ(t.code(prompt), ErrorCode::ok);
        EXPECT_FALSE(t.report(prompt).late_stop);
        t.container()->state = "running";
        t.when("POST", path, Harness::timed_out(), 1);
        const JobId job = t.act(verb);
        ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
        EXPECT_TRUE(t.report(job).late_stop);
    }
}

// Each unanswered call is looked up, the last one too.
TEST(SwitchJob, LooksAlsoAfterItsLastTry) {
    MadeHarness t;
    int stops = 0;
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("/stop") == std::string::npos) return std::nullopt;
        if (++stops == bounds::engine_tries_max) t.container()->state = "exited";
        return Harness::timed_out();
    };
    EXPECT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
    EXPECT_EQ(stops, bounds::engine_tries_max);
}

TEST(SwitchJob, SaysWhatTheEngineSaidWhenNoTryHelps) {
    MadeHarness t;
    t.when("POST", "/stop", Harness::timed_out());
    const JobId job = t.act(Verb::vm_stop);
    EXPECT_EQ(t.code(job), ErrorCode::deadline_exceeded);
    EXPECT_THAT(t.sentence(job), testing::HasSubstr("took too long"));
}

TEST(SwitchJob, DoesNotRestartTwiceWhatWasRestarted) {
    MadeHarness t;
    int restarts = 0;
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("/restart") == std::string::npos) return std::nullopt;
        ++restarts;
        t.container()->started_at = "2026-11-23T23:59:59.000000000Z";
        return Harness::timed_out();
    };
    EXPECT_EQ(t.code(t.act(Verb::vm_restart)), ErrorCode::ok);
    EXPECT_EQ(restarts, 1);
}

TEST(SwitchJob, RestartsAgainWhatWasNotRestarted) {
    MadeHarness t;
    int restarts = 0;
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("/restart") == std::string::npos || ++restarts > 1) return std::nullopt;
        return Harness::timed_out();
    };
    EXPECT_EQ(t.code(t.act(Verb::vm_restart)), ErrorCode::ok);
    EXPECT_EQ(restarts, 2) << "the VM that runs is the one from before";
}

TEST(SwitchJob, StartsAgainWhenThePortIsTaken) {
    for (const auto& [verb, path] : {std::pair{Verb::vm_start, "/start"}, std::pair{Verb::vm_restart, "/restart"}}) {
        MadeHarness t;
        t.container()->state = "exited";
        t.when("POST", path, FakeEngine::error(500, "Bind for 0.0.0.0:32768 failed: port is already allocated"), 1);
        const JobId job = t.act(verb);
        EXPECT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
        EXPECT_EQ(t.container()->state, "running");
    }
}

TEST(SwitchJob, SaysThatADeadContainerCantBeStarted) {
    MadeHarness t;
    t.container()->state = "dead";
    t.when("POST", "/start", FakeEngine::error(409, "container is marked for removal and cannot be started"));
    const JobId job = t.act(Verb::vm_start);
    EXPECT_EQ(t.code(job), ErrorCode::engine_failed);
    EXPECT_THAT(t.sentence(job), testing::HasSubstr("marked for removal"));
}

TEST(SwitchJob, StartThatNeverAnswersKeepsTheVm) {
    MadeHarness t;
    ASSERT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
    t.probe = ProbeResult::silent();
    const JobId job = t.act(Verb::vm_start);
    t.advance(limits::request_deadline_default + 1s);
    EXPECT_EQ(t.code(job), ErrorCode::ssh_not_answering);
    EXPECT_NE(t.container(), nullptr);
}

/// As Docker is that was killed in a start and learns of it from containerd: running, and no port.
std::optional<FakeEngine::Answer> starts_without_a_network(Harness& t, const EngineRequest& request) {
    if (request.target.find("/start") == std::string::npos) return std::nullopt;
    t.container()->state = "running";
    t.container()->port = 0;
    return FakeEngine::reply(304);
}

// Found by chaos, seed w5: it was waited for until the job's deadline, two minutes later, and again and again.
TEST(SwitchJob, RestartsAVmThatRunsWithoutANetwork) {
    MadeHarness t;
    ASSERT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
    t.engine.intercept = [&](const EngineRequest& request) { return starts_without_a_network(t, request); };
    const JobId job = t.act(Verb::vm_start);
    t.advance(bounds::publish_max + 1s);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.report(job).ssh_port, 40001);
    EXPECT_EQ(t.engine.count("POST /containers/id-mc-00000000000000ab/restart?t=0"), 1);
}

TEST(SwitchJob, SaysThatNoRestartBringsTheNetwork) {
    MadeHarness t;
    ASSERT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("/restart") != std::string::npos) return FakeEngine::reply(204);
        return starts_without_a_network(t, request);
    };
    const JobId job = t.act(Verb::vm_start);
    t.advance((bounds::publish_max + 1s) * (bounds::reconnects_max + 1));
    EXPECT_EQ(t.code(job), ErrorCode::engine_failed);
    EXPECT_THAT(t.sentence(job), testing::HasSubstr("without a network"));
    EXPECT_EQ(t.engine.count_with("/restart?t=0"), bounds::reconnects_max);
}

TEST(SwitchJob, RestartsAVmAtWhosePortAnotherVmAnswers) {
    MadeHarness t;
    ASSERT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
    t.probe = Harness::another_vms_sshd();
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("/restart") != std::string::npos) t.probe = Harness::own_sshd();
        return std::nullopt;
    };
    const JobId job = t.act(Verb::vm_start);
    t.advance(bounds::stranger_max + 1s);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.report(job).ssh_port, 40002);
    EXPECT_EQ(t.engine.count_with("/restart?t=0"), 1);
}

TEST(SwitchJob, SaysThatAnotherVmAnswersAndKeepsTheVm) {
    MadeHarness t;
    ASSERT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
    t.probe = Harness::another_vms_sshd();
    const JobId job = t.act(Verb::vm_start);
    t.advance((bounds::stranger_max + 1s) * (bounds::reconnects_max + 1));
    EXPECT_EQ(t.code(job), ErrorCode::engine_failed);
    EXPECT_THAT(t.sentence(job), testing::HasSubstr("another SSH server than its own answers on"));
    EXPECT_EQ(t.engine.count_with("/restart?t=0"), bounds::reconnects_max);
    EXPECT_NE(t.container(), nullptr);
}

TEST(SwitchJob, TellsThatARestartForTheNetworkMayComeLate) {
    MadeHarness t;
    ASSERT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("/restart") == std::string::npos) return starts_without_a_network(t, request);
        t.container()->port = 40001;
        return Harness::timed_out();
    };
    const JobId job = t.act(Verb::vm_start);
    t.advance(bounds::publish_max + 1s);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_TRUE(t.report(job).late_stop);
}

TEST(SwitchJob, NamesTheContainerWhoseIdIsInUse) {
    MadeHarness t;
    ASSERT_EQ(t.code(t.act(Verb::vm_stop)), ErrorCode::ok);
    t.when("POST", "/start", FakeEngine::error(409, "id already in use"));
    const JobId job = t.act(Verb::vm_start);
    EXPECT_EQ(t.code(job), ErrorCode::engine_failed);
    EXPECT_THAT(t.sentence(job), testing::HasSubstr("id already in use (container id-mc-00000000000000ab)"));
}

TEST(InspectJob, TellsHowAVmIs) {
    MadeHarness t;
    EXPECT_EQ(t.report(t.act(Verb::vm_inspect)).host_key, "ssh-ed25519 AAAAkey");
    const JobId none = t.act(Verb::vm_inspect, VmId{0x99});
    EXPECT_EQ(t.code(none), ErrorCode::ok);
    EXPECT_EQ(t.report(none).state, ContainerState::absent);
}

TEST(InspectJob, SaysThatTheEngineIsNotThere) {
    Harness t;
    t.when("GET", "minicloud.vm%3D", Harness::refused());
    const JobId job = t.act(Verb::vm_inspect);
    t.advance(5s);
    EXPECT_EQ(t.code(job), ErrorCode::engine_unreachable);
}

TEST(JobTable, JobsOfOneVmRunOneAfterAnother) {
    MadeHarness t;
    t.when("POST", "/stop", std::nullopt);
    const JobId stop = t.act(Verb::vm_stop);
    const JobId start = t.act(Verb::vm_start);
    EXPECT_EQ(t.stages(start), std::vector<std::string>{"accepted"});
    const int starts = t.engine.count("POST /containers/id-mc-00000000000000ab/start");
    EXPECT_FALSE(t.reply(stop));
    t.release("/stop");
    EXPECT_EQ(t.code(stop), ErrorCode::ok);
    EXPECT_EQ(t.code(start), ErrorCode::ok);
    EXPECT_EQ(t.engine.count("POST /containers/id-mc-00000000000000ab/start"), starts + 1);
}

TEST(JobTable, CancelOfAStopUnderWayLetsItEnd) {
    MadeHarness t;
    t.when("POST", "/stop", std::nullopt);
    const JobId stop = t.act(Verb::vm_stop);
    t.cancel(stop);
    EXPECT_FALSE(t.reply(stop));
    t.release("/stop");
    EXPECT_EQ(t.code(stop), ErrorCode::ok);
}

TEST(JobTable, CancelOfAWaitingJobEndsIt) {
    MadeHarness t;
    t.when("POST", "/stop", std::nullopt);
    t.act(Verb::vm_stop);
    const JobId start = t.act(Verb::vm_start);
    t.cancel(start);
    EXPECT_EQ(t.code(start), ErrorCode::cancelled);
}

TEST(JobTable, CancelOfAnUnknownJobIsAnsweredUnderItsOwnVerb) {
    Harness t;
    const JobId unknown{5, 999};
    t.cancel(unknown);
    EXPECT_EQ(t.code(unknown), ErrorCode::not_found);
    EXPECT_EQ(t.reply(unknown)->header.verb, Verb::job_cancel);
}

TEST(JobTable, CancelAsANoticeIsObeyedWithoutAWordAboutUnknownJobs) {
    Harness t;
    t.probe = ProbeResult::silent();
    const JobId job = t.create();
    protocol::Message notice;
    notice.header.kind = protocol::Kind::notice;
    notice.header.verb = Verb::job_cancel;
    notice.header.id = protocol::as_request_id(JobId{5, 999});
    t.deliver(notice);
    EXPECT_FALSE(t.reply(JobId{5, 999}));
    notice.header.id = protocol::as_request_id(job);
    t.deliver(notice);
    EXPECT_EQ(t.code(job), ErrorCode::cancelled);
}

TEST(JobTable, IsBusyOverItsLimit) {
    Harness t;
    t.when("GET", "minicloud.vm%3D", std::nullopt);
    for (std::uint64_t i = 1; i <= bounds::jobs_max; ++i) t.act(Verb::vm_inspect, VmId{i});
    EXPECT_EQ(t.core.status(t.now).jobs_running, bounds::jobs_max);
    const JobId over = t.act(Verb::vm_inspect, VmId{999999});
    EXPECT_EQ(t.code(over), ErrorCode::busy);
}

// Goal: the thousandth of `create -n 1000` does not fail because it had to wait.
TEST(JobTable, TimeOfAWaitingCreateBeginsWhenItBegins) {
    Harness t;
    t.when("GET", "/images/", std::nullopt);
    std::vector<JobId> jobs;
    for (std::uint64_t i = 1; i <= bounds::creates_under_way_max + 1; ++i) {
        auto order = Harness::create_order();
        order.vm = VmId{i};
        order.owner = "class-" + std::to_string(i % 3);
        jobs.push_back(t.create(order));
    }
    EXPECT_EQ(t.stages(jobs.back()), std::vector<std::string>{"accepted"});
    t.advance(limits::request_deadline_default + 1s);
    EXPECT_EQ(t.code(jobs[bounds::creates_under_way_max - 1]), ErrorCode::deadline_exceeded);
    EXPECT_FALSE(t.reply(jobs.back()));
    t.advance(limits::request_deadline_default);
    EXPECT_EQ(t.code(jobs.back()), ErrorCode::deadline_exceeded);
}

TEST(JobTable, WaitingCreateCanBeCancelledAndRemoved) {
    Harness t;
    t.probe = ProbeResult::silent();
    for (std::uint64_t i = 1; i <= bounds::creates_under_way_max; ++i) {
        auto order = Harness::create_order();
        order.vm = VmId{1000 + i};
        order.owner = "class-" + std::to_string(i % 3);
        t.create(order);
    }
    const JobId waiting = t.create();
    const JobId removal = t.act(Verb::vm_remove);
    EXPECT_EQ(t.code(waiting), ErrorCode::cancelled);
    EXPECT_EQ(t.code(removal), ErrorCode::ok);
    const JobId again = t.create();
    t.probe = Harness::own_sshd();
    t.advance(1s);
    EXPECT_EQ(t.code(again), ErrorCode::ok);
}

// Goal: whoever has ever so many VMs made that take long leaves others their turn.
TEST(JobTable, CreatesOfOneOwnerLeaveOthersRoom) {
    Harness t;
    t.probe = ProbeResult::silent();
    const auto create_of = [&](const std::string& owner, std::uint64_t vm) {
        auto order = Harness::create_order();
        order.vm = VmId{vm};
        order.owner = owner;
        return t.create(order);
    };
    std::vector<JobId> slow;
    for (std::uint64_t i = 1; i <= bounds::creates_under_way_max; ++i) slow.push_back(create_of("mallory", 1000 + i));
    EXPECT_EQ(t.engine.count("POST /containers/create"), static_cast<int>(bounds::creates_of_owner_max));
    EXPECT_EQ(t.stages(slow.back()), std::vector<std::string>{"accepted"});
    const JobId other = create_of("ann", 1);
    EXPECT_EQ(t.stages(other).back(), "waiting");
    // And the rest gets its turn.
    t.probe = Harness::own_sshd();
    t.advance(5s);
    EXPECT_EQ(t.code(other), ErrorCode::ok);
    EXPECT_EQ(t.code(slow.back()), ErrorCode::ok);
}

TEST(JobTable, PullsOfOneOwnerLeaveOthersRoom) {
    Harness t;
    t.engine.intercept = [](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("fromImage=drips") == std::string::npos) return std::nullopt;
        return FakeEngine::Answer(std::nullopt);
    };
    for (std::uint64_t i = 1; i <= 2 * bounds::creates_of_owner_max; ++i) {
        auto order = Harness::create_order("drips.example/vm:1");
        order.vm = VmId{1000 + i};
        order.owner = "mallory";
        t.create(order, 3'600'000);
    }
    EXPECT_EQ(t.engine.count_with("fromImage=drips"), static_cast<int>(bounds::pulls_of_owner_max));
    t.engine.pull_brings_image = true;
    t.engine.pull_stream = "{}\n";
    const JobId other = t.create(Harness::create_order("far:2"));
    t.advance(1s);
    EXPECT_EQ(t.code(other), ErrorCode::ok);
}

// Goal: an hour's grace for VMs that ignore it keeps nobody else from stopping a VM.
TEST(SwitchJob, StopsThatWaitForTheirVmLeaveOthersTheirTurn) {
    Harness t;
    t.create();
    t.engine.intercept = [](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("/stop?t=3600") == std::string::npos) return std::nullopt;
        return FakeEngine::Answer(std::nullopt);
    };
    for (std::uint64_t i = 1; i <= 2 * bounds::patient_calls_per_heavy * bounds::engine_calls_default; ++i) {
        auto order = Harness::create_order();
        order.vm = VmId{1000 + i};
        ASSERT_EQ(t.code(t.create(order)), ErrorCode::ok);
        t.order(Verb::vm_stop,
                protocol::encode(protocol::VmOrder{.epoch = Epoch{5}, .vm = order.vm, .grace_seconds = 3600}), {},
                3'600'000);
    }
    const JobId other = t.act(Verb::vm_stop);
    EXPECT_FALSE(t.reply(other));
    t.advance(2 * bounds::patient_turn + 1s);
    EXPECT_EQ(t.code(other), ErrorCode::ok);
}

TEST(JobTable, RemembersABoundedNumberOfResults) {
    Harness t;
    const JobId first = t.act(Verb::vm_inspect);
    for (std::size_t i = 0; i < bounds::results_remembered_max; ++i) t.act(Verb::vm_inspect);
    const auto looks = [&] { return t.engine.count_with("minicloud.vm%3D"); };
    const int asked = looks();
    t.order(Verb::vm_inspect, protocol::encode(protocol::VmOrder{.epoch = Epoch{5}, .vm = Harness::vm}), {}, 0, first);
    EXPECT_EQ(looks(), asked + 1);  // forgotten, so done anew
}

}  // namespace
}  // namespace mc::worker

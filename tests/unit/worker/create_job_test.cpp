#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::ContainerState;
using protocol::Verb;
using testing::HasSubstr;

// Found by chaos, seed h3: the banner was another VM's, at the address of this one, whose sshd was not there yet.
TEST(CreateJob, WaitsForTheHostKey) {
    Harness t;
    t.engine.host_key.clear();
    const JobId job = t.create();
    t.advance(bounds::engine_retry / 2);
    t.engine.host_key = "ssh-ed25519 AAAAkey root@x";
    t.advance(bounds::engine_retry);
    ASSERT_EQ(t.code(job), ErrorCode::ok);
    EXPECT_EQ(t.report(job).host_key, "ssh-ed25519 AAAAkey");
}

// Found under the thread sanitizer: two of thirty VMs were ready without a key, so that nobody could log in to them
// yet.
TEST(CreateJob, WaitsForTheHostKeyHoweverSlowTheEngineIs) {
    Harness t;
    int silences = 3 * bounds::engine_tries_max;
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("ssh_host_ed25519_key") == std::string::npos || silences-- <= 0) return std::nullopt;
        return Harness::refused();
    };
    const JobId job = t.create();
    t.advance(bounds::engine_retry * bounds::engine_tries_max);
    EXPECT_FALSE(t.reply(job));
    t.advance(bounds::engine_retry * bounds::engine_tries_max * 3);
    ASSERT_EQ(t.code(job), ErrorCode::ok);
    EXPECT_EQ(t.report(job).host_key, "ssh-ed25519 AAAAkey");
}

// Found by chaos, seed h3: what a killed engine had left of another VM was at this one's address, and stayed there.
TEST(CreateJob, RestartsAVmAtWhosePortAnotherVmAnswers) {
    Harness t;
    t.probe = Harness::another_vms_sshd();
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("/restart") != std::string::npos) t.probe = Harness::own_sshd();
        return std::nullopt;
    };
    const JobId job = t.create();
    t.advance(bounds::stranger_max - 1ms);
    EXPECT_FALSE(t.reply(job));
    EXPECT_EQ(t.engine.count_with("/restart"), 0);
    t.advance(1s);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.report(job).host_key, "ssh-ed25519 AAAAkey");
    EXPECT_EQ(t.report(job).ssh_port, 40001);
    EXPECT_EQ(t.engine.count_with("/restart?t=0"), 1);
    EXPECT_THAT(t.logged, testing::Contains(HasSubstr("another SSH server than its own answers on 127.0.0.1:40000")));
}

TEST(CreateJob, WaitsForAnotherVmThatAnswersInPassing) {
    Harness t;
    t.probe = Harness::another_vms_sshd();
    const JobId job = t.create();
    t.advance(bounds::ssh_look_interval * 3);
    EXPECT_FALSE(t.reply(job));
    EXPECT_LE(t.probes, 4) << "sshd may hold it against us";
    t.container()->port = 40007;  // docker start, by somebody else: its old port is another VM's now
    t.probe = Harness::own_sshd();
    t.advance(bounds::ssh_look_interval);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.report(job).ssh_port, 40007);
    EXPECT_EQ(t.engine.count_with("/restart"), 0);
}

TEST(CreateJob, SaysThatAnotherVmAnswersWhateverIsDone) {
    Harness t;
    t.probe = Harness::another_vms_sshd();
    const JobId job = t.create();
    t.advance((bounds::stranger_max + 1s) * (bounds::reconnects_max + 1));
    EXPECT_EQ(t.code(job), ErrorCode::engine_failed);
    EXPECT_EQ(t.sentence(job),
              "the VM runs, but another SSH server than its own answers on 127.0.0.1:40002: it has another host key, "
              "also after restarts: look for what a killed engine has left running (docs/operations.md)");
    EXPECT_EQ(t.engine.count_with("/restart?t=0"), bounds::reconnects_max);
    EXPECT_EQ(t.container(), nullptr) << "a failed create leaves nothing";
}

TEST(CreateJob, SaysInTimeThatAnotherVmAnswers) {
    Harness t;
    t.probe = Harness::another_vms_sshd();
    const JobId job = t.create(Harness::create_order(), 2000);
    t.advance(2001ms);
    EXPECT_EQ(t.code(job), ErrorCode::ssh_not_answering);
    EXPECT_THAT(t.sentence(job), HasSubstr("another SSH server than its own answers on 127.0.0.1:40000"));
}

// Images of somebody else's: sshd has no ed25519 key, or speaks only what we don't.
TEST(CreateJob, TakesASshdWhoseKeyCantBeCompared) {
    Harness t;
    t.probe = ProbeResult::answered("ssh-rsa AAAArsa");
    t.engine.host_key.clear();
    const JobId without_key = t.create();
    t.advance(bounds::engine_retry * bounds::engine_tries_max);
    ASSERT_EQ(t.code(without_key), ErrorCode::ok);
    EXPECT_EQ(t.report(without_key).host_key, "");

    Harness u;
    u.probe = ProbeResult::answered("");
    const JobId unknown = u.create();
    ASSERT_EQ(u.code(unknown), ErrorCode::ok);
    EXPECT_EQ(u.report(unknown).host_key, "ssh-ed25519 AAAAkey");
}

/// As an engine leaves a start in which it is killed.
std::optional<FakeEngine::Answer> runs_without_a_network(Harness& t, const EngineRequest& request) {
    if (request.target.find("/start") == std::string::npos) return std::nullopt;
    t.container()->state = "running";
    return FakeEngine::reply(204);
}

TEST(CreateJob, RestartsAVmThatRunsWithoutANetwork) {
    Harness t;
    t.engine.intercept = [&](const EngineRequest& request) { return runs_without_a_network(t, request); };
    const JobId job = t.create();
    t.advance(bounds::publish_max + 1s);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.report(job).ssh_port, 40000);
    EXPECT_EQ(t.engine.count_with("/restart?t=0"), 1);
}

TEST(CreateJob, TellsThatItsRestartMayComeLate) {
    Harness t;
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("/restart") == std::string::npos) return runs_without_a_network(t, request);
        t.container()->port = 40001;
        return Harness::timed_out();
    };
    const JobId job = t.create();
    t.advance(bounds::publish_max + 1s);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_TRUE(t.report(job).late_stop);
}

TEST(CreateJob, SaysThatNoRestartBringsTheNetwork) {
    Harness t;
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (!request.target.ends_with("/start") && request.target.find("/restart") == std::string::npos) {
            return std::nullopt;
        }
        t.container()->state = "running";
        return FakeEngine::reply(204);
    };
    const JobId job = t.create();
    t.advance((bounds::publish_max + 1s) * (bounds::reconnects_max + 1));
    EXPECT_EQ(t.code(job), ErrorCode::engine_failed);
    EXPECT_THAT(t.sentence(job), testing::HasSubstr("without a network"));
    EXPECT_EQ(t.container(), nullptr) << "a failed create leaves nothing";
}

TEST(CreateJob, MakesAVmThatAnswers) {
    Harness t;
    const JobId job = t.create();
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    const auto report = t.report(job);
    EXPECT_EQ(report.vm, Harness::vm);
    EXPECT_EQ(report.state, ContainerState::running);
    EXPECT_EQ(report.ssh_port, 40000);
    EXPECT_EQ(report.host_key, "ssh-ed25519 AAAAkey");
    EXPECT_EQ(report.started.unix_ms, 1795476668576);
    ASSERT_NE(t.container(), nullptr);
    EXPECT_EQ(t.container()->files.at(1).path, "root/.ssh/authorized_keys");
    EXPECT_THAT(t.stages(job), testing::ElementsAre("accepted", "creating", "starting", "waiting"));
}

TEST(CreateJob, IsDoneOnceHoweverOftenItIsOrdered) {
    Harness t;
    t.when("POST", "/start", std::nullopt);
    const JobId job = t.create();
    t.order(Verb::vm_create, protocol::encode(Harness::create_order()), {}, 0, job);
    EXPECT_EQ(t.stages(job).back(), "accepted");  // said again
    EXPECT_EQ(t.engine.count("POST /containers/create"), 1);
    t.release("/start");
    ASSERT_EQ(t.code(job), ErrorCode::ok);
    t.order(Verb::vm_create, protocol::encode(Harness::create_order()), {}, 0, job);
    const auto replies = t.all(job, protocol::Kind::reply);
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[0], replies[1]);
    EXPECT_EQ(t.engine.count("POST /containers/create"), 1);
}

TEST(CreateJob, AdoptsItsOwnContainerWhereverItIs) {
    for (const std::string state : {"created", "running"}) {
        Harness t;
        ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
        t.container()->state = state;
        const JobId again = t.create();  // another job: a worker that lost its memory gets it like this
        ASSERT_EQ(t.code(again), ErrorCode::ok) << state << ": " << t.sentence(again);
        EXPECT_EQ(t.engine.containers.size(), 1U);
    }
}

// Goal: a worker that was restarted during a create does not make a second container, whatever
// became of the first one's name meanwhile. ADR 9.
TEST(CreateJob, AdoptsItsContainerUnderAnotherName) {
    Harness before;
    ASSERT_EQ(before.code(before.create()), ErrorCode::ok);
    before.engine.rename("mc-" + Harness::vm.str(), "renamed");
    Harness t(false);
    t.engine.containers = before.engine.containers;
    t.when("GET", "/containers/json?all=1", std::nullopt, 1);  // the order comes before the first inventory
    t.answer_registration();
    const JobId again = t.create();
    ASSERT_EQ(t.code(again), ErrorCode::ok) << t.sentence(again);
    EXPECT_EQ(t.engine.containers.size(), 1U);
    EXPECT_EQ(t.engine.count("POST /containers/create"), 0);
}

// Found by the simulator, seed 2013634: the engine was still at an earlier process's create, and no list showed it.
TEST(CreateJob, LooksForWhatAnEarlierProcessHasBegun) {
    Harness before;
    ASSERT_EQ(before.code(before.create()), ErrorCode::ok);
    before.engine.rename("mc-" + Harness::vm.str(), "renamed");
    Harness t;
    t.advance(bounds::create_call_max - bounds::inventory_interval);
    t.engine.containers = before.engine.containers;
    const JobId job = t.create();
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.engine.count("POST /containers/create"), 0);
}

TEST(CreateJob, FirstOrderCostsNoLook) {
    Harness t;
    t.advance(bounds::create_call_max + bounds::inventory_interval);
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    EXPECT_EQ(t.engine.count_with("minicloud.vm%3D"), 0);
}

TEST(CreateJob, WaitsForACreateThatHoldsTheName) {
    Harness t;
    t.advance(1s);
    t.when("POST", "/create?name", FakeEngine::error(409, "Conflict. The container name is already in use"), 1);
    const JobId job = t.create();
    EXPECT_FALSE(t.reply(job));  // nobody has the name yet: the engine is at it
    t.advance(bounds::engine_retry);
    EXPECT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
}

// Found by the simulator, seed 201540: the create that took the name ends, and its container is
// renamed by hand, between the look for whose the name is and the next try.
TEST(CreateJob, FindsTheOneThatHeldTheNameAfterItsRename) {
    Harness t;
    t.advance(1s);
    bool begun = false;
    bool shown = false;
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("/create?name") != std::string::npos && !std::exchange(begun, true)) {
            static_cast<void>(t.engine.answer(request));
            t.engine.rename("mc-" + Harness::vm.str(), "by-hand");
            return FakeEngine::error(409, "Conflict. The container name is already in use");
        }
        const bool look = request.target.find("minicloud.vm%3D") != std::string::npos;
        if (look && !std::exchange(shown, true)) return FakeEngine::reply(200, nlohmann::json::array());
        return std::nullopt;
    };
    const JobId job = t.create();
    t.advance(bounds::engine_retry);
    EXPECT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.engine.containers.size(), 1U);
    EXPECT_TRUE(t.engine.containers.contains("by-hand"));
}

TEST(CreateJob, LeavesSomebodyElsesContainerAlone) {
    Harness t;
    auto& other = t.engine.containers["mc-" + Harness::vm.str()];
    other.name = "mc-" + Harness::vm.str();
    other.id = "theirs";
    other.state = "running";
    other.spec = {
        {"Image", "x"}, {"Labels", {{label::cloud, "0000000000000bad"}}}, {"HostConfig", nlohmann::json::object()}};
    const JobId job = t.create();
    EXPECT_EQ(t.code(job), ErrorCode::engine_conflict);
    EXPECT_EQ(t.engine.containers.size(), 1U);
    EXPECT_EQ(t.engine.count("DELETE"), 0);
}

TEST(CreateJob, RefusesItsOwnContainerOfAnotherSpec) {
    Harness t;
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    auto order = Harness::create_order();
    order.spec.pids = 100;
    const JobId job = t.create(order);
    EXPECT_EQ(t.code(job), ErrorCode::engine_conflict);
    EXPECT_NE(t.container(), nullptr);
}

TEST(CreateJob, PullsAMissingImage) {
    Harness t;
    t.engine.pull_brings_image = true;
    t.engine.pull_stream = "{\"status\":\"Pull complete\",\"id\":\"a\"}\n";
    const JobId job = t.create(Harness::create_order("far:2"));
    t.advance(1s);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_THAT(t.stages(job), testing::Contains("pulling"));
}

TEST(CreateJob, SaysWhatToDoWhenAnImageCantBeHad) {
    Harness t;
    const JobId job = t.create(Harness::create_order("far:2"));
    EXPECT_EQ(t.code(job), ErrorCode::pull_failed);
    EXPECT_EQ(t.sentence(job),
              "image far:2 is not on node node-a and can't be pulled: no registry here; "
              "build it with docker/vm/build or name one that is there");
    t.engine.pull_stream = "{\"error\":\"manifest for far:2 not found\"}\n";
    EXPECT_EQ(t.code(t.create(Harness::create_order("far:2"))), ErrorCode::image_not_found);
    t.when("POST", "/images/create", FakeEngine::error(404, "repository does not exist"));
    EXPECT_EQ(t.code(t.create(Harness::create_order("far:2"))), ErrorCode::image_not_found);
    t.when("POST", "/images/create", Harness::timed_out());
    EXPECT_EQ(t.code(t.create(Harness::create_order("far:2"))), ErrorCode::pull_failed);
    EXPECT_TRUE(t.engine.containers.empty());
}

// The engine goes on with a pull whose client is gone.
TEST(CreateJob, LooksForTheImageAfterAPullWithoutAnEnd) {
    Harness t;
    t.when("POST", "/images/create", std::nullopt);
    const JobId job = t.create(Harness::create_order("far:2"));
    t.engine.images["far:2"] = t.engine.images["plain:1"];
    t.release("/images/create", Harness::timed_out());
    t.advance(1s);
    EXPECT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);

    Harness without;
    without.when("POST", "/images/create", Harness::timed_out());
    const JobId failed = without.create(Harness::create_order("far:2"));
    EXPECT_EQ(without.code(failed), ErrorCode::pull_failed);
    EXPECT_THAT(without.sentence(failed), testing::HasSubstr("took too long"));
}

TEST(CreateJob, SaysThatItsDeadContainerIsInTheWay) {
    Harness t;
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    t.container()->state = "dead";
    const JobId again = t.create();
    EXPECT_EQ(t.code(again), ErrorCode::engine_failed);
    EXPECT_THAT(t.sentence(again), testing::HasSubstr("dead"));
}

TEST(CreateJob, StartsAgainWhenThePortIsTaken) {
    Harness t;
    t.when("POST", "/start",
           FakeEngine::error(500, "driver failed: Bind for 0.0.0.0:40000 failed: port is already allocated"), 1);
    const JobId job = t.create();
    EXPECT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
}

TEST(CreateJob, TidiesUpAContainerThatCantBeStarted) {
    Harness t;
    t.when("POST", "/start", FakeEngine::error(500, "port is already allocated"));
    const JobId job = t.create();
    EXPECT_EQ(t.code(job), ErrorCode::engine_failed);
    EXPECT_THAT(t.sentence(job), HasSubstr("port is already allocated"));
    EXPECT_EQ(t.engine.count("POST /containers/id-mc-" + Harness::vm.str() + "/start"), 2);
    EXPECT_EQ(t.container(), nullptr);
}

TEST(CreateJob, QuotesTheLastWordsOfAVmThatExits) {
    Harness t;
    t.engine.exits_at_start = true;
    t.engine.logs = Harness::frame(2, "vm-init: cannot make the host key\n");
    const JobId job = t.create();
    EXPECT_EQ(t.code(job), ErrorCode::vm_exited);
    EXPECT_EQ(t.sentence(job), "VM vm-1 exited at once with code 78: vm-init: cannot make the host key");
    EXPECT_EQ(t.container(), nullptr);
}

TEST(CreateJob, NoticesAnExitWhileItWaitsForSsh) {
    Harness t;
    t.probe = ProbeResult::silent();
    const JobId job = t.create();
    t.advance(200ms);
    EXPECT_FALSE(t.reply(job));
    t.container()->state = "exited";
    t.container()->exit_code = 1;
    t.advance(1s);
    EXPECT_EQ(t.code(job), ErrorCode::vm_exited);
}

TEST(CreateJob, GivesUpWhenSshNeverAnswersAndRemovesTheVm) {
    Harness t;
    t.probe = ProbeResult::silent();
    const JobId job = t.create(Harness::create_order(), 5000);
    t.advance(4999ms);
    EXPECT_FALSE(t.reply(job));
    EXPECT_GT(t.probes, 50);
    t.advance(10ms);
    EXPECT_EQ(t.code(job), ErrorCode::ssh_not_answering);
    EXPECT_THAT(t.sentence(job), HasSubstr("127.0.0.1:40000"));
    EXPECT_EQ(t.container(), nullptr);
    const int probes = t.probes;
    t.advance(1s);
    EXPECT_EQ(t.probes, probes);
}

TEST(CreateJob, PlainImageIsReadyAfterAMoment) {
    Harness t;
    const JobId job = t.create(Harness::create_order("plain:1"));
    EXPECT_FALSE(t.reply(job));
    t.advance(bounds::settle_time);
    EXPECT_EQ(t.code(job), ErrorCode::ok);
    EXPECT_EQ(t.report(job).ssh_port, 0);
    EXPECT_EQ(t.probes, 0);
}

TEST(CreateJob, LooksBeforeItActsAgainAfterATimeOut) {
    Harness t;
    // The engine made it, but its answer got lost: the look finds it, nothing is made twice.
    bool lost = false;
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target.find("/create?name") == std::string::npos || lost) return std::nullopt;
        lost = true;
        static_cast<void>(t.engine.answer(request));
        return FakeEngine::Answer(Harness::timed_out());
    };
    const JobId job = t.create();
    EXPECT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.engine.containers.size(), 1U);
}

TEST(CreateJob, AsksAgainWhenATimedOutCreateLeftNothing) {
    Harness t;
    t.when("POST", "/create?name", Harness::timed_out(), 1);
    const JobId job = t.create();
    EXPECT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
}

TEST(CreateJob, ReportsAnEngineThatStaysSilent) {
    Harness t;
    t.when("POST", "/create?name", Harness::timed_out());
    const JobId job = t.create();
    EXPECT_EQ(t.code(job), ErrorCode::deadline_exceeded);
    EXPECT_LE(t.engine.count("POST /containers/create"), 4);
}

TEST(CreateJob, CancelDuringCreateWaitsForTheEngineAndRemovesTheVm) {
    Harness t;
    t.when("POST", "/create?name", std::nullopt);
    const JobId job = t.create();
    t.cancel(job);
    EXPECT_FALSE(t.reply(job));
    t.release("/create?name");
    EXPECT_EQ(t.code(job), ErrorCode::cancelled);
    EXPECT_EQ(t.container(), nullptr);
    EXPECT_EQ(t.all(job, protocol::Kind::reply).size(), 1U);
}

TEST(CreateJob, CancelDuringAPullEndsAtOnce) {
    Harness t;
    t.when("POST", "/images/create", std::nullopt);
    const JobId job = t.create(Harness::create_order("far:2"));
    EXPECT_TRUE(t.hangs("/images/create"));
    t.cancel(job);
    EXPECT_EQ(t.code(job), ErrorCode::cancelled);
    EXPECT_FALSE(t.hangs("/images/create"));
}

TEST(CreateJob, CancelWhileWaitingForSshRemovesTheVm) {
    Harness t;
    t.probe = ProbeResult::silent();
    const JobId job = t.create();
    t.advance(100ms);
    t.cancel(job);
    EXPECT_EQ(t.code(job), ErrorCode::cancelled);
    EXPECT_EQ(t.container(), nullptr);
}

TEST(CreateJob, EndsEvenWhenTidyingUpFails) {
    Harness t;
    t.probe = ProbeResult::silent();
    const JobId job = t.create(Harness::create_order(), 1000);
    t.when("DELETE", "/containers/", FakeEngine::error(500, "device or resource busy"));
    t.advance(bounds::tidy_up_max + 5s);
    EXPECT_EQ(t.code(job), ErrorCode::ssh_not_answering);
}

TEST(CreateJob, RefusesWhatAClientMustNotAskFor) {
    Harness t;
    auto order = Harness::create_order();
    order.spec.authorized_keys = {"command=\"x\" ssh-ed25519 AAAA"};
    EXPECT_EQ(t.code(t.create(order)), ErrorCode::invalid_argument);
    order = Harness::create_order("../etc");
    EXPECT_EQ(t.code(t.create(order)), ErrorCode::invalid_argument);
    order = Harness::create_order();
    order.vm = VmId{};
    EXPECT_EQ(t.code(t.create(order)), ErrorCode::bad_message);
    EXPECT_EQ(t.code(t.order(Verb::vm_create, "\xC1")), ErrorCode::bad_message);
    auto hash = Harness::create_order("plain:1");
    hash.spec.password_hash = "$6$salt$abcdefgh";
    EXPECT_EQ(t.code(t.create(hash)), ErrorCode::invalid_argument);
    auto setup = Harness::create_order();
    setup.setup = "apt-get install sl";
    EXPECT_EQ(t.code(t.create(setup)), ErrorCode::invalid_argument) << "nothing says what runs it";
    setup = Harness::create_order("plain:1");
    setup.setup = "#!/bin/sh\n";
    const JobId refused = t.create(setup);
    EXPECT_EQ(t.code(refused), ErrorCode::invalid_argument);
    EXPECT_THAT(t.sentence(refused), HasSubstr("runs no set-up script"));
    EXPECT_TRUE(t.engine.containers.empty());
}

TEST(CreateJob, FullDiskMakesTheNodeNotReadyForAWhile) {
    Harness t;
    t.when("POST", "/create?name", FakeEngine::error(500, "write /x: no space left on device"));
    EXPECT_EQ(t.code(t.create()), ErrorCode::engine_failed);
    const auto status = t.core.status(t.now);
    EXPECT_FALSE(status.ready);
    EXPECT_THAT(status.reason, HasSubstr("disk is full"));
    t.engine.intercept = nullptr;
    t.advance(bounds::engine_full_probation + 1s);
    EXPECT_TRUE(t.core.status(t.now).ready);
}

}  // namespace
}  // namespace mc::worker

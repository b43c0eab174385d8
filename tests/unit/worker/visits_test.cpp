#include "worker/core/visits.hpp"

#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::Verb;
using testing::HasSubstr;

Settings visiting() {
    Settings settings = Harness::settings();
    settings.visits = true;
    return settings;
}

/// A node whose containers can be visited from outside.
struct Node : Harness {
    explicit Node(const std::function<void(FakeEngine&)>& prepare = nullptr) : Harness(true, visiting(), prepare) {}

    [[nodiscard]] std::string keys(VmId of = vm) {
        std::string all;
        if (const auto* made = container(of)) {
            for (const auto& file : made->files) {
                if (file.path == "root/.ssh/authorized_keys") all += file.content;
            }
        }
        return all;
    }
    /// A probe finds nothing, and the order's keys are in no container yet.
    JobId create_and_stop_before_sshd(const protocol::CreateOrder& order = create_order()) {
        probe = ProbeResult::silent();
        return create(order);
    }
};

const std::string anns_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ann\n";

// Goal: a create costs the engine a create, a start and an inspect. Spec: ADR 37.
TEST(Visits, SaveACreateTheEnginesArchives) {
    Node t;
    const JobId job = t.create();
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.engine.count_with("/archive"), 0);
    EXPECT_EQ(t.keys(), anns_key);
    EXPECT_EQ(t.report(job).host_key, "ssh-ed25519 AAAAkey");
    ASSERT_EQ(t.visits.size(), 1U);
    EXPECT_EQ(t.visits[0].host_name, "") << "the engine has given it";
    EXPECT_EQ(t.visits[0].pid, 4001);
}

TEST(Visits, BringKeysBeforeTheVmIsSaidToBeReady) {
    Node t;
    const JobId job = t.create_and_stop_before_sshd();
    t.advance(bounds::ssh_retry);
    EXPECT_TRUE(t.visits.empty()) << "what a container's start does is not disturbed";
    t.probe = Harness::own_sshd();
    t.advance(bounds::ssh_retry);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.keys(), anns_key);
}

TEST(Visits, ComeTooLateForWhatAFirstStartNeeds) {
    for (const bool password : {true, false}) {
        Node t;
        auto order = Harness::create_order();
        (password ? order.spec.password_hash : order.setup) = password ? "$6$salt$abcdefgh" : "#!/bin/sh\n";
        const JobId job = t.create_and_stop_before_sshd(order);
        EXPECT_EQ(t.engine.count("PUT "), 1);
        EXPECT_EQ(t.keys(), anns_key);
        t.probe = Harness::own_sshd();
        t.advance(bounds::ssh_retry);
        ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
        ASSERT_EQ(t.visits.size(), 1U);
        EXPECT_TRUE(t.visits[0].files.empty());
        EXPECT_EQ(t.report(job).host_key, "ssh-ed25519 AAAAkey");
    }
}

TEST(Visits, BringNoKeysToAnImageOfSomebodyElses) {
    Node t;
    t.engine.images["theirs:1"] = {{"Config", {{"ExposedPorts", {{"22/tcp", nlohmann::json::object()}}}}}};
    t.create_and_stop_before_sshd(Harness::create_order("theirs:1"));
    EXPECT_EQ(t.keys(), anns_key) << "what it makes of them at its start nobody knows";
}

TEST(Visits, ThatFailAreTheEnginesToDo) {
    Node t;
    t.visit = fail(ErrorCode::denied, "this needs root");
    const JobId job = t.create();
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.keys(), anns_key);
    EXPECT_EQ(t.report(job).host_key, "ssh-ed25519 AAAAkey");
    EXPECT_EQ(t.engine.count_with("/archive"), 2);
}

TEST(Visits, ThatFailedAreNotTriedForAWhile) {
    Node t;
    t.visit = fail(ErrorCode::denied, "this needs root");
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    t.visit = {};
    auto order = Harness::create_order();
    order.vm = VmId{0xB1};
    t.create_and_stop_before_sshd(order);
    EXPECT_EQ(t.keys(order.vm), anns_key) << "before its start, as if there were none";
    t.probe = Harness::own_sshd();
    t.advance(bounds::visit_retry);
    EXPECT_EQ(t.visits.size(), 1U);
    order.vm = VmId{0xB2};
    ASSERT_EQ(t.code(t.create(order)), ErrorCode::ok);
    EXPECT_EQ(t.visits.size(), 2U);
}

TEST(Visits, OfAContainerThatHasEndedSayNothingAboutOthers) {
    Node t;
    t.visit = fail(ErrorCode::not_found, "no such process");
    t.engine.intercept = [&](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.method == "PUT") t.container()->state = "exited";
        if (request.method != "PUT") return std::nullopt;
        return FakeEngine::error(500, "no such task");
    };
    const JobId job = t.create();
    t.advance(bounds::engine_retry);
    EXPECT_EQ(t.code(job), ErrorCode::vm_exited) << t.sentence(job);
    t.engine.intercept = nullptr;
    t.visit = {};
    ASSERT_EQ(t.code(t.create()), ErrorCode::ok);
    EXPECT_EQ(t.engine.count("PUT "), 1);
}

TEST(Visits, AndAnEngineThatPutsNoKeysInFailTheCreate) {
    Node t;
    t.visit = fail(ErrorCode::io_failed, "no space left on device");
    t.when("PUT", "/archive", FakeEngine::error(500, "no space left on device"));
    const JobId job = t.create();
    t.advance(bounds::engine_retry * bounds::engine_tries_max);
    EXPECT_EQ(t.code(job), ErrorCode::engine_failed);
    EXPECT_EQ(t.sentence(job), "the engine can't put the keys into the VM: no space left on device");
    EXPECT_EQ(t.container(), nullptr);
}

// Goal: a worker that dies between start and visit leaves no VM without keys.
TEST(Visits, AreMadeByTheNextProcessWhereOneHasNotCome) {
    Node before;
    before.create_and_stop_before_sshd();
    EXPECT_EQ(before.keys(), "");
    for (const bool possible : {true, false}) {
        Settings settings = visiting();
        settings.visits = possible;
        Harness next(true, settings, [&](FakeEngine& engine) { engine.containers = before.engine.containers; });
        const JobId job = next.create();
        ASSERT_EQ(next.code(job), ErrorCode::ok) << next.sentence(job);
        EXPECT_EQ(next.engine.count("POST /containers/create"), 0);
        ASSERT_EQ(next.container()->files.size(), 2U);
        EXPECT_EQ(next.container()->files[1].content, anns_key);
    }
}

TEST(Visits, ReadTheHostKeyOfAVmThatIsStarted) {
    Node t;
    t.create();
    EXPECT_EQ(t.code(t.act(Verb::vm_restart)), ErrorCode::ok);
    EXPECT_EQ(t.engine.count_with("/archive"), 0);
    ASSERT_EQ(t.visits.size(), 2U);
    EXPECT_TRUE(t.visits[1].files.empty());
}

TEST(Readiness, LooksSoonAndThenLessOften) {
    Node t;
    t.create_and_stop_before_sshd();
    EXPECT_EQ(t.probes, 1);
    t.advance(bounds::ssh_retry_min);
    EXPECT_EQ(t.probes, 2);
    t.advance(17ms);
    EXPECT_EQ(t.probes, 4) << "after 3, 8 and 16 ms";
    const int soon = t.probes;
    t.advance(bounds::ssh_look_interval);
    EXPECT_LE(t.probes - soon, 14);
}

// Goal: while a job waits for its engine, the inventory doesn't keep that busy.
TEST(Inventory, LeavesAContainerThatAJobStartsToTheJob) {
    Node t;
    const JobId job = t.create_and_stop_before_sshd();
    const int lists = t.engine.count("GET /containers/json");
    t.advance(bounds::inventory_spacing);
    t.chunk("/events", R"({"Action":"start","time":1795476668,"Actor":{"ID":"id-mc-00000000000000ab","Attributes":)"
                       R"({"minicloud.vm":"00000000000000ab"}}})"
                       "\n");
    EXPECT_EQ(t.engine.count("GET /containers/json"), lists);
    t.advance(bounds::inventory_interval * 2);
    EXPECT_GT(t.engine.count("GET /containers/json"), lists);
    EXPECT_EQ(t.engine.count_with("/archive"), 0) << "its host key is the job's to read";
    t.probe = Harness::own_sshd();
    t.advance(bounds::ssh_retry);
    EXPECT_EQ(t.code(job), ErrorCode::ok);
}

}  // namespace
}  // namespace mc::worker

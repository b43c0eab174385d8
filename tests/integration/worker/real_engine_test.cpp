#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "integration/worker/fake_broker.hpp"

// A real worker, a real engine, real ssh; only the broker is played by a bare
// ROUTER. What is made here carries a cloud id of its own and is removed again.
namespace mc::worker {
namespace {

using protocol::Channel;
using protocol::Verb;
using testing::HasSubstr;

VmId new_vm() {
    return VmId{io::random_u64() | 1};
}

protocol::VmReport report_in(const protocol::Message& message) {
    auto report = protocol::decode<protocol::VmReport>(message.body);
    return report ? *report : protocol::VmReport{};
}

class RealEngine : public testing::Test {
protected:
    void SetUp() override {
        if (Bench::shell("docker image inspect minicloud/vm:latest >/dev/null 2>&1") == 0) return;
        // CI sets it, so that a machine without an engine can't pass for a good one.
        if (std::getenv("MC_REQUIRE_ENGINE") != nullptr) FAIL() << "no engine, or no image minicloud/vm:latest on it";
        GTEST_SKIP() << "no engine, or no image minicloud/vm:latest on it: see docker/vm/build";
    }

    static std::filesystem::path scratch() {
        const auto path = std::filesystem::temp_directory_path() / ("mc-it-ssh-" + std::to_string(getpid()));
        std::filesystem::create_directories(path);
        return path;
    }
};

// Goal: the life of a VM as a person sees it, down to a real login with the
// uploaded key and the pinned host key.
TEST_F(RealEngine, VmIsCreatedLoggedIntoStoppedStartedAndRemoved) {
    Bench bench;
    ASSERT_TRUE(bench.until([&] { return bench.heartbeat && bench.heartbeat->status.ready; }))
        << (bench.heartbeat ? bench.heartbeat->status.reason : "no heartbeat");
    EXPECT_GT(bench.heartbeat->status.slots, 0U);

    const auto dir = scratch();
    ASSERT_EQ(Bench::shell("rm -f " + (dir / "key").string() + "*; ssh-keygen -q -t ed25519 -N '' -C it -f " +
                           (dir / "key").string()),
              0);
    std::string key;
    std::getline(std::ifstream(dir / "key.pub") >> std::ws, key);
    const VmId vm = new_vm();
    const auto* created = bench.wait_reply(bench.create(vm, "it-1", {key}));
    ASSERT_NE(created, nullptr);
    ASSERT_EQ(created->header.code, ErrorCode::ok) << Bench::sentence(*created);
    auto report = report_in(*created);
    EXPECT_EQ(report.state, protocol::ContainerState::running);
    EXPECT_NE(report.ssh_port, 0);
    EXPECT_THAT(report.host_key, HasSubstr("ssh-ed25519 "));
    EXPECT_EQ(Bench::host_key_at(report.ssh_port), report.host_key);

    const auto login = [&](const std::string& command) {
        std::ofstream(dir / "known_hosts") << "[127.0.0.1]:" << report.ssh_port << " " << report.host_key << "\n";
        return Bench::shell(
            "timeout 15 ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes "
            "-o IdentitiesOnly=yes -o UserKnownHostsFile=" +
            (dir / "known_hosts").string() + " -i " + (dir / "key").string() + " -p " +
            std::to_string(report.ssh_port) + " root@127.0.0.1 '" + command + "'");
    };
    EXPECT_EQ(login("test \"$(hostname)\" = it-1"), 0);
    EXPECT_EQ(login("exit 7") / 256, 7);

    const auto* stopped = bench.wait_reply(bench.act(Verb::vm_stop, vm));
    ASSERT_NE(stopped, nullptr);
    ASSERT_EQ(stopped->header.code, ErrorCode::ok) << Bench::sentence(*stopped);
    EXPECT_EQ(report_in(*stopped).state, protocol::ContainerState::exited);

    const auto* started = bench.wait_reply(bench.act(Verb::vm_start, vm));
    ASSERT_NE(started, nullptr);
    ASSERT_EQ(started->header.code, ErrorCode::ok) << Bench::sentence(*started);
    const std::string host_key = report.host_key;
    report = report_in(*started);  // the port may be another one, the key may not
    EXPECT_EQ(report.host_key, host_key);
    EXPECT_EQ(login("true"), 0);

    const auto* removed = bench.wait_reply(bench.act(Verb::vm_remove, vm));
    ASSERT_NE(removed, nullptr);
    ASSERT_EQ(removed->header.code, ErrorCode::ok) << Bench::sentence(*removed);
    EXPECT_EQ(report_in(*removed).state, protocol::ContainerState::absent);
    EXPECT_FALSE(Bench::engine_has("mc-" + vm.str()));
    std::filesystem::remove_all(dir);
}

TEST_F(RealEngine, ExecKeepsChannelsInputAndExitCodeApart) {
    Bench bench;
    const VmId vm = new_vm();
    ASSERT_TRUE(bench.until([&] { return bench.registered; }));
    ASSERT_EQ(bench.wait_reply(bench.create(vm, "it-exec"))->header.code, ErrorCode::ok);

    protocol::ExecSpec spec;
    spec.argv = {"sh", "-c", "cat; echo to-error >&2; exit 3"};
    spec.input = true;
    const JobId job = bench.exec(vm, spec);
    protocol::Message input;
    input.header.kind = protocol::Kind::data;
    input.header.verb = Verb::vm_exec;
    input.header.id = protocol::as_request_id(job);
    input.data = "hello\n";
    bench.send(input);
    input.header.kind = protocol::Kind::end;
    input.data.clear();
    bench.send(input);
    const auto* done = bench.wait_reply(job);
    ASSERT_NE(done, nullptr);
    ASSERT_EQ(done->header.code, ErrorCode::ok) << Bench::sentence(*done);
    EXPECT_EQ(protocol::decode<protocol::ExecResult>(done->body)->exit_code, 3);
    EXPECT_EQ(bench.output(job, Channel::output), "hello\n");
    EXPECT_EQ(bench.output(job, Channel::error), "to-error\n");

    protocol::ExecSpec shell;
    shell.tty = true;
    shell.rows = 40;
    shell.columns = 132;
    // The engine is told the size once the command runs already.
    shell.argv = {"sh", "-c", "until stty size | grep -x '40 132'; do sleep 0.1; done"};
    const JobId tty = bench.exec(vm, shell);
    ASSERT_NE(bench.wait_reply(tty), nullptr);
    EXPECT_THAT(bench.output(tty, Channel::output), HasSubstr("40 132"));
}

// Goal: output stops at the window, all of it comes once credit does, in order.
TEST_F(RealEngine, ExecOutputWaitsForCredit) {
    Bench bench;
    const VmId vm = new_vm();
    ASSERT_TRUE(bench.until([&] { return bench.registered; }));
    ASSERT_EQ(bench.wait_reply(bench.create(vm, "it-flow"))->header.code, ErrorCode::ok);

    protocol::ExecSpec spec;
    spec.argv = {"sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"};
    const std::uint32_t window = 100'000;
    const JobId job = bench.exec(vm, spec, window);
    bench.until([&] { return bench.output(job, Channel::output).size() >= window; });
    bench.until([] { return false; }, 300ms);
    EXPECT_EQ(bench.output(job, Channel::output).size(), window);
    EXPECT_EQ(bench.reply(job), nullptr);

    protocol::Message credit;
    credit.header.kind = protocol::Kind::credit;
    credit.header.verb = Verb::vm_exec;
    credit.header.id = protocol::as_request_id(job);
    credit.header.value = 1'000'000;
    for (int i = 0; i < 3; ++i) bench.send(credit);
    ASSERT_NE(bench.wait_reply(job), nullptr);
    EXPECT_EQ(bench.output(job, Channel::output), std::string(3'000'000, 'x'));
}

TEST_F(RealEngine, CancelledExecLeavesNoCommandBehind) {
    Bench bench;
    const VmId vm = new_vm();
    ASSERT_TRUE(bench.until([&] { return bench.registered; }));
    ASSERT_EQ(bench.wait_reply(bench.create(vm, "it-cancel"))->header.code, ErrorCode::ok);
    const auto sleepers = "docker exec mc-" + vm.str() + " pgrep -f 'sleep 4321' >/dev/null";
    for (const bool tty : {false, true}) {
        protocol::ExecSpec spec;
        spec.tty = tty;
        spec.argv = {"sh", "-c", "echo begun; sleep 4321; true"};
        const JobId job = bench.exec(vm, spec);
        ASSERT_TRUE(bench.until([&] { return !bench.output(job, Channel::output).empty(); }));
        ASSERT_EQ(Bench::shell(sleepers), 0);
        bench.order(Verb::job_cancel, {}, {}, job);
        ASSERT_NE(bench.wait_reply(job), nullptr);
        EXPECT_EQ(bench.reply(job)->header.code, ErrorCode::cancelled);
        EXPECT_TRUE(bench.until([&] { return Bench::shell(sleepers) != 0; })) << "tty " << tty;
    }
}

TEST_F(RealEngine, LogsAreReadAndFollowedUntilCancelled) {
    Bench bench;
    const VmId vm = new_vm();
    ASSERT_TRUE(bench.until([&] { return bench.registered; }));
    ASSERT_EQ(bench.wait_reply(bench.create(vm, "it-logs"))->header.code, ErrorCode::ok);

    protocol::StreamOrder order;
    order.epoch = bench.epoch;
    order.vm = vm;
    protocol::LogsSpec spec;
    const JobId once = bench.order(Verb::vm_logs, protocol::encode(order), protocol::encode(spec));
    ASSERT_NE(bench.wait_reply(once), nullptr);
    EXPECT_THAT(bench.output(once, Channel::error), HasSubstr("Server listening"));

    spec.follow = true;
    const JobId follow = bench.order(Verb::vm_logs, protocol::encode(order), protocol::encode(spec));
    ASSERT_TRUE(bench.until([&] { return !bench.output(follow, Channel::error).empty(); }));
    EXPECT_EQ(bench.reply(follow), nullptr);
    bench.order(Verb::job_cancel, {}, {}, follow);
    const auto* ended = bench.wait_reply(follow);
    ASSERT_NE(ended, nullptr);
    EXPECT_EQ(ended->header.code, ErrorCode::cancelled);
}

TEST_F(RealEngine, ImageThatIsNowhereGetsASentenceAndLeavesNothing) {
    Bench bench;
    const VmId vm = new_vm();
    ASSERT_TRUE(bench.until([&] { return bench.registered; }));
    const auto* reply = bench.wait_reply(bench.create(vm, "it-none", {}, "127.0.0.1:9/no/such:1"));
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(reply->header.code, ErrorCode::pull_failed);
    EXPECT_THAT(Bench::sentence(*reply), HasSubstr("image 127.0.0.1:9/no/such:1 is not on node it-node"));
    EXPECT_THAT(Bench::sentence(*reply), HasSubstr("docker/vm/build"));
    EXPECT_FALSE(Bench::engine_has("mc-" + vm.str()));
}

TEST_F(RealEngine, InventoryNoticesAVmThatDiedByItself) {
    Bench bench;
    ASSERT_TRUE(bench.until([&] { return bench.registered; }));
    milliseconds soonest = bounds::inventory_interval;
    // On a loaded machine one may be late. The engine's event brings each forward.
    for (int i = 0; i < 3 && soonest >= bounds::inventory_interval / 2; ++i) {
        const VmId vm = new_vm();
        ASSERT_EQ(bench.wait_reply(bench.create(vm, "it-dies"))->header.code, ErrorCode::ok);
        const auto is = [&](protocol::ContainerState state) {
            return bench.inventory && std::ranges::any_of(bench.inventory->vms, [&](const protocol::VmReport& seen) {
                       return seen.vm == vm && seen.state == state &&
                              (state == protocol::ContainerState::running || seen.exit_code == 137);
                   });
        };
        ASSERT_TRUE(bench.until([&] { return is(protocol::ContainerState::running); }));
        // After an inventory the next one that comes by itself is the longest away.
        bench.inventory.reset();
        ASSERT_TRUE(bench.until([&] { return bench.inventory.has_value(); }));
        const auto killed = std::chrono::steady_clock::now();
        ASSERT_EQ(Bench::shell("docker kill mc-" + vm.str() + " >/dev/null"), 0);
        ASSERT_TRUE(bench.until([&] { return is(protocol::ContainerState::exited); }));
        soonest =
            std::min(soonest, std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - killed));
    }
    EXPECT_LT(soonest, bounds::inventory_interval / 2);
}

TEST_F(RealEngine, RestartedWorkerFindsItsVmsAndAdoptsARepeatedCreate) {
    Bench bench;
    const VmId vm = new_vm();
    ASSERT_TRUE(bench.until([&] { return bench.registered; }));
    const NodeId node = bench.node;
    const auto* first = bench.wait_reply(bench.create(vm, "it-again"));
    ASSERT_EQ(first->header.code, ErrorCode::ok);
    const auto before = report_in(*first);

    bench.worker.reset();
    bench.start_worker();
    EXPECT_EQ(bench.node, node);
    ASSERT_TRUE(bench.until([&] { return bench.inventory && bench.inventory->vms.size() == 1; }));
    EXPECT_EQ(bench.inventory->vms.front().vm, vm);
    const auto* again = bench.wait_reply(bench.create(vm, "it-again"));
    ASSERT_NE(again, nullptr);
    ASSERT_EQ(again->header.code, ErrorCode::ok) << Bench::sentence(*again);
    EXPECT_EQ(report_in(*again).container, before.container);
    EXPECT_EQ(report_in(*again).host_key, before.host_key);
}

TEST_F(RealEngine, TwoWorkersOnOneEngineSeeOnlyTheirOwn) {
    const CloudId cloud{io::random_u64() | 1};
    Bench one("it-one", cloud);
    Bench two("it-two", cloud);
    const VmId vm = new_vm();
    ASSERT_TRUE(one.until([&] { return one.registered; }));
    ASSERT_TRUE(two.until([&] { return two.registered; }));
    ASSERT_EQ(one.wait_reply(one.create(vm, "it-mine"))->header.code, ErrorCode::ok);
    two.inventory.reset();
    ASSERT_TRUE(two.until([&] { return two.inventory.has_value(); }));
    EXPECT_TRUE(two.inventory->vms.empty());
    // It looks by its own labels: this VM is not there for it, so there is nothing to remove.
    const auto* nothing = two.wait_reply(two.act(Verb::vm_remove, vm));
    ASSERT_NE(nothing, nullptr);
    EXPECT_EQ(nothing->header.code, ErrorCode::ok) << Bench::sentence(*nothing);
    EXPECT_TRUE(Bench::engine_has("mc-" + vm.str()));
}

TEST_F(RealEngine, SilentBrokerIsLeftAndFoundAgain) {
    Bench bench;
    ASSERT_TRUE(bench.until([&] { return bench.registered; }));
    bench.silent = true;
    bench.until([] { return false; }, 5s);
    bench.silent = false;
    EXPECT_TRUE(bench.until([&] { return bench.registrations >= 2; }));
}

}  // namespace
}  // namespace mc::worker

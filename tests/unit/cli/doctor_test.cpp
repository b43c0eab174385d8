#include "cli/core/doctor.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/core/doctor_disks.hpp"
#include "cli/core/doctor_views.hpp"

namespace mc::cli {
namespace {

using protocol::Fact;
using protocol::NodeState;
using protocol::NodeView;
using protocol::Role;
using protocol::VmState;
using protocol::VmView;

constexpr WallTime now{1'795'435'200'000};
constexpr std::int64_t day = 24LL * 3600 * 1000;

NodeView node(const std::string& name) {
    NodeView out;
    out.name = name;
    out.state = NodeState::ready;
    out.slots = 4;
    out.worker_version = "0.2.0";
    out.engine_version = "20.10.24";
    out.engine_age_ms = 900;
    out.advertise = "10.0.0.5";
    out.engine = {Fact::yes, Fact::yes, Fact::no, {20ULL << 30, 40ULL << 30}};
    return out;
}

VmView vm(const std::string& name, VmState state) {
    VmView out;
    out.name = name;
    out.owner = "ada";
    out.state = state;
    out.node = "lab-1";
    return out;
}

/// An admin in a cloud with nothing wrong.
DoctorFacts healthy() {
    DoctorFacts facts;
    facts.now = now;
    facts.version = "0.2.0";
    facts.route = RouteFacts{"tcp://127.0.0.1:7710", "", "lab", "", "/home/ada/lab.context", "0123456789abcdef"};
    facts.machine = {"/home/ada/.local/state/minicloud", {}, "OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.11"};
    BrokerFacts broker;
    broker.hello.version = "0.2.0";
    broker.hello.name = "ada";
    broker.hello.role = Role::admin;
    broker.hello.time = now;
    broker.hello.disk = {4ULL << 30, 8ULL << 30};
    broker.asked = broker.answered = now;
    broker.events_endpoint = "tcp://127.0.0.1:7712";
    protocol::KeyView key;
    key.fingerprint = "0123456789abcdef";
    broker.keys = std::vector{key};
    broker.nodes = std::vector{node("lab-1")};
    broker.vms = std::vector{vm("web", VmState::running)};
    facts.broker = broker;
    return facts;
}

/// Those of that name.
std::vector<Check> of(const DoctorFacts& facts, std::string_view name) {
    auto checks = diagnose(facts);
    std::erase_if(checks, [&](const Check& check) { return check.check != name; });
    return checks;
}

Check only(const DoctorFacts& facts, std::string_view name) {
    const auto checks = of(facts, name);
    EXPECT_EQ(checks.size(), 1U) << name;
    return checks.empty() ? Check{} : checks.front();
}

ExitCode code(const DoctorFacts& facts) {
    return exit_code_of(facts, diagnose(facts));
}

TEST(Doctor, FindsNothingWhereNothingIsWrong) {
    const auto facts = healthy();
    for (const auto& check : diagnose(facts)) {
        EXPECT_EQ(check.state, CheckState::ok) << check.check << ": " << check.found;
        EXPECT_EQ(check.next, "") << check.check;
        EXPECT_NE(check.found, "") << check.check;
    }
    EXPECT_EQ(code(facts), ExitCode::ok);
}

// Goal: whoever is told that something is wrong is told what to do.
TEST(Doctor, HasANextStepForAllThatIsNotOk) {
    auto facts = healthy();
    facts.version = "0.1.0";
    facts.machine = {fail(ErrorCode::denied, "/srv belongs to another user"), {"scp"}, ""};
    facts.broker->hello.time = WallTime{now.unix_ms + 60'000};
    facts.broker->warning = "nothing can be changed";
    facts.broker->beacon = fail(ErrorCode::deadline_exceeded, "nothing was heard");
    (**facts.broker->keys)[0].expires = WallTime{now.unix_ms + day};
    auto& nodes = **facts.broker->nodes;
    nodes.push_back(nodes[0]);
    nodes[0].state = NodeState::not_ready;
    nodes[1].worker_version = "0.1.0";
    nodes[1].engine_age_ms = 11'000;
    nodes[1].cordoned = true;
    nodes[1].slots_used = 4;
    nodes[1].engine = {Fact::no, Fact::no, Fact::no, {1, 40ULL << 30}};
    *facts.broker->vms = {vm("a", VmState::failed), vm("b", VmState::unknown)};
    for (const auto& check : diagnose(facts)) {
        EXPECT_EQ(check.state == CheckState::ok, check.next.empty()) << check.check << ": " << check.found;
    }
    EXPECT_EQ(code(facts), ExitCode::failed);
}

TEST(Doctor, SaysWhereTheRouteIsFrom) {
    auto facts = healthy();
    EXPECT_EQ(only(facts, "context").found, "tcp://127.0.0.1:7710, from the context lab (the current one)");
    facts.route->context_origin = "/etc/minicloud/mccli.ini:2";
    EXPECT_EQ(only(facts, "context").found,
              "tcp://127.0.0.1:7710, from the context lab (from /etc/minicloud/mccli.ini:2)");
    facts.route->endpoint_origin = "MC_BROKER";
    EXPECT_EQ(only(facts, "context").found, "tcp://127.0.0.1:7710, from MC_BROKER; the key is that of the context lab");
    facts.route = RouteFacts{"tcp://127.0.0.1:7710", "", "", "", "", ""};
    EXPECT_NE(only(facts, "context").found.find("the usual place"), std::string::npos);
    EXPECT_EQ(of(facts, "key_file").size(), 0U);
}

// Without a route nobody can be asked; that is a failure of this side.
TEST(Doctor, EndsAtARouteThatCanNotBeFound) {
    auto facts = healthy();
    facts.route = fail(ErrorCode::denied, "lab.context can be read by others; run: chmod 600 lab.context");
    const auto check = only(facts, "context");
    EXPECT_EQ(check.state, CheckState::failed);
    EXPECT_EQ(check.found, "lab.context can be read by others");
    EXPECT_EQ(check.next, "run: chmod 600 lab.context");
    EXPECT_EQ(of(facts, "broker").size(), 0U);
    EXPECT_EQ(of(facts, "openssh").size(), 1U);
    EXPECT_EQ(code(facts), ExitCode::failed);
}

TEST(Doctor, TellsABrokerThatIsAwayFromOneThatRefuses) {
    auto facts = healthy();
    facts.broker = fail(ErrorCode::broker_unreachable, "the broker does not answer; start it with mcbroker");
    EXPECT_EQ(only(facts, "broker").next, "start it with mcbroker");
    EXPECT_EQ(of(facts, "clock").size(), 0U);
    EXPECT_EQ(code(facts), ExitCode::broker_unreachable);
    facts.broker = fail(ErrorCode::not_authorised, "the broker lets nobody in without a key");
    EXPECT_NE(only(facts, "broker").next.find("mccli join TOKEN"), std::string::npos);
    EXPECT_EQ(code(facts), ExitCode::failed);
}

TEST(Doctor, ComparesClocksWithTheTimeThatTheAnswerTookInMind) {
    EXPECT_EQ(clock_skew({1000}, {1000}, {9000}), 0ms);
    EXPECT_EQ(clock_skew({1000}, {9000}, {9000}), 0ms);
    EXPECT_EQ(clock_skew({1000}, {9001}, {9000}), 1ms);
    EXPECT_EQ(clock_skew({1000}, {0}, {9000}), -1000ms);
    auto facts = healthy();
    const auto at = [&](milliseconds skew) {
        facts.broker->hello.time = WallTime{now.unix_ms + skew.count()};
        return only(facts, "clock");
    };
    EXPECT_EQ(at(doctor::clock_skew_max).state, CheckState::ok);
    EXPECT_EQ(at(-doctor::clock_skew_max).state, CheckState::ok);
    EXPECT_EQ(at(doctor::clock_skew_max + 1ms).state, CheckState::warning);
    EXPECT_NE(at(2min).found.find("this machine's is 2m behind the broker's"), std::string::npos);
    EXPECT_NE(at(6999ms).found.find("this machine's is 7s behind the broker's"), std::string::npos);
    EXPECT_NE(at(-2min).found.find("this machine's is 2m ahead of the broker's"), std::string::npos);
    EXPECT_EQ(code(facts), ExitCode::ok) << "a warning is no failure";
}

TEST(Doctor, WarnsOfAKeyThatExpiresSoon) {
    auto facts = healthy();
    const auto in = [&](milliseconds left) {
        (**facts.broker->keys)[0].expires = WallTime{now.unix_ms + left.count()};
        return only(facts, "key").state;
    };
    EXPECT_EQ(in(doctor::key_expiry_near), CheckState::ok);
    EXPECT_EQ(in(doctor::key_expiry_near - 1ms), CheckState::warning);
    EXPECT_NE(only(facts, "key").next.find("mccli join TOKEN --as lab --replace"), std::string::npos);
    facts.route->context = "/srv/lab.context";
    EXPECT_TRUE(only(facts, "key").next.ends_with("mccli join TOKEN")) << "no context of that name";
}

TEST(Doctor, KnowsSshVersions) {
    auto facts = healthy();
    const auto with = [&](const std::string& said) {
        facts.machine.ssh_version = said;
        return only(facts, "openssh").state;
    };
    EXPECT_EQ(with("OpenSSH_8.5p1"), CheckState::ok);
    EXPECT_EQ(with("OpenSSH_10.0p2 Debian-7"), CheckState::ok);
    EXPECT_EQ(with("OpenSSH_for_Windows_9.5p1"), CheckState::warning);
    EXPECT_EQ(with("OpenSSH_8.4p1 Debian-5"), CheckState::warning);
    EXPECT_EQ(with("Dropbear v2022.83"), CheckState::warning);
    EXPECT_EQ(with("OpenSSH_"), CheckState::warning);
    EXPECT_EQ(with("OpenSSH_9"), CheckState::warning);
    EXPECT_EQ(with(""), CheckState::warning);
    facts.machine.missing_programs = {"scp", "ssh-keygen"};
    EXPECT_EQ(only(facts, "openssh").state, CheckState::warning);
    facts.machine.missing_programs = {"ssh"};
    EXPECT_EQ(only(facts, "openssh").state, CheckState::failed);
}

TEST(Doctor, NamesTheNodeThatIsInTrouble) {
    auto facts = healthy();
    auto& nodes = **facts.broker->nodes;
    nodes.push_back(node("lab-2"));
    nodes[1].state = NodeState::silent;
    nodes[1].silent_ms = 14'000;
    auto checks = of(facts, "node");
    ASSERT_EQ(checks.size(), 2U);
    EXPECT_EQ(checks[0].state, CheckState::ok);
    EXPECT_EQ(checks[1].target, "lab-2");
    EXPECT_EQ(checks[1].state, CheckState::failed);
    EXPECT_NE(checks[1].found.find("for 14s"), std::string::npos);
    EXPECT_EQ(code(facts), ExitCode::failed);
    nodes[1].lost = true;
    EXPECT_NE(of(facts, "node")[1].next.find("mccli nodes forget lab-2"), std::string::npos);
    nodes[1] = node("lab-2");
    nodes[1].state = NodeState::not_ready;
    nodes[1].reason = "its engine does not answer; start it with: systemctl start docker";
    checks = of(facts, "node");
    EXPECT_EQ(checks[1].found, "not ready: its engine does not answer");
    EXPECT_EQ(checks[1].next, "at 10.0.0.5: start it with: systemctl start docker");
    nodes[1].reason = "its engine was not heard of";
    EXPECT_EQ(of(facts, "node")[1].next, "at 10.0.0.5: docker info; journalctl -u mcworker");
}

TEST(Doctor, SaysEverythingThatIsWrongWithANode) {
    auto facts = healthy();
    auto& one = (**facts.broker->nodes)[0];
    one.worker_version = "0.1.0";
    one.engine_age_ms = static_cast<std::uint64_t>(doctor::engine_age_max.count()) + 1;
    one.cordoned = true;
    one.slots_used = one.slots;
    const auto checks = of(facts, "node");
    ASSERT_EQ(checks.size(), 4U);
    for (const auto& check : checks) EXPECT_EQ(check.state, CheckState::warning) << check.found;
    one.drain_deadline = WallTime{now.unix_ms + day};
    EXPECT_NE(of(facts, "node")[2].found.find("draining"), std::string::npos);
    EXPECT_EQ(of(facts, "node").size(), 4U) << "that a node under drain is cordoned is said once";
}

// Goal: an engine that ends its VMs with it, or lets them reach more of the kernel, is told of before it matters.
TEST(Doctor, WarnsOfHowEnginesAreRun) {
    auto facts = healthy();
    auto& nodes = **facts.broker->nodes;
    EXPECT_EQ(only(facts, "engine").found, "live-restore is on, Docker's own seccomp profile is applied");
    nodes.push_back(node("lab-2"));
    EXPECT_NE(only(facts, "engine").found.find(": all of 2 nodes"), std::string::npos);
    nodes[1].engine.live_restore = Fact::no;
    EXPECT_EQ(only(facts, "engine").target, "lab-2");
    EXPECT_NE(only(facts, "engine").next.find("/etc/docker/daemon.json"), std::string::npos);
    nodes[1].engine.seccomp = Fact::no;
    const auto both = of(facts, "engine");
    ASSERT_EQ(both.size(), 2U);
    for (const auto& check : both) EXPECT_EQ(check.state, CheckState::warning);
    EXPECT_EQ(code(facts), ExitCode::ok);
    nodes[1].state = NodeState::silent;
    EXPECT_EQ(only(facts, "engine").state, CheckState::ok) << "what it said is of before";
    nodes.erase(nodes.begin());
    EXPECT_TRUE(of(facts, "engine").empty());
}

TEST(Doctor, SaysNothingOfWhatAnOlderWorkerDoesNotTell) {
    auto facts = healthy();
    (**facts.broker->nodes)[0].engine = {};
    EXPECT_TRUE(of(facts, "engine").empty());
    EXPECT_TRUE(of(facts, "disk").empty());
    facts.broker->hello.disk = {};
    EXPECT_TRUE(of(facts, "store").empty());
}

TEST(Doctor, JudgesADiskByItsShareAndBySize) {
    constexpr DiskLimit near{10, 1000};
    constexpr DiskLimit full{2, 100};
    const auto state = [&](std::uint64_t free, std::uint64_t all) { return judge({free, all}, near, full); };
    // One so large that its share counts.
    EXPECT_EQ(state(10'000, 100'000), CheckState::ok);
    EXPECT_EQ(state(9'999, 100'000), CheckState::warning);
    EXPECT_EQ(state(2'000, 100'000), CheckState::warning);
    EXPECT_EQ(state(1'999, 100'000), CheckState::failed);
    // One so small that its size counts.
    EXPECT_EQ(state(1'000, 2'000), CheckState::ok);
    EXPECT_EQ(state(999, 2'000), CheckState::warning);
    EXPECT_EQ(state(100, 2'000), CheckState::warning);
    EXPECT_EQ(state(99, 2'000), CheckState::failed);
    EXPECT_EQ(state(UINT64_MAX / 2, UINT64_MAX), CheckState::ok);
    EXPECT_EQ(state(UINT64_MAX / 100, UINT64_MAX), CheckState::failed);
}

TEST(Doctor, WarnsOfDisksBeforeTheyAreFull) {
    constexpr std::uint64_t gib = 1ULL << 30;
    auto facts = healthy();
    auto& nodes = **facts.broker->nodes;
    EXPECT_EQ(only(facts, "disk").found, "20G of 40G free on node lab-1");
    nodes.push_back(node("lab-2"));
    nodes[1].engine.disk = {15 * gib, 40 * gib};
    EXPECT_EQ(only(facts, "disk").found, "15G of 40G free on node lab-2, the least of 2 nodes");
    nodes[1].engine.disk = {2 * gib - 1, 8 * gib};
    EXPECT_EQ(only(facts, "disk").target, "lab-2");
    EXPECT_EQ(only(facts, "disk").state, CheckState::warning);
    EXPECT_EQ(code(facts), ExitCode::ok);
    nodes[1].engine.disk = {gib / 4 - 1, 8 * gib};
    EXPECT_EQ(only(facts, "disk").state, CheckState::failed);
    EXPECT_EQ(code(facts), ExitCode::failed);
    nodes.pop_back();

    EXPECT_EQ(only(facts, "store").found, "4G of 8G free where the broker keeps its state");
    facts.broker->hello.disk = {gib / 4 - 1, 2 * gib};
    EXPECT_EQ(only(facts, "store").state, CheckState::warning);
    facts.broker->hello.disk = {gib / 32 - 1, gib};
    EXPECT_EQ(only(facts, "store").state, CheckState::failed);
    facts.broker->warning = "the store can't be written; free space there";
    EXPECT_EQ(only(facts, "store").found, "the store can't be written") << "it is full: that is said once";
}

TEST(Doctor, CountsTheRoomForNewVms) {
    auto facts = healthy();
    auto& nodes = **facts.broker->nodes;
    nodes[0].slots_used = 3;
    nodes.push_back(node("lab-2"));
    EXPECT_NE(only(facts, "room").found.find("5 VMs more, on 2 nodes"), std::string::npos);
    nodes[1].cordoned = true;
    EXPECT_NE(only(facts, "room").found.find("1 VM more, on 1 node"), std::string::npos);
    nodes[0].slots_used = 5;  // more than it was given later
    EXPECT_EQ(only(facts, "room").state, CheckState::warning);
    nodes[0].state = nodes[1].state = NodeState::silent;
    EXPECT_EQ(only(facts, "room").state, CheckState::failed);
    nodes.clear();
    EXPECT_EQ(only(facts, "room").state, CheckState::failed);
}

TEST(Doctor, DoesNotAskForUsersWhatTheyMayNotKnow) {
    auto facts = healthy();
    facts.broker->hello.role = Role::user;
    facts.broker->nodes.reset();
    facts.broker->keys.reset();
    EXPECT_EQ(only(facts, "node").state, CheckState::not_asked);
    EXPECT_EQ(only(facts, "room").found, "not asked: for viewers and admins");
    EXPECT_EQ(only(facts, "key").state, CheckState::ok);
    EXPECT_EQ(code(facts), ExitCode::ok);
    EXPECT_TRUE(sees_cloud(Role::viewer) && sees_cloud(Role::admin) && !sees_cloud(Role::user));
}

TEST(Doctor, NamesVmsInTroubleUpToALimit) {
    auto facts = healthy();
    auto& vms = *facts.broker->vms;
    vms.push_back(vm("bad", VmState::failed));
    vms.back().owner = "bob";
    EXPECT_EQ(only(facts, "vm").target, "bob/bad");
    EXPECT_EQ(code(facts), ExitCode::ok);
    vms.assign(doctor::vms_shown_max, vm("bad", VmState::failed));
    EXPECT_EQ(of(facts, "vm").size(), doctor::vms_shown_max);
    EXPECT_EQ(code(facts), ExitCode::ok);
    vms.push_back(vm("lost", VmState::unknown));
    const auto checks = of(facts, "vm");
    ASSERT_EQ(checks.size(), doctor::vms_shown_max + 1);
    EXPECT_EQ(checks.back().found, "and 1 more");
    EXPECT_EQ(code(facts), ExitCode::failed) << "one of those that are not shown";
}

TEST(Doctor, ShowsWholeNextStepsOnNarrowTerminals) {
    const std::vector<Check> checks{{"node", "lab-1", CheckState::failed, "silent for long", "run one two three"}};
    const std::string shown = text_checks(checks, {.columns = 10});
    for (const auto* word : {"node lab-1", "failed", "silent", "-> run one", "three"}) {
        EXPECT_NE(shown.find(word), std::string::npos) << shown;
    }
    EXPECT_NE(text_checks(checks, {}).find("silent for long  run one two three\n"), std::string::npos);
}

}  // namespace
}  // namespace mc::cli

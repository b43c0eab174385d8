#include "cli/core/vm_plan.hpp"

#include <gtest/gtest.h>

#include <map>

namespace mc::cli {
namespace {

using protocol::VmState;
using protocol::VmView;

VmView vm(std::string name, std::string owner = "ada") {
    VmView out;
    out.name = std::move(name);
    out.owner = std::move(owner);
    out.state = VmState::running;
    out.image = "debian:12";
    out.cpus_milli = 1000;
    out.memory_bytes = 512ULL << 20;
    out.pids = 512;
    out.node = "node-a";
    out.labels = {{"class", "unix1"}};
    return out;
}

std::vector<PlanItem> plan_of(std::string_view text, const std::vector<VmView>& vms, PlanOptions options = {}) {
    const auto file = read_vm_file(text, "f");
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    if (options.me.empty()) options.me = "ada";
    return make_plan(*file, vms, options);
}

PlanItem planned(std::string_view fields, const VmView& there) {
    return plan_of("vms: [{name: web, " + std::string(fields) + "}]", {there}).front();
}

std::vector<Difference> differences(std::string_view fields) {
    return planned(fields, vm("web")).differences;
}

TEST(Plan, MakesWhatIsNotThereAndLeavesTheRest) {
    const auto plan = plan_of("vms: [{name: a}, {name: b}]", {vm("b")});
    ASSERT_EQ(plan.size(), 2U);
    EXPECT_EQ(plan[0].action, PlanAction::create);
    EXPECT_EQ(plan[1].action, PlanAction::unchanged);
    EXPECT_EQ(plan[1].vm, vm("b"));
    EXPECT_EQ(plan[1].index, 1U);
    EXPECT_TRUE(plan_of("vms: []", {vm("b")}).empty());
}

TEST(Plan, ComparesWhatTheFileSaysAndNothingElse) {
    EXPECT_TRUE(differences("image: 'debian:12', cpus: 1, memory: 512M, pids: 512, node: node-a, on-lost: keep, "
                            "password: false, labels: {class: unix1}")
                    .empty());
    using All = std::vector<Difference>;
    EXPECT_EQ(differences("image: 'debian:13'"), (All{{"image", "debian:12", "debian:13"}}));
    EXPECT_EQ(differences("cpus: 0.5"), (All{{"cpus", "1", "0.5"}}));
    EXPECT_EQ(differences("memory: 1G"), (All{{"memory", "512M", "1G"}}));
    EXPECT_EQ(differences("memory: 536870913"), (All{{"memory", "512M", "536870913"}}));
    EXPECT_EQ(differences("pids: 100"), (All{{"pids", "512", "100"}}));
    EXPECT_EQ(differences("password: true"), (All{{"password", "false", "true"}}));
    EXPECT_EQ(differences("node: node-b"), (All{{"node", "node-a", "node-b"}}));
    EXPECT_EQ(differences("on-lost: replace"), (All{{"on-lost", "keep", "replace"}}));
    EXPECT_EQ(differences("labels: {x: y}"),
              (All{{"labels.class", "unix1", std::nullopt}, {"labels.x", std::nullopt, "y"}}));
    EXPECT_EQ(differences("labels: {class: unix2}"), (All{{"labels.class", "unix1", "unix2"}}));
    EXPECT_EQ(differences("labels: {}"), (All{{"labels.class", "unix1", std::nullopt}}));
}

TEST(Plan, SaysWhatItCantCompare) {
    const auto item = planned("env: {A: b}, keys: a.pub, ttl: 2h", vm("web"));
    EXPECT_EQ(item.action, PlanAction::unchanged);
    EXPECT_EQ(item.not_compared, (std::vector<std::string_view>{"keys", "env", "ttl"}));
    EXPECT_TRUE(plan_of("vms: [{name: a, ttl: 2h}]", {}).front().not_compared.empty());
}

TEST(Plan, LeavesAStoppedVmAndNotAFailedOne) {
    const auto in_state = [](VmState state, protocol::VmIntent intent) {
        auto there = vm("web");
        there.state = state;
        there.intent = intent;
        return planned("cpus: 1", there);
    };
    using protocol::VmIntent;
    EXPECT_EQ(in_state(VmState::stopped, VmIntent::stopped).action, PlanAction::unchanged);
    EXPECT_EQ(in_state(VmState::unknown, VmIntent::running).action, PlanAction::unchanged);
    EXPECT_EQ(in_state(VmState::creating, VmIntent::running).action, PlanAction::unchanged);
    EXPECT_EQ(in_state(VmState::failed, VmIntent::running).differences.front(),
              (Difference{"state", "failed", "running"}));
    EXPECT_EQ(in_state(VmState::unknown, VmIntent::deleted).differences.front(),
              (Difference{"state", "deleting", "running"}));
}

TEST(Plan, LeavesAVmThatIsYetToBePlaced) {
    auto there = vm("web");
    there.state = VmState::pending;
    there.node = "";
    EXPECT_EQ(planned("node: node-b", there).action, PlanAction::unchanged);
}

TEST(Plan, ReplacesOnlyWhenThatIsSaid) {
    const std::string_view text = "vms: [{name: web, cpus: 2}, {name: db}]";
    const auto plan = plan_of(text, {vm("web"), vm("db")}, {.me = "ada", .replace = true});
    EXPECT_EQ(plan[0].action, PlanAction::replace);
    EXPECT_TRUE(deletes(plan[0]));
    EXPECT_EQ(plan[1].action, PlanAction::unchanged);
    const auto item = plan_of(text, {vm("web")}).front();
    EXPECT_EQ(item.action, PlanAction::differs);
    EXPECT_TRUE(is_change(item));
    EXPECT_FALSE(deletes(item));
}

TEST(Plan, PrunesOnesOwnThatFitAndAreNotInTheFile) {
    auto keep = vm("keep");
    keep.labels = {{"class", "unix2"}};
    const std::vector<VmView> vms{vm("a"), vm("b"), keep, vm("c", "bob")};
    const auto selector = Selector::parse("class=unix1");
    const auto plan = plan_of("vms: [{name: a}]", vms, {.me = "ada", .prune = *selector});
    ASSERT_EQ(plan.size(), 2U);
    EXPECT_EQ(plan[1].name, "b");
    EXPECT_EQ(plan[1].action, PlanAction::remove);
}

// Names are per owner, and an admin sees everybody's.
TEST(Plan, IsAboutOnesOwnVms) {
    EXPECT_EQ(plan_of("vms: [{name: web}]", {vm("web", "bob")}).front().action, PlanAction::create);
    EXPECT_EQ(plan_of("vms: [{name: web}]", {vm("web", "")}).front().action, PlanAction::unchanged);
    const auto file = read_vm_file("vms: [{name: web}, {name: db}]", "f");
    const auto targets = targets_of(*file, {vm("web"), vm("db", "bob")}, "ada");
    EXPECT_EQ(targets.vms, std::vector<VmView>{vm("web")});
    EXPECT_EQ(targets.missing, std::vector<std::string>{"db"});
}

}  // namespace
}  // namespace mc::cli

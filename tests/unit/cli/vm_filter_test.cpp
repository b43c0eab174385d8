#include "cli/core/vm_filter.hpp"

#include <gtest/gtest.h>

#include "cli/core/list_changes.hpp"

namespace mc::cli {
namespace {

using Strings = std::vector<std::string>;

protocol::VmView vm(std::uint64_t id, std::string name, std::string owner = "ada") {
    protocol::VmView out;
    out.id = VmId{id};
    out.name = std::move(name);
    out.owner = std::move(owner);
    out.state = protocol::VmState::running;
    return out;
}

std::vector<protocol::VmView> some() {
    std::vector<protocol::VmView> vms{vm(1, "lab-10"), vm(2, "lab-2"), vm(3, "web"), vm(4, "web", "bob")};
    vms[0].labels = {{"class", "unix1"}};
    vms[1].node = "node-a";
    vms[2].state = protocol::VmState::stopped;
    vms[2].memory_bytes = 1;
    return vms;
}

Strings listed(Settings::Values values, Strings operands = {}) {
    const auto command = read_list(Settings(std::move(values)), operands);
    EXPECT_TRUE(command) << (command ? "" : command.error().message);
    Strings out;
    for (const auto& one : chosen(*command, some())) out.push_back(one.owner + "/" + one.name);
    return out;
}

ErrorCode refused(Settings::Values values) {
    const auto command = read_list(Settings(std::move(values)), {});
    return command ? ErrorCode::ok : command.error().code;
}

TEST(VmFilter, ChoosesByNamePatternAndId) {
    EXPECT_EQ(listed({}, {"lab-*"}), (Strings{"ada/lab-10", "ada/lab-2"}));
    EXPECT_EQ(listed({}, {"lab-?", "bob/*"}), (Strings{"ada/lab-2", "bob/web"}));
    EXPECT_EQ(listed({}, {"web"}), (Strings{"ada/web", "bob/web"}));
    EXPECT_EQ(listed({}, {"0000000000000003"}), (Strings{"ada/web"}));
    EXPECT_EQ(listed({}, {"[l]ab-2"}), (Strings{"ada/lab-2"}));
    EXPECT_EQ(listed({}, {"*"}).size(), 4U);
}

TEST(VmFilter, WantsEverythingThatIsAskedFor) {
    EXPECT_EQ(listed({{"state", {"stopped"}}}), (Strings{"ada/web"}));
    EXPECT_EQ(listed({{"state", {"running"}}, {"owner", {"ada"}}}), (Strings{"ada/lab-10", "ada/lab-2"}));
    EXPECT_EQ(listed({{"node", {"node-*"}}}), (Strings{"ada/lab-2"}));
    EXPECT_EQ(listed({{"selector", {"class=unix1"}}}), (Strings{"ada/lab-10"}));
    EXPECT_EQ(listed({{"selector", {"class", "!class"}}}), Strings{});
}

TEST(VmFilter, SortsNumbersAsNumbersAndNothingLast) {
    EXPECT_EQ(listed({{"sort", {"name"}}}), (Strings{"ada/lab-2", "ada/lab-10", "ada/web", "bob/web"}));
    EXPECT_EQ(listed({{"sort", {"name:desc"}}}), (Strings{"ada/web", "bob/web", "ada/lab-10", "ada/lab-2"}));
    EXPECT_EQ(listed({{"sort", {"node"}}}).front(), "ada/lab-2");
    EXPECT_EQ(listed({{"sort", {"node:desc"}}}).front(), "ada/lab-2");
    EXPECT_EQ(listed({{"sort", {"memory_bytes:desc"}}}).front(), "ada/web");
}

TEST(VmFilter, RefusesWhatCanFitNothing) {
    EXPECT_EQ(refused({{"state", {"runing"}}}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({{"sort", {"nmae"}}}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({{"sort", {"name:down"}}}), ErrorCode::invalid_argument);
    EXPECT_EQ(refused({{"selector", {""}}}), ErrorCode::invalid_argument);
}

TEST(VmFilter, SaysWhichNamesMeanNothing) {
    EXPECT_EQ(unmatched({"web", "wbe", "x-*"}, some()), Strings{"wbe"});
}

Result<ActionCommand> action(Settings::Values values, Strings operands = {}) {
    return read_action(VerbId::remove, Settings(std::move(values)), operands);
}

// Goal: what deletes never takes nothing for everything.
TEST(ActionChoice, IsNeverEmptyNorContradictory) {
    for (const auto& refused :
         {action({}), action({{"selector", {""}}}), action({{"all", {"true"}}}, {"web"}),
          action({{"all", {"true"}}, {"selector", {"a"}}}), action({{"selector", {"a"}}}, {"web"})}) {
        ASSERT_FALSE(refused);
        EXPECT_TRUE(refused.error().code == ErrorCode::usage || refused.error().code == ErrorCode::invalid_argument);
    }
    EXPECT_FALSE(action({}, {"web"})->chooses());
    EXPECT_TRUE(action({}, {"web", "lab-*"})->chooses());
    EXPECT_TRUE(action({{"force", {"true"}}}, {"web"})->yes);
}

TEST(ActionChoice, NamesVmsByIdAndShowsTheirNames) {
    const auto choice = choose(*action({}, {"lab-2", "lab-*", "no-*"}), some());
    EXPECT_EQ(choice.targets, (Strings{"lab-2", "0000000000000001"})) << "what is named is not chosen again";
    EXPECT_EQ(choice.called, (Strings{"lab-2", "ada/lab-10"}));
    EXPECT_EQ(choice.unmatched_globs, Strings{"no-*"});
    EXPECT_EQ(choose(*action({{"all", {"true"}}}), some()).targets.size(), 4U);
    EXPECT_EQ(choose(*action({{"selector", {"class"}}}), some()).targets, Strings{"0000000000000001"});
    EXPECT_EQ(choose(*action({{"selector", {"!class"}}}, {"lab-*"}), some()).called, Strings{"ada/lab-2"});
}

TEST(ActionChoice, IsAskedAboutInOneLine) {
    EXPECT_EQ(confirmation("delete", {"a", "b"}), "delete 2 VMs: a, b?");
    EXPECT_EQ(confirmation("stop", Strings(10, "a")), "stop 10 VMs: a, a, a, a, a, a, a, a, … and 2 more?");
}

TEST(ListChanges, TellOnceWhatIsNewChangedAndGone) {
    ListChanges changes;
    auto vms = some();
    EXPECT_EQ(changes.on_listing(vms).size(), 4U);
    EXPECT_TRUE(changes.on_listing(vms).empty());
    vms[1].state = protocol::VmState::stopped;
    vms.erase(vms.begin());
    const auto told = changes.on_listing(vms);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].vm.name, "lab-2");
    EXPECT_TRUE(told[1].gone);
    EXPECT_EQ(told[1].vm.name, "lab-10");
    EXPECT_EQ(told[1].vm.state, protocol::VmState::deleted);
    EXPECT_TRUE(changes.on_listing(vms).empty());
}

}  // namespace
}  // namespace mc::cli

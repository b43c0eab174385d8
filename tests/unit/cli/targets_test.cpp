#include "cli/core/targets.hpp"

#include <gtest/gtest.h>

#include "cli/core/commands.hpp"
#include "cli/core/output.hpp"
#include "cli/core/views.hpp"

namespace mc::cli {
namespace {

protocol::VmView vm(std::string owner, std::string name) {
    protocol::VmView out;
    out.owner = std::move(owner);
    out.name = std::move(name);
    return out;
}

const std::vector<protocol::VmView> of_one{vm("ada", "web"), vm("ada", "vm-1")};
const std::vector<protocol::VmView> of_two{vm("ada", "vm-1"), vm("ada", "web"), vm("bob", "db"), vm("bob", "web")};

TEST(Targets, AreNamesOrNamesOfAnOwnerOrIds) {
    const auto read = [](const std::string& text) { return read_target(std::vector<std::string>{text}); };
    for (const char* good : {"web", "ada/web", "84de3caf76eeff6c"}) EXPECT_EQ(read(good).value_or(""), good);
    for (const char* bad : {"", "/", "ada/", "/web", "ada/web/x", "Ada/web", "ada/Web", "ada//web", "--force"}) {
        EXPECT_FALSE(read(bad)) << bad;
    }
    EXPECT_EQ(read("Ada/web").error().message,
              "owner's name \"Ada\" is not valid: use 1 to 63 of a-z, 0-9 and '-', not beginning or ending with '-'");
    const std::string longest(limits::name_bytes_max, 'a');
    EXPECT_EQ(longest.size() * 2 + 1, limits::target_bytes_max);
    EXPECT_TRUE(read(longest + "/" + longest));
}

TEST(Targets, OfSeveralActionsCountOnce) {
    const std::vector<std::string> operands{"bob/web", "web", "bob/web"};
    const auto command = read_action(VerbId::stop, Settings(), operands);
    ASSERT_TRUE(command);
    EXPECT_EQ(command->request.targets, (std::vector<std::string>{"bob/web", "web"}));
}

// Goal: what `list -q` prints are the same VMs when it is given to another verb.
TEST(Targets, NameTheOwnerWhenThereAreSeveral) {
    EXPECT_EQ(names(json_vms(of_one)), "web\nvm-1\n");
    EXPECT_EQ(names(json_vms(of_two)), "ada/vm-1\nada/web\nbob/db\nbob/web\n");
    EXPECT_EQ(names(json_vms({vm("", "web")})), "web\n") << "of a broker before 0.2";
    EXPECT_FALSE(of_several_owners({}));
}

TEST(Targets, AreSuggestedAsTheyHaveToBeWritten) {
    EXPECT_EQ(nearest_target("wbe", of_one), "web");
    EXPECT_EQ(nearest_target("wbe", of_two), "ada/web");
    EXPECT_EQ(nearest_target("bbo/web", of_two), "bob/web");
    EXPECT_EQ(nearest_target("bob/we", of_two), "bob/web");
    EXPECT_EQ(nearest_target("ada/vm-2", of_two), std::nullopt) << "another number is another VM";
    EXPECT_EQ(nearest_target("something-else", of_two), std::nullopt);
    EXPECT_EQ(did_you_mean("wbe", of_one), "; did you mean web?");
    EXPECT_EQ(did_you_mean("something-else", of_one), "");
}

// What a sentence tells to type must mean the VM that was asked for.
TEST(Targets, AreCalledAsTheyWereAskedFor) {
    EXPECT_EQ(called("bob/web", of_two[3]), "bob/web");
    EXPECT_EQ(called("web", of_two[3]), "web");
    EXPECT_EQ(called("84de3caf76eeff6c", of_two[3]), "web");
    std::vector<protocol::ItemResult> items{{"web", ErrorCode::ok, "", of_two[3]}};
    name_as_asked(items, {"bob/web"});
    EXPECT_EQ(text_items(items, "stopped"), "bob/web stopped\n");
    name_as_asked(items, {"one", "too many"});
    EXPECT_EQ(items.front().target, "bob/web");
}

TEST(Targets, OfOthersAreToldFromOnesOwnInEvents) {
    protocol::Event event;
    event.owner = "bob";
    event.name = "web";
    EXPECT_NE(text_event(event, "ada", {}).find("bob/web"), std::string::npos);
    EXPECT_EQ(text_event(event, "bob", {}).find("bob/web"), std::string::npos);
    event.owner = "";
    EXPECT_EQ(text_event(event, "ada", {}).find("/web"), std::string::npos);
}

}  // namespace
}  // namespace mc::cli

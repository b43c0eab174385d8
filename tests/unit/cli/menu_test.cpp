#include "cli/core/menu.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mc::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Menu, OffersTheFiveChoicesOfTheAncestor) {
    const std::string greeting = Menu().greeting();
    for (const char* choice : {"1  create", "2  list", "3  ssh", "4  delete", "5  exit"})
        EXPECT_THAT(greeting, HasSubstr(choice));
}

TEST(Menu, CreatesWithOrWithoutAName) {
    Menu menu;
    EXPECT_THAT(menu.on_line("1").text, HasSubstr("Name"));
    EXPECT_THAT(menu.on_line("").command, ElementsAre("create"));
    static_cast<void>(menu.on_line("1"));
    EXPECT_THAT(menu.on_line(" web ").command, ElementsAre("create", "web"));
    EXPECT_THAT(menu.on_line("2").command, ElementsAre("list"));
}

TEST(Menu, AsksForTheNameOfTheVm) {
    Menu menu;
    EXPECT_THAT(menu.on_line("3").command, IsEmpty());
    EXPECT_THAT(menu.on_line("vm-1").command, ElementsAre("ssh", "vm-1"));
    static_cast<void>(menu.on_line("4"));
    EXPECT_THAT(menu.on_line("vm-1").command, ElementsAre("delete", "vm-1"));
}

TEST(Menu, TakesAnotherOwnersVmToLogInToAndToDelete) {
    Menu menu;
    static_cast<void>(menu.on_line("4"));
    EXPECT_THAT(menu.on_line("ada/vm-1").command, ElementsAre("delete", "ada/vm-1"));
    static_cast<void>(menu.on_line("1"));
    EXPECT_THAT(menu.on_line("ada/vm-1").text, HasSubstr("not valid"));
}

TEST(Menu, GoesBackToTheChoicesWhenNoNameIsGiven) {
    Menu menu;
    static_cast<void>(menu.on_line("4"));
    const auto step = menu.on_line("");
    EXPECT_THAT(step.command, IsEmpty());
    EXPECT_THAT(step.text, HasSubstr("Choose 1 to 5"));
    EXPECT_THAT(menu.on_line("2").command, ElementsAre("list"));
}

TEST(Menu, TakesNoOptionForAName) {
    Menu menu;
    static_cast<void>(menu.on_line("1"));
    const auto step = menu.on_line("--password");
    EXPECT_THAT(step.command, IsEmpty());
    EXPECT_THAT(step.text, HasSubstr("not valid"));
}

TEST(Menu, EndsAtFiveAndAtTheEndOfInput) {
    Menu menu;
    EXPECT_FALSE(menu.on_line("9").over);
    EXPECT_TRUE(menu.on_line("5").over);
    EXPECT_TRUE(menu.on_end_of_input().over);
}

}  // namespace
}  // namespace mc::cli

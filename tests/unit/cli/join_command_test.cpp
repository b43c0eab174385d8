#include "cli/core/join_command.hpp"

#include <gtest/gtest.h>

namespace mc::cli {
namespace {

TEST(JoinCommand, ReadsWhatIsGiven) {
    const std::vector<std::string> operands{"mc1-abc"};
    const auto join = read_join(Settings(Settings::Values{{"name", {"ada"}}, {"as", {"lab"}}}), operands);
    EXPECT_EQ(join.token, "mc1-abc");
    EXPECT_EQ(join.name, "ada");
    EXPECT_EQ(join.context, "lab");
    EXPECT_FALSE(join.replace);
    EXPECT_TRUE(read_join(Settings(Settings::Values{{"replace", {"true"}}}), operands).replace);
}

TEST(JoinCommand, MakesNamesOfWhatIsThere) {
    EXPECT_EQ(owner_name_from("Ada.Lovelace"), "ada-lovelace");
    EXPECT_EQ(owner_name_from("-x_"), "x");
    EXPECT_EQ(owner_name_from(""), "");
    EXPECT_EQ(owner_name_from(std::string(100, 'a')), std::string(63, 'a'));
    EXPECT_EQ(context_name_from("tcp://cloud.lan:7710"), "cloud-lan");
    EXPECT_EQ(context_name_from("tcp://10.0.0.1:7710"), "10-0-0-1");
    EXPECT_EQ(context_name_from("tcp://127.0.0.1:7710"), "local");
    EXPECT_EQ(context_name_from("tcp://[fd00::1]:7710"), "fd00-1");
    EXPECT_EQ(context_name_from("tcp://…:7710"), "cloud");
}

}  // namespace
}  // namespace mc::cli

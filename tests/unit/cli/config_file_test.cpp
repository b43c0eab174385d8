#include "cli/core/config_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mc::cli {
namespace {

using testing::HasSubstr;

// Goal: options are kept in the ini file as a person would write them there, and nothing else in it is touched.
// Spec: mccli help config.

TEST(ConfigFile, ReplacesOneLineAndKeepsTheOthers) {
    const std::string text = "# mine\n\n output=wide  # broad\nbroker = a\n#output = json\noutput = json";
    EXPECT_EQ(ini_with(text, "output", "csv"), "# mine\n\noutput = csv\nbroker = a\n#output = json\n");
    EXPECT_EQ(ini_with(text, "create-image", "x:1"), text + "\ncreate-image = x:1\n");
    EXPECT_EQ(ini_with("", "quiet", "true"), "quiet = true\n");
}

TEST(ConfigFile, TakesALineOut) {
    EXPECT_EQ(ini_without("a = 1\nb = 2\na = 3\n", "a"), "b = 2\n");
    EXPECT_EQ(ini_without("# a = 1\nb = 2\n", "a"), std::nullopt) << "a comment gives nothing";
}

TEST(ConfigFile, KnowsEveryOptionOfEveryVerb) {
    EXPECT_EQ(config_key("create-memory")->option->name, "memory");
    EXPECT_EQ(config_key("output")->verb, nullptr);
    EXPECT_THAT(config_key("create-memori").error().message, HasSubstr("did you mean create-memory?"));
    for (const auto* name : {"config", "help", "version", "help-markdown", "complete-x"}) {
        EXPECT_FALSE(config_key(name)) << name;
    }
}

TEST(ConfigFile, RefusesAValueThatWouldNotDo) {
    const auto refused = [](std::string_view name, const std::string& value) {
        const auto checked = check_config(*config_key(name), value);
        return checked ? "" : checked.error().message;
    };
    EXPECT_EQ(refused("create-memory", "1G"), "");
    EXPECT_THAT(refused("create-memory", "lots"), HasSubstr("is not a size"));
    EXPECT_THAT(refused("output", "xml"), HasSubstr("is not a format"));
    EXPECT_EQ(refused("quiet", "true"), "");
    EXPECT_THAT(refused("quiet", "maybe"), HasSubstr("true or false"));
    for (const auto* value : {"a # b", "a\nbroker = evil", " a", "a "}) {
        EXPECT_THAT(refused("create-image", value), HasSubstr("has no #")) << value;
    }
    EXPECT_THAT(refused("broker", ""), HasSubstr("mccli config unset"));
    EXPECT_EQ(refused("list-sort", "name"), "") << "left to its verb";
}

TEST(ConfigFile, ShowsWhatIsSetAndWhere) {
    const Settings settings({{"create-label", {"a=b", "c=d"}}}, {{"create-label", "MC_CREATE_LABEL"}});
    const auto rows = config_rows(settings, false);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].value + " " + rows[0].from, "a=b,c=d MC_CREATE_LABEL");
    EXPECT_EQ(config_rows(settings, true).size(), config_keys().size());
}

}  // namespace
}  // namespace mc::cli

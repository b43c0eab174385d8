#include "cli/core/name_pattern.hpp"

#include <gtest/gtest.h>

#include "cli/core/commands.hpp"

namespace mc::cli {
namespace {

using Strings = std::vector<std::string>;

TEST(NamePattern, Counts) {
    EXPECT_EQ(*expand_names("lab-{1..3}"), (Strings{"lab-1", "lab-2", "lab-3"}));
    EXPECT_EQ(*expand_names("lab-{08..10}"), (Strings{"lab-08", "lab-09", "lab-10"}));
    EXPECT_EQ(*expand_names("{3..1}x"), (Strings{"3x", "2x", "1x"}));
    EXPECT_EQ(*expand_names("a{5..5}"), Strings{"a5"});
    EXPECT_EQ(expand_names("lab-{1..1000}")->size(), 1000U);
}

TEST(NamePattern, ListsAndMultiplies) {
    EXPECT_EQ(*expand_names("{web,db}"), (Strings{"web", "db"}));
    EXPECT_EQ(*expand_names("{a,b}-{1..2}"), (Strings{"a-1", "a-2", "b-1", "b-2"}));
    EXPECT_EQ(*expand_names("web{,-test}"), (Strings{"web", "web-test"}));
}

TEST(NamePattern, LeavesPlainNamesAlone) {
    EXPECT_EQ(*expand_names("web"), Strings{"web"});
}

TEST(NamePattern, RefusesWhatIsNone) {
    for (const auto* text : {"a{", "a}", "{1..2", "{a,{b,c}}", "a{}", "a{b}", "{1..1001}", "{1..100}{1..11}",
                             "{0..999999999}", "{1..2}}"}) {
        const auto names = expand_names(text);
        ASSERT_FALSE(names) << text;
        EXPECT_EQ(names.error().code, ErrorCode::invalid_argument);
    }
}

// Goal: one request where one will do, one for each VM where each has something of its own.
TEST(CreateRequests, AreOneForEachNameOrPassword) {
    const auto requests = [](Settings::Values values, const Strings& operands, const Strings& hashes) {
        return requests_of(*read_create(Settings(std::move(values)), operands), hashes);
    };
    EXPECT_EQ(requests({{"count", {"3"}}}, {}, {}).size(), 1U);
    const auto numbered = requests({{"count", {"2"}}, {"password", {"true"}}}, {}, {"h1", "h2"});
    ASSERT_EQ(numbered.size(), 2U);
    EXPECT_EQ(numbered[1].count, 1U);
    EXPECT_EQ(numbered[1].spec.password_hash, "h2");
    const auto named = requests({}, {"b", "a{1..2}", "b"}, {});
    ASSERT_EQ(named.size(), 3U) << "a name counts once";
    EXPECT_EQ(named[2].spec.name, "a2");
    const auto one = requests({{"password", {"true"}}}, {"web"}, {"h"});
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0].spec.password_hash, "h");
}

}  // namespace
}  // namespace mc::cli

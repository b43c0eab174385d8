#include "cli/core/selector.hpp"

#include <gtest/gtest.h>

namespace mc::cli {
namespace {

const std::vector<protocol::Label> labels{{"class", "unix1"}, {"tier", "b=c"}};

bool matches(std::string_view text) {
    const auto selector = Selector::parse(text);
    EXPECT_TRUE(selector.has_value()) << text;
    return selector && selector->matches(labels);
}

TEST(Selector, TestsForValuesAndPresence) {
    EXPECT_TRUE(matches("class=unix1"));
    EXPECT_TRUE(matches("class==unix1"));
    EXPECT_FALSE(matches("class=unix2"));
    EXPECT_TRUE(matches("class!=unix2"));
    EXPECT_FALSE(matches("class!=unix1"));
    EXPECT_TRUE(matches("other!=x")) << "also holds where there is no such label";
    EXPECT_TRUE(matches("class"));
    EXPECT_FALSE(matches("other"));
    EXPECT_TRUE(matches("!other"));
    EXPECT_FALSE(matches("!class"));
    EXPECT_TRUE(matches("tier=b=c"));
    EXPECT_FALSE(matches("class="));
    EXPECT_TRUE(matches(" class\t=  unix1 ")) << "as people write it";
}

TEST(Selector, AsksForAllOfItsTerms) {
    EXPECT_TRUE(matches(" class = unix1 , !other,tier "));
    EXPECT_FALSE(matches("class=unix1,other"));
}

TEST(Selector, RefusesWhatIsEmptyOrNoTerm) {
    for (const auto* text : {"", "  ", ",", "a,", ",a", "=x", "!=x", "!", "!!a", "a b", "a b=c"}) {
        const auto selector = Selector::parse(text);
        ASSERT_FALSE(selector) << text;
        EXPECT_EQ(selector.error().code, ErrorCode::invalid_argument);
    }
    EXPECT_NE(Selector::parse("").error().message.find("--all"), std::string::npos);
}

TEST(Selector, HasALimit) {
    std::string text = "a";
    for (std::size_t i = 1; i < Selector::terms_max; ++i) text += ",a";
    EXPECT_TRUE(Selector::parse(text));
    EXPECT_FALSE(Selector::parse(text + ",a"));
}

}  // namespace
}  // namespace mc::cli

#include "protocol/text.hpp"

#include <gtest/gtest.h>

namespace mc::protocol {
namespace {

// Goal: no string leaves or enters that another language's decoder would choke on. Spec: RFC 3629.

// Words of eight bytes are looked at as one.
TEST(Utf8, IsLookedForToTheEnd) {
    const std::string ascii(20, 'a');
    for (std::size_t at = 0; at <= ascii.size(); ++at) {
        std::string good = ascii;
        std::string bad = ascii;
        EXPECT_TRUE(is_utf8(good.insert(at, "\xC3\xBC"))) << at;
        EXPECT_FALSE(is_utf8(bad.insert(at, "\xFF"))) << at;
    }
}

TEST(Utf8, AcceptsEveryWidthAtItsBounds) {
    for (const char* text : {"", "plain", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                             "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
        EXPECT_TRUE(is_utf8(text)) << text;
    }
}

TEST(Utf8, RefusesOverlongSurrogateAndCutForms) {
    for (const char* text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
                             "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "ok\xFE"}) {
        EXPECT_FALSE(is_utf8(text));
        EXPECT_TRUE(is_utf8(to_utf8(text, 100)));
    }
}

TEST(Utf8, ReplacesOnlyWhatIsIllFormed) {
    EXPECT_EQ(to_utf8("a\xFF\xC3\xBC", 100), "a\xEF\xBF\xBD\xC3\xBC");
    EXPECT_EQ(to_utf8("all well", 100), "all well");
}

TEST(Utf8, CutsAtAWholeCharacter) {
    EXPECT_EQ(to_utf8("ab\xC3\xBC", 4), "ab\xC3\xBC");
    EXPECT_EQ(to_utf8("ab\xC3\xBC", 3), "ab");
    EXPECT_EQ(to_utf8("abc", 0), "");
    EXPECT_EQ(to_utf8("a\xFF", 3), "a");
}

}  // namespace
}  // namespace mc::protocol

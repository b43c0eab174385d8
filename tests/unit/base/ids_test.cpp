#include "base/ids.hpp"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <unordered_set>

namespace mc {
namespace {

// Goal: an id reads the same in every log, label and message, and can't be mixed up.

static_assert(!std::is_convertible_v<VmId, NodeId>);
static_assert(!std::is_convertible_v<RequestId, JobId>);
static_assert(!std::is_convertible_v<std::uint64_t, Epoch>);

TEST(Id64, IsSixteenHexadecimalDigits) {
    EXPECT_EQ(VmId{0}.str(), "0000000000000000");
    EXPECT_EQ(VmId{0x0123456789ABCDEF}.str(), "0123456789abcdef");
    EXPECT_EQ(VmId{UINT64_MAX}.str(), "ffffffffffffffff");
}

TEST(Id64, ReadsWhatItWrote) {
    for (const std::uint64_t value : {std::uint64_t{1}, std::uint64_t{0x8000000000000000}, UINT64_MAX}) {
        EXPECT_EQ(VmId::parse(VmId{value}.str()), VmId{value});
    }
    EXPECT_EQ(VmId::parse("00000000000000FF"), VmId{255});
}

TEST(Id64, RefusesEverythingElse) {
    for (const char* text : {"", "0", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg", " 123456789abcdef",
                             "+123456789abcdef", "-123456789abcdef", "0x23456789abcdef", "0123456789abcde "}) {
        EXPECT_FALSE(VmId::parse(text)) << '"' << text << '"';
    }
    EXPECT_FALSE(VmId::parse(std::string("0123456789abcde\0", 16)));
}

TEST(Id64, ZeroMeansNone) {
    EXPECT_FALSE(VmId{});
    EXPECT_TRUE(VmId{1});
}

TEST(Id128, IsThirtyTwoHexadecimalDigits) {
    const RequestId id{0x0011223344556677, 0x8899AABBCCDDEEFF};
    EXPECT_EQ(id.str(), "00112233445566778899aabbccddeeff");
    EXPECT_EQ(RequestId::parse(id.str()), id);
}

TEST(Id128, RefusesEverythingElse) {
    for (const char* text : {"", "00112233445566778899aabbccddeef", "00112233445566778899aabbccddeeff0",
                             "0011223344556677-899aabbccddeeff", "00112233445566778899aabbccddeefg"}) {
        EXPECT_FALSE(RequestId::parse(text)) << '"' << text << '"';
    }
}

TEST(Id128, ZeroMeansNoneButHalfZeroDoesNot) {
    EXPECT_FALSE(RequestId{});
    EXPECT_TRUE((RequestId{1, 0}));
    EXPECT_TRUE((RequestId{0, 1}));
}

TEST(Ids, AreKeysOfHashTables) {
    std::unordered_set<RequestId> seen;
    for (std::uint64_t i = 0; i < 100; ++i) {
        EXPECT_TRUE(seen.insert(RequestId{i, i + 1}).second);
        EXPECT_TRUE(seen.insert(RequestId{i, i}).second);
    }
    EXPECT_TRUE(seen.contains(RequestId{3, 4}));
    EXPECT_FALSE(seen.contains(RequestId{4, 3}));
    EXPECT_EQ(std::hash<VmId>{}(VmId{7}), std::hash<VmId>{}(VmId{7}));
}

}  // namespace
}  // namespace mc

#include "base/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

#include "base/result.hpp"

namespace mc {
namespace {

// Goal: an error means the same to every program and every release.
// Spec: docs/protocol.md "Errors".

TEST(ErrorCode, HasOneNameEach) {
    std::set<std::string_view> names;
    std::size_t known = 0;
    for (std::uint16_t number = 0; number < 1000; ++number) {
        const auto name = name_of(static_cast<ErrorCode>(number));
        if (name == "unknown_error") continue;
        ++known;
        EXPECT_TRUE(names.insert(name).second) << name << " is used twice";
    }
    EXPECT_EQ(known, 34U);
}

TEST(ErrorCode, KeepsTheNumbersThatAreOnTheWire) {
    EXPECT_EQ(name_of(static_cast<ErrorCode>(0)), "ok");
    EXPECT_EQ(name_of(static_cast<ErrorCode>(5)), "request_conflict");
    EXPECT_EQ(name_of(static_cast<ErrorCode>(14)), "not_registered");
    EXPECT_EQ(name_of(static_cast<ErrorCode>(20)), "no_capacity");
    EXPECT_EQ(name_of(static_cast<ErrorCode>(37)), "engine_conflict");
    EXPECT_EQ(name_of(static_cast<ErrorCode>(40)), "deadline_exceeded");
    EXPECT_EQ(name_of(static_cast<ErrorCode>(51)), "stale_epoch");
    EXPECT_EQ(name_of(static_cast<ErrorCode>(23)), "quota_exceeded");
    EXPECT_EQ(name_of(static_cast<ErrorCode>(53)), "not_authorised");
    EXPECT_EQ(name_of(static_cast<ErrorCode>(72)), "usage");
}

TEST(ErrorCode, OfANewerPeerStaysAnError) {
    EXPECT_EQ(error_code_from(4711), ErrorCode::internal);
    EXPECT_EQ(error_code_from(UINT16_MAX), ErrorCode::internal);
    EXPECT_EQ(error_code_from(20), ErrorCode::no_capacity);
    EXPECT_EQ(error_code_from(0), ErrorCode::ok);
}

TEST(ErrorCode, TimeOutsAreUnknownNeverFailed) {
    EXPECT_EQ(retry_of(ErrorCode::deadline_exceeded), Retry::unknown);
    EXPECT_EQ(retry_of(ErrorCode::node_unreachable), Retry::unknown);
    EXPECT_EQ(retry_of(ErrorCode::engine_unreachable), Retry::unknown);
    EXPECT_EQ(retry_of(ErrorCode::broker_unreachable), Retry::unknown);
}

TEST(ErrorCode, SaysWhatMayBeRepeated) {
    EXPECT_EQ(retry_of(ErrorCode::busy), Retry::later);
    EXPECT_EQ(retry_of(ErrorCode::no_capacity), Retry::later);
    EXPECT_EQ(retry_of(ErrorCode::invalid_argument), Retry::never);
    EXPECT_EQ(retry_of(ErrorCode::request_conflict), Retry::never);
    EXPECT_EQ(retry_of(static_cast<ErrorCode>(4711)), Retry::unknown);
}

TEST(Result, CarriesAValueOrAnError) {
    const auto half = [](int value) -> Result<int> {
        if (value % 2 != 0) return fail(ErrorCode::invalid_argument, "odd");
        return value / 2;
    };
    EXPECT_EQ(*half(8), 4);
    ASSERT_FALSE(half(7));
    EXPECT_EQ(half(7).error(), (Error{ErrorCode::invalid_argument, "odd"}));
}

}  // namespace
}  // namespace mc

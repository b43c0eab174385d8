#include "broker/shell/line_limit.hpp"

#include <gtest/gtest.h>

namespace mc::broker {
namespace {

// Goal: strangers don't fill the broker's log, and none goes uncounted.
TEST(LineLimit, TellsOneInASecondAndHowManyItDidNot) {
    LineLimit limit;
    int made = 0;
    const auto next = [&](Instant now) {
        return limit.next(now, [&] { return "refused " + std::to_string(++made); }).value_or("");
    };
    const Instant start{1000s};
    EXPECT_EQ(next(start), "refused 1");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(next(start + 999ms), "");
    EXPECT_EQ(next(start + 1s), "refused 2; and 3 others since the last such line");
    EXPECT_EQ(next(start + 1999ms), "");
    EXPECT_EQ(next(start + 1h), "refused 3; and 1 others since the last such line");
    EXPECT_EQ(next(start + 2h), "refused 4");
}

}  // namespace
}  // namespace mc::broker

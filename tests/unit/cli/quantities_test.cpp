#include "cli/core/quantities.hpp"

#include <gtest/gtest.h>

namespace mc::cli {
namespace {

TEST(Quantities, ReadsSizesAsPeopleWriteThem) {
    EXPECT_EQ(parse_size("512M"), 512ULL << 20);
    EXPECT_EQ(parse_size("2G"), 2ULL << 30);
    EXPECT_EQ(parse_size("1.5g"), 1536ULL << 20);
    EXPECT_EQ(parse_size("64MiB"), 64ULL << 20);
    EXPECT_EQ(parse_size("100kb"), 100ULL << 10);
    EXPECT_EQ(parse_size("1048576"), 1ULL << 20);
    for (const char* bad : {"", "M", "12Q", "-5M", "1..5G", "99999999999999999999", "16777216T0", "1.2345G"}) {
        EXPECT_FALSE(parse_size(bad)) << bad;
    }
    EXPECT_FALSE(parse_size("18446744073709551615T"));
}

TEST(Quantities, ReadsDurations) {
    EXPECT_EQ(parse_duration("90s"), milliseconds(90'000));
    EXPECT_EQ(parse_duration("2h"), milliseconds(7'200'000));
    EXPECT_EQ(parse_duration("1d"), milliseconds(86'400'000));
    EXPECT_EQ(parse_duration("1h30m"), milliseconds(5'400'000));
    EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
    EXPECT_EQ(parse_duration("1.5m"), milliseconds(90'000));
    EXPECT_EQ(parse_duration("5"), milliseconds(5000));
    for (const char* bad : {"", "h", "2y", "-1s", "1h-", "999999999999999999d"})
        EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Quantities, ReadsCpus) {
    EXPECT_EQ(parse_cpus("2"), 2000U);
    EXPECT_EQ(parse_cpus("0.5"), 500U);
    EXPECT_EQ(parse_cpus(".25"), 250U);
    EXPECT_EQ(parse_cpus("250m"), 250U);
    for (const char* bad : {"", "0", "two", "1.2345", "-1", "1.5m", "5000000000"}) EXPECT_FALSE(parse_cpus(bad)) << bad;
}

TEST(Quantities, ReadsCountsWithinTheirBounds) {
    EXPECT_EQ(parse_count("1", 1, 10), 1U);
    EXPECT_EQ(parse_count("10", 1, 10), 10U);
    EXPECT_FALSE(parse_count("0", 1, 10));
    EXPECT_FALSE(parse_count("11", 1, 10));
    EXPECT_FALSE(parse_count("3x", 1, 10));
    EXPECT_EQ(parse_count("x", 1, 10).error().code, ErrorCode::invalid_argument);
}

TEST(Quantities, ReadsMoments) {
    const WallTime now{1'795'435'200'000};  // 2026-11-23T12:00:00Z
    EXPECT_EQ(parse_moment("10m", now), WallTime{now.unix_ms - 600'000});
    EXPECT_EQ(parse_moment("2026-11-23T12:00:00Z", WallTime{0}), now);
    EXPECT_EQ(parse_moment("1795435200", WallTime{0}), now);
    EXPECT_FALSE(parse_moment("yesterday", now));
    EXPECT_FALSE(parse_moment("2026-13-01T00:00:00Z", now));
}

TEST(Quantities, ShowsTimesInUtc) {
    EXPECT_EQ(format_time(WallTime{1'795'435'200'000}), "2026-11-23T12:00:00Z");
    EXPECT_EQ(format_time_ms(WallTime{1'795'435'200'042}), "2026-11-23T12:00:00.042Z");
    EXPECT_EQ(format_time(WallTime{951'782'400'000}), "2000-02-29T00:00:00Z");
    EXPECT_EQ(format_time(WallTime{0}), "1970-01-01T00:00:00Z");
    EXPECT_EQ(format_time_ms(WallTime{-1}), "1969-12-31T23:59:59.999Z");
}

TEST(Quantities, ShowsAgesAsPeopleSayThem) {
    EXPECT_EQ(format_age(-5s), "0s");
    EXPECT_EQ(format_age(119s), "119s");
    EXPECT_EQ(format_age(180s), "3m");
    EXPECT_EQ(format_age(5h), "5h");
    EXPECT_EQ(format_age(50h), "2d");
}

TEST(Quantities, ShowsSizesAndCpus) {
    EXPECT_EQ(format_size(512ULL << 20), "512M");
    EXPECT_EQ(format_size(1536ULL << 20), "1.5G");
    EXPECT_EQ(format_size(100), "100");
    EXPECT_EQ(format_size(64ULL << 40), "64T");
    EXPECT_EQ(format_cpus(2000), "2");
    EXPECT_EQ(format_cpus(500), "0.5");
    EXPECT_EQ(format_cpus(25), "0.025");
}

}  // namespace
}  // namespace mc::cli

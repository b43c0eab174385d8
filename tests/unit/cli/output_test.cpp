#include "cli/core/output.hpp"

#include <gtest/gtest.h>

namespace mc::cli {
namespace {

TEST(Csv, QuotesWhatRfc4180SaysAndNothingElse) {
    const Json rows = Json::array({{{"a", "plain"}, {"b", 1.5}},
                                   {{"a", "with \"quotes\", and commas"}, {"b", nullptr}},
                                   {{"a", "two\nlines\x1b"}, {"c", "not a column"}}});
    EXPECT_EQ(csv(rows, {"a", "b"}), "a,b\r\nplain,1.5\r\n\"with \"\"quotes\"\", and commas\",\r\ntwo?lines?,\r\n");
}

TEST(Csv, HasTheTitlesOfAnEmptyListing) {
    EXPECT_EQ(csv(Json::array(), {"a", "b"}), "a,b\r\n");
}

TEST(Csv, HasObjectsAsJsonInTheirCell) {
    EXPECT_EQ(csv(Json{{"labels", {{"k", "v"}}}}, {"labels"}), "labels\r\n\"{\"\"k\"\":\"\"v\"\"}\"\r\n");
}

// YAML 1.1 readers take these for booleans, numbers, times, nothing or structure.
TEST(Yaml, QuotesStringsThatAreNone) {
    for (const std::string text : {"no", "On", "y", "null", "~", "", "1", "1e3", "0x1f", "12:30", "2026-11-26", "a: b",
                                   "- x", "{", "two\nlines", "#", "True", ".inf"}) {
        const auto out = yaml(Json{{"k", text}});
        EXPECT_TRUE(out.starts_with("k: \"")) << out;
    }
    EXPECT_EQ(yaml(Json{{"k", "node-a"}}), "k: node-a\n");
}

TEST(Yaml, KeepsNumbersFlagsAndNothing) {
    EXPECT_EQ(yaml(Json{{"a", 1.0}, {"b", true}, {"c", nullptr}, {"d", Json::array()}, {"e", Json::object()}}),
              "a: 1.0\nb: true\nc: ~\nd: []\ne: {}\n");
}

TEST(Names, SayTheOwnerWhereThereAreSeveral) {
    EXPECT_EQ(names(Json::array({{{"name", "a"}, {"owner", "ada"}}, {{"name", "b"}, {"owner", "ada"}}})), "a\nb\n");
    EXPECT_EQ(names(Json::array({{{"name", "a"}, {"owner", "ada"}}, {{"name", "a"}, {"owner", "bob"}}})),
              "ada/a\nbob/a\n");
}

TEST(Names, LeaveOutWhatFailed) {
    EXPECT_EQ(names(Json::array({{{"name", "a"}, {"status", "failed"}}, {{"name", "b"}, {"status", "stopped"}}})),
              "b\n");
}

TEST(Names, CannotMoveTheCursor) {
    EXPECT_EQ(names(Json{{"name", "a\x1b[2J"}}), "a?[2J\n");
}

TEST(RenderedError, IsAnObjectForProgramsOnly) {
    const Error error{ErrorCode::not_found, "gone"};
    EXPECT_EQ(rendered_error(error, ExitCode::not_found, OutputFormat::csv), "mccli: gone\n");
    EXPECT_EQ(rendered_error(error, ExitCode::not_found, OutputFormat::yaml),
              "error:\n  code: not_found\n  message: gone\n  exit_code: 4\n");
}

TEST(OutputFormat, IsKnownByItsNameOnly) {
    EXPECT_EQ(output_format_of("csv"), OutputFormat::csv);
    EXPECT_EQ(output_format_of("CSV"), std::nullopt);
    EXPECT_EQ(output_format_of(""), std::nullopt);
}

}  // namespace
}  // namespace mc::cli

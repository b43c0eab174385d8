#include "cli/core/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/core/endpoints.hpp"
#include "cli/core/exit_code.hpp"
#include "cli/core/progress_line.hpp"
#include "cli/core/suggest.hpp"
#include "cli/core/table.hpp"

namespace mc::cli {
namespace {

using testing::ElementsAre;

TEST(Text, CountsAndCutsByCodePoints) {
    EXPECT_EQ(columns_of("größe"), 5U);
    EXPECT_EQ(shortened("größe", 5), "größe");
    EXPECT_EQ(shortened("größer", 4), "grö…");
    EXPECT_EQ(shortened("x", 0), "");
}

TEST(Text, MakesWhatOthersSayHarmless) {
    EXPECT_EQ(printable("a\x1b[31mb\r\n"), "a?[31mb??");
    EXPECT_EQ(printable("\xC2\x9B"
                        "31m"),
              "?31m");
    EXPECT_EQ(printable("größe …"), "größe …");
}

TEST(Text, QuotesForTheShellOnlyWhereNeeded) {
    EXPECT_EQ(shell_quoted("vm-1"), "vm-1");
    EXPECT_EQ(shell_quoted("a b"), "'a b'");
    EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
    EXPECT_EQ(shell_quoted(""), "''");
}

TEST(Text, WrapsAtSpaces) {
    EXPECT_THAT(wrap("aa bb cc", 5), ElementsAre("aa bb", "cc"));
    EXPECT_THAT(wrap("longword x", 4), ElementsAre("longword", "x"));
    EXPECT_THAT(paragraphs("a\n\nb c"), ElementsAre("a", "b c"));
}

const std::vector<Column> columns{{"NAME", false, 10}, {"N", true, 1}, {"WHY", false, 5, 6}};
const std::vector<std::vector<Cell>> rows{{{"vm-1"}, {"7"}, {"because of this"}}, {{"a-long-name"}, {"12"}, {""}}};

TEST(Table, AlignsAndLeavesNoTrailingSpaces) {
    EXPECT_EQ(layout_table(columns, rows, {}),
              "NAME          N  WHY\n"
              "vm-1          7  because of this\n"
              "a-long-name  12\n");
}

TEST(Table, ShortensBeforeItLeavesOut) {
    EXPECT_EQ(layout_table(columns, rows, {25, false}),
              "NAME          N  WHY\n"
              "vm-1          7  because…\n"
              "a-long-name  12\n");
    EXPECT_EQ(layout_table(columns, rows, {21, false}),
              "NAME         WHY\n"
              "vm-1         because…\n"
              "a-long-name\n");
}

TEST(Table, NeverCutsAName) {
    EXPECT_EQ(layout_table(columns, rows, {5, false}), "NAME\nvm-1\na-long-name\n");
}

TEST(Table, ColoursOnlyWhenAsked) {
    const std::vector<std::vector<Cell>> one{{{"vm-1"}, {"1"}, {"ok", Colour::green}}};
    EXPECT_EQ(layout_table(columns, one, {}).find('\x1b'), std::string::npos);
    EXPECT_NE(layout_table(columns, one, {0, true}).find("\x1b[32mok\x1b[0m"), std::string::npos);
}

TEST(Suggest, FindsTheNearest) {
    const std::vector<std::string> words{"create", "delete", "list"};
    EXPECT_EQ(nearest("craete", words), "create");
    EXPECT_EQ(nearest("lits", words), "list");
    EXPECT_EQ(nearest("elephant", words), std::nullopt);
    EXPECT_EQ(nearest(std::string(1000, 'x'), words), std::nullopt);
}

TEST(Suggest, DoesNotTakeOneNumberForAnother) {
    const std::vector<std::string> names{"vm-1", "web"};
    EXPECT_EQ(nearest_vm("vm-3", names), std::nullopt);
    EXPECT_EQ(nearest_vm("wb", names), "web");
    EXPECT_EQ(nearest_vm("mv-1", names), "vm-1");
}

// Goal: a token leads to the broker from where it is used, or is not made.
TEST(Endpoints, OfATokenAreWhereOthersReachTheBroker) {
    EXPECT_EQ(token_endpoint("", "tcp://10.0.0.1:7710", "ipc:///run/mc"), "tcp://10.0.0.1:7710");
    EXPECT_EQ(token_endpoint("", "tcp://*:7710", "tcp://cloud.lan:7710"), "tcp://cloud.lan:7710");
    EXPECT_EQ(token_endpoint("cloud.lan:7710", "tcp://*:7710", "ipc:///run/mc"), "tcp://cloud.lan:7710");
    EXPECT_EQ(token_endpoint("tcp://[fd00::1]:7710", "ipc:///run/mc", "ipc:///run/mc"), "tcp://[fd00::1]:7710");
    EXPECT_EQ(token_endpoint("", "tcp://0.0.0.0:7710", "tcp://127.0.0.1:7710").error().code, ErrorCode::wrong_state);
    EXPECT_EQ(token_endpoint("", "tcp://*:7710", "ipc:///run/mc").error().code, ErrorCode::wrong_state);
    EXPECT_EQ(token_endpoint("", "ipc:///run/mc", "ipc:///run/mc").error().code, ErrorCode::wrong_state);
    const std::string long_host(limits::endpoint_bytes_max, 'a');
    for (const std::string bad : {"cloud.lan", "tcp://cloud.lan:", "tcp://cloud.lan:0", "tcp://cloud.lan:65536",
                                  "tcp://*:7710", "ipc:///run/mc", "tcp://:7710"}) {
        EXPECT_EQ(token_endpoint(bad, "tcp://*:7710", "tcp://a:1").error().code, ErrorCode::invalid_argument) << bad;
    }
    EXPECT_FALSE(token_endpoint(long_host + ":1", "tcp://*:7710", "tcp://a:1"));
}

TEST(ProgressLine, ShowsTheStageAfterAMoment) {
    ProgressLine line("creating web", Instant{0ms});
    EXPECT_EQ(line.text(Instant{200ms}, 80), "");
    EXPECT_EQ(line.text(Instant{300ms}, 80), "⠸ creating web");
    line.on_progress({"accepted", "", 0, ""});
    EXPECT_EQ(line.text(Instant{300ms}, 80), "⠸ creating web: placing");
    line.on_progress({"pulling", "layer 3 of 7", 43, "web"});
    EXPECT_EQ(line.text(Instant{2500ms}, 80), "⠴ creating web: pulling the image 43 % (2s)");
    EXPECT_EQ(columns_of(line.text(Instant{2500ms}, 20)), 20U);
}

TEST(ProgressLine, CountsTheVmsOfABatchByStage) {
    ProgressLine line("creating 3 VMs", Instant{0ms});
    line.on_progress({"accepted", "", 0, ""});
    line.on_progress({"waiting", "", 0, "vm-1"});
    line.on_progress({"waiting", "", 0, "vm-2"});
    line.on_progress({"starting", "", 0, "vm-3"});
    EXPECT_EQ(line.text(Instant{1000ms}, 80), "⠋ creating 3 VMs: 1 starting, 2 waiting for sshd");
}

TEST(ExitCodes, AreAsDocumented) {
    EXPECT_EQ(exit_code_for(ErrorCode::usage), ExitCode::usage);
    EXPECT_EQ(exit_code_for(ErrorCode::invalid_argument), ExitCode::usage);
    EXPECT_EQ(exit_code_for(ErrorCode::broker_unreachable), ExitCode::broker_unreachable);
    EXPECT_EQ(exit_code_for(ErrorCode::not_found), ExitCode::not_found);
    EXPECT_EQ(exit_code_for(ErrorCode::deadline_exceeded), ExitCode::timed_out);
    EXPECT_EQ(exit_code_for(ErrorCode::no_capacity), ExitCode::no_capacity);
    EXPECT_EQ(exit_code_for(ErrorCode::no_node), ExitCode::no_capacity);
    EXPECT_EQ(exit_code_for(ErrorCode::quota_exceeded), ExitCode::no_capacity);
    EXPECT_EQ(exit_code_for(ErrorCode::already_exists), ExitCode::failed);
}

}  // namespace
}  // namespace mc::cli

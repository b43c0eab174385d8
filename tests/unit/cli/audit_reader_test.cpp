#include "cli/core/audit_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/core/key_commands.hpp"

namespace mc::cli {
namespace {

using protocol::AuditEntry;
using testing::HasSubstr;

/// A broker's log, with pages of at most `page_max`.
struct Log {
    std::vector<AuditEntry> entries;
    std::size_t page_max = 3;
    int pages = 0;

    explicit Log(std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) append("create", "ada/web", "");
    }

    void append(std::string action, std::string target, std::string detail) {
        AuditEntry entry;
        entry.seq = entries.empty() ? 1 : entries.back().seq + 1;
        entry.name = "ada";
        entry.action = std::move(action);
        entry.target = std::move(target);
        entry.detail = std::move(detail);
        entry.previous = entries.empty() ? "" : entries.back().hash;
        entry.hash = protocol::audit_hash(entry);
        entries.push_back(std::move(entry));
    }

    /// As the broker makes room: the first `count` go, and an entry tells so.
    void cut(std::size_t count) {
        const AuditEntry gone = entries[count - 1];
        append(protocol::audit_cut, std::to_string(gone.seq), gone.hash);
        entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(count));
    }

    protocol::AuditReply page(const protocol::AuditRequest& request) {
        ++pages;
        protocol::AuditReply reply;
        if (entries.empty()) return reply;
        reply.first_kept = entries.front().seq;
        reply.last = entries.back().seq;
        for (const auto& entry : entries) {
            if (entry.seq <= request.after || reply.entries.size() >= std::min<std::size_t>(request.limit, page_max)) {
                continue;
            }
            reply.entries.push_back(entry);
        }
        return reply;
    }
};

std::vector<std::uint64_t> numbers(Log& log, AuditRange range) {
    AuditReader reader(range);
    while (const auto request = reader.next()) EXPECT_TRUE(reader.on_page(log.page(*request)));
    std::vector<std::uint64_t> out;
    for (const auto& entry : reader.entries()) out.push_back(entry.seq);
    return out;
}

std::string fault(Log log, std::string noted = "") {
    AuditCheck check(std::move(noted));
    while (const auto request = check.next()) {
        if (auto taken = check.on_page(log.page(*request)); !taken) return taken.error().message;
    }
    return check.fault().value_or("");
}

using Numbers = std::vector<std::uint64_t>;

TEST(AuditReader, GivesTheLastEntriesOrThoseAfterANumber) {
    Log log(8);
    EXPECT_EQ(numbers(log, {std::nullopt, 5}), (Numbers{4, 5, 6, 7, 8}));
    EXPECT_EQ(numbers(log, {std::nullopt, 50}), (Numbers{1, 2, 3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(numbers(log, {6, 0}), (Numbers{7, 8}));
    EXPECT_EQ(numbers(log, {2, 4}), (Numbers{3, 4, 5, 6}));
    EXPECT_EQ(numbers(log, {8, 0}), Numbers{});
    EXPECT_EQ(numbers(log, {99, 2}), Numbers{});
    Log empty(0);
    EXPECT_EQ(numbers(empty, {std::nullopt, 5}), Numbers{});
    EXPECT_EQ(numbers(empty, {0, 0}), Numbers{});
}

TEST(AuditReader, SaysWhichEntriesAreNoLongerKept) {
    Log log(8);
    log.cut(4);
    AuditReader reader({2, 0});
    while (const auto request = reader.next()) ASSERT_TRUE(reader.on_page(log.page(*request)));
    EXPECT_EQ(reader.entries().size(), 5U);
    ASSERT_TRUE(reader.gone());
    EXPECT_EQ(*reader.gone(), (std::pair<std::uint64_t, std::uint64_t>{3, 4}));
}

// A page that does not lead on would be asked for again and again.
TEST(AuditReader, RefusesPagesThatDoNotLeadOn) {
    Log log(8);
    AuditReader reader({4, 0});
    EXPECT_EQ(reader.on_page(log.page({2, 3})).error().code, ErrorCode::internal);
    EXPECT_EQ(reader.on_page({{}, 1, 8}).error().code, ErrorCode::internal);
    auto back = log.page({4, 3});
    std::swap(back.entries.front(), back.entries.back());
    EXPECT_EQ(reader.on_page(back).error().code, ErrorCode::internal);
    AuditCheck check("");
    EXPECT_EQ(check.on_page({{}, 1, 8}).error().code, ErrorCode::internal);
}

// Goal: whatever is changed in the log, the check says so and where. Spec: ADR 17.
TEST(AuditCheck, FindsEveryChange) {
    EXPECT_EQ(fault(Log(8)), "");
    EXPECT_EQ(fault(Log(0)), "");
    Log changed(8);
    changed.entries[4].target = "bob/web";
    EXPECT_THAT(fault(changed), HasSubstr("entry 5 was changed"));
    Log made_anew = changed;
    made_anew.entries[4].hash = protocol::audit_hash(made_anew.entries[4]);
    EXPECT_THAT(fault(made_anew), HasSubstr("entry 6 does not follow the entry before it"));
    Log taken_out(8);
    taken_out.entries.erase(taken_out.entries.begin() + 4);
    EXPECT_THAT(fault(taken_out), HasSubstr("between entries 4 and 6 some are missing"));
    Log without_start(8);
    without_start.entries.erase(without_start.entries.begin());
    EXPECT_THAT(fault(without_start), HasSubstr("begins with entry 2"));
}

TEST(AuditCheck, TakesACutThatTheLogTells) {
    Log log(8);
    log.cut(3);
    EXPECT_EQ(fault(log), "");
    log.entries.back().detail = "another";
    EXPECT_NE(fault(log), "");
}

// Taking entries from the end, or making the chain anew, is seen by who noted a hash.
TEST(AuditCheck, LooksForTheHashThatWasNoted) {
    Log log(8);
    const std::string noted = log.entries[6].hash;
    EXPECT_EQ(fault(log, noted), "");
    Log shorter = log;
    shorter.entries.resize(6);
    EXPECT_EQ(fault(shorter), "");
    EXPECT_THAT(fault(shorter, noted), HasSubstr("no entry of the audit log has the hash that was noted"));
    Log cut = log;
    cut.cut(7);
    EXPECT_EQ(fault(cut, noted), "") << "it is the one before the first that is kept";
    EXPECT_THAT(fault(cut, log.entries[2].hash), HasSubstr("noted before entry 8"));
}

// Goal: old entries that go while the log is read are no fault of the log's.
TEST(AuditCheck, BeginsAnewWhenTheLogIsCutMeanwhile) {
    Log log(8);
    AuditCheck check("");
    ASSERT_TRUE(check.on_page(log.page(*check.next())));
    log.cut(6);
    while (const auto request = check.next()) ASSERT_TRUE(check.on_page(log.page(*request)));
    EXPECT_FALSE(check.fault());
    EXPECT_EQ(check.first(), 7U);
    EXPECT_EQ(check.last().seq, 9U);
    EXPECT_EQ(check.count(), 3U);
}

TEST(AuditCheck, GivesUpOnALogThatIsCutEachTime) {
    AuditCheck check("");
    Result<void> taken;
    int pages = 0;
    for (Log log(12); taken && check.next() && pages < 100; ++pages) {
        taken = check.on_page(log.page(*check.next()));
        for (int i = 0; i < 8; ++i) log.append("create", "ada/web", "");
        log.cut(8);
    }
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, ErrorCode::busy);
}

TEST(AuditCommand, IsCheckedBeforeAnythingIsAsked) {
    const auto read = [](Settings::Values values) { return read_audit(Settings(std::move(values))); };
    EXPECT_EQ(read({})->range.limit, 50U);
    EXPECT_EQ(read({{"since", {"0"}}})->range.limit, 0U);
    EXPECT_EQ(read({{"since", {"0"}}})->range.since, 0U);
    EXPECT_EQ(read({{"limit", {"3"}}})->range.limit, 3U);
    EXPECT_TRUE(read({{"noted", {std::string(64, 'a')}}})->verify);
    EXPECT_EQ(read({{"limit", {"0"}}}).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read({{"noted", {std::string(63, 'a')}}}).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read({{"verify", {"true"}}, {"limit", {"3"}}}).error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace mc::cli

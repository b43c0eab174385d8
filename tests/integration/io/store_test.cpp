#include "io/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <tuple>
#include <vector>

#include "support.hpp"

namespace mc::io {
namespace {

using test::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Row = std::tuple<int, std::string, std::string>;

std::vector<Row> all_of(Store& store) {
    std::vector<Row> rows;
    EXPECT_TRUE(store.load([&](std::uint8_t table, std::string_view key, std::string_view value) {
        rows.emplace_back(table, key, value);
    }));
    return rows;
}

void put(Store& store, std::uint8_t table, const std::string& key, const std::string& value) {
    const std::vector<StoreChange> changes{{table, key, value}};
    const auto done = store.commit(changes);
    ASSERT_TRUE(done) << done.error().message;
}

TEST(Store, KeepsWhatWasCommittedInOrderOfTableAndKey) {
    TempDir dir;
    const std::string zero_key("a\0b", 3);
    const std::string bytes("\0\xff\x80", 3);
    {
        auto store = Store::open(dir / "db");
        ASSERT_TRUE(store) << store.error().message;
        EXPECT_THAT(all_of(*store), IsEmpty());
        const std::vector<StoreChange> changes{
            {2, "x", "1"}, {1, "\xff", "high"}, {1, "", "empty key"}, {1, zero_key, bytes}, {1, "b", ""},
        };
        ASSERT_TRUE(store->commit(changes));
    }
    auto store = Store::open(dir / "db");
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_THAT(all_of(*store), ElementsAre(Row{1, "", "empty key"}, Row{1, zero_key, bytes}, Row{1, "b", ""},
                                            Row{1, "\xff", "high"}, Row{2, "x", "1"}));
    struct stat status {};
    ASSERT_EQ(::stat((dir / "db").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

// Goal: password hashes in a copy that was put back as it was copied are not everybody's to read. Issue 4.
TEST(Store, IsHiddenFromOthersAlsoWhenItWasNot) {
    TempDir dir;
    {
        auto store = Store::open(dir / "db");
        ASSERT_TRUE(store) << store.error().message;
        ASSERT_TRUE(store->commit(std::vector<StoreChange>{{1, "a", "b"}}));
    }
    ASSERT_EQ(::chmod((dir / "db").c_str(), 0644), 0);
    ASSERT_TRUE(Store::open(dir / "db"));
    struct stat status {};
    ASSERT_EQ(::stat((dir / "db").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

// Put back by root, as root's.
TEST(Store, ThatCantBeHiddenTellsWhatToDo) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can have a file that this process may not hide";
    constexpr uid_t nobody = 65534;
    TempDir dir;
    ASSERT_TRUE(Store::open(dir / "db"));
    ASSERT_EQ(::chmod((dir / "db").c_str(), 0644), 0);
    ASSERT_EQ(::chmod((dir / ".").c_str(), 0755), 0);
    ASSERT_EQ(::seteuid(nobody), 0);
    const auto store = Store::open(dir / "db");
    ASSERT_EQ(::seteuid(0), 0);
    ASSERT_FALSE(store);
    const std::string name = (dir / "db").string();
    EXPECT_THAT(store.error().message, HasSubstr("chown 65534 " + name + "; chmod 600 " + name));
}

TEST(Store, ReplacesAndRemovesInTheOrderGiven) {
    TempDir dir;
    auto store = Store::open(dir / "db");
    ASSERT_TRUE(store);
    const std::vector<StoreChange> changes{
        {1, "a", "1"}, {1, "a", "2"}, {1, "b", "1"}, {1, "b", std::nullopt}, {1, "gone", std::nullopt}};
    ASSERT_TRUE(store->commit(changes));
    ASSERT_TRUE(store->commit({}));
    EXPECT_THAT(all_of(*store), ElementsAre(Row{1, "a", "2"}));
}

TEST(Store, AcknowledgedCommitsOutliveKill) {
    TempDir dir;
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto store = Store::open(dir / "db");
        for (int i = 0; store; ++i) {
            const std::vector<StoreChange> changes{{1, std::to_string(i), "v"}, {2, std::to_string(i), "v"}};
            if (!store->commit(changes)) break;
            if (::write(ready[1], "x", 1) != 1) break;
        }
        ::_exit(1);
    }
    ::close(ready[1]);
    std::size_t acknowledged = 0;
    char c = 0;
    while (acknowledged < 50 && ::read(ready[0], &c, 1) == 1) ++acknowledged;
    ::kill(child, SIGKILL);
    while (::read(ready[0], &c, 1) == 1) ++acknowledged;
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);

    auto store = Store::open(dir / "db");
    ASSERT_TRUE(store) << store.error().message;
    const auto rows = all_of(*store);
    ASSERT_GE(acknowledged, 50U);
    EXPECT_GE(rows.size(), 2 * acknowledged);
    EXPECT_EQ(rows.size() % 2, 0U) << "half of a commit is there";
}

TEST(Store, RefusesASecondProcess) {
    TempDir dir;
    auto store = Store::open(dir / "db");
    ASSERT_TRUE(store);
    put(*store, 1, "k", "v");
    int words[2];
    ASSERT_EQ(::pipe(words), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const auto second = Store::open(dir / "db");
        const std::string said = second ? "opened" : second.error().message;
        ::_exit(::write(words[1], said.data(), said.size()) > 0 ? 0 : 1);
    }
    ::close(words[1]);
    const std::string said = test::read_until(words[0], "\n");
    ::waitpid(child, nullptr, 0);
    ::close(words[0]);
    EXPECT_THAT(said, HasSubstr("in use by another process"));
    EXPECT_THAT(said, HasSubstr((dir / "db").string()));
    put(*store, 1, "k2", "v");  // ours is not hurt
}

TEST(Store, RefusesANewerVersionsFile) {
    TempDir dir;
    { ASSERT_TRUE(Store::open(dir / "db")); }
    {
        SQLite::Database db((dir / "db").string(), SQLite::OPEN_READWRITE);
        db.exec("PRAGMA user_version=2");
    }
    const auto store = Store::open(dir / "db");
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, ErrorCode::store_failed);
    EXPECT_THAT(store.error().message, HasSubstr("newer version"));
}

TEST(Store, SaysThatAFileIsDamaged) {
    TempDir dir;
    std::ofstream(dir / "db") << std::string(8192, 'x');
    const auto foreign = Store::open(dir / "db");
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().code, ErrorCode::store_failed);
    EXPECT_THAT(foreign.error().message, HasSubstr("damaged"));

    {
        auto store = Store::open(dir / "torn");
        ASSERT_TRUE(store);
        for (int i = 0; i < 50; ++i) put(*store, 1, std::to_string(i), std::string(1000, 'v'));
    }
    {
        std::fstream file(dir / "torn", std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(3 * 4096);
        file << std::string(3 * 4096, '\x55');
    }
    const auto torn = Store::open(dir / "torn");
    ASSERT_FALSE(torn);
    EXPECT_THAT(torn.error().message, HasSubstr("damaged"));
}

TEST(Store, SaysThatThereIsNoPlace) {
    const auto store = Store::open("/nowhere/at/all/db");
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, ErrorCode::store_failed);
    EXPECT_THAT(store.error().message, HasSubstr("/nowhere/at/all/db"));
    TempDir dir;
    EXPECT_FALSE(Store::open(dir.path()));
}

TEST(Store, FailedCommitLeavesNothingAndTheNextOneWorks) {
    TempDir dir;
    auto store = Store::open(dir / "db");
    ASSERT_TRUE(store);
    put(*store, 1, "before", "v");
    // A value over SQLite's limit of 1,000,000,000 bytes can't be bound; the row before it must go too.
    std::vector<StoreChange> changes{{1, "half", "v"}, {1, "huge", std::string(1'000'000'001, 'x')}};
    const auto done = store->commit(changes);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::store_failed);
    put(*store, 1, "after", "v");
    EXPECT_THAT(all_of(*store), ElementsAre(Row{1, "after", "v"}, Row{1, "before", "v"}));
}

}  // namespace
}  // namespace mc::io

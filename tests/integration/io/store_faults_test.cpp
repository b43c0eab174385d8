// The store on a disk that is full, torn or broken.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <map>
#include <vector>

#include "io/store.hpp"
#include "support.hpp"

namespace mc::io {
namespace {

using test::TempDir;
using ::testing::HasSubstr;
using Rows = std::map<std::string, std::string>;

Rows rows_of(Store& store) {
    Rows rows;
    const auto read = store.load([&](std::uint8_t, std::string_view key, std::string_view value) {
        rows[std::string(key)] = std::string(value);
    });
    EXPECT_TRUE(read) << read.error().message;
    return rows;
}

/// Commit number `i`: a counter that changes and two rows that come together.
std::vector<StoreChange> changes_of(int i) {
    const std::string n = std::to_string(i);
    return {{1, "counter", n}, {1, "left" + n, std::string(700, 'l')}, {1, "right" + n, std::string(700, 'r')}};
}

/// The number of whole commits that `rows` is; -1 when it is a part of one.
int commits_in(const Rows& rows) {
    const auto counter = rows.find("counter");
    const int n = counter == rows.end() ? 0 : std::stoi(counter->second);
    if (rows.size() != (n == 0 ? 0U : 1U + 2U * static_cast<unsigned>(n))) return -1;
    for (int i = 1; i <= n; ++i) {
        if (!rows.contains("left" + std::to_string(i)) || !rows.contains("right" + std::to_string(i))) return -1;
    }
    return n;
}

std::string contents_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::filesystem::path& file, const std::string& contents) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << contents;
}

/// No file of this process may grow over `bytes` while it lives. Writes then fail with EFBIG; a disk
/// that is really full is in tests/e2e/test_store.py.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

private:
    rlimit before_{};
};

// Goal: refuses, says why, loses nothing, and works again when there is room.
TEST(StoreFaults, AWriteThatFailsIsRefusedAndLaterOnesWorkAgain) {
    TempDir dir;
    auto store = Store::open(dir / "db");
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->commit(changes_of(1)));
    {
        const FileSizeLimit full(64 * 1024);
        int i = 2;
        Result<void> done;
        for (; i < 100 && done; ++i) done = store->commit(changes_of(i));
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, ErrorCode::store_failed);
        EXPECT_THAT(done.error().message, HasSubstr((dir / "db").string()));
        EXPECT_EQ(commits_in(rows_of(*store)), i - 2) << "what was acknowledged, and nothing of what was not";
        EXPECT_FALSE(store->commit(changes_of(i)));
        const std::vector<StoreChange> next = changes_of(i - 1);
        EXPECT_FALSE(store->commit(next)) << "again";
    }
    const int n = commits_in(rows_of(*store));
    ASSERT_TRUE(store->commit(changes_of(n + 1)));
    EXPECT_EQ(commits_in(rows_of(*store)), n + 1);
}

// Goal: whatever a power cut leaves of the log, the store is the state after some whole commits:
// all of those whose bytes are there, and no part of another.
TEST(StoreFaults, ATornLogIsAPrefixOfWholeCommits) {
    constexpr int commits = 6;
    TempDir dir;
    std::vector<std::size_t> log_bytes;  // after each commit
    std::string database;
    std::string log;
    {
        auto store = Store::open(dir / "db");
        ASSERT_TRUE(store);
        for (int i = 1; i <= commits; ++i) {
            ASSERT_TRUE(store->commit(changes_of(i)));
            log_bytes.push_back(std::filesystem::file_size(dir / "db-wal"));
        }
        database = contents_of(dir / "db");
        log = contents_of(dir / "db-wal");
    }
    const auto committed_within = [&](std::size_t bytes) {
        return static_cast<int>(std::count_if(log_bytes.begin(), log_bytes.end(), [&](auto b) { return b <= bytes; }));
    };
    constexpr std::size_t step = 331;  // no divisor of a page or a frame
    for (std::size_t cut = log_bytes[0]; cut < log.size(); cut += step) {
        for (const bool garbled : {false, true}) {
            const std::string torn =
                garbled ? log.substr(0, cut) + std::string(log.size() - cut, '\x5a') : log.substr(0, cut);
            const auto place = dir / ("torn" + std::to_string(cut) + (garbled ? "g" : "c"));
            write_file(place, database);
            write_file(place.string() + "-wal", torn);
            auto store = Store::open(place);
            ASSERT_TRUE(store) << cut << ": " << store.error().message;
            EXPECT_EQ(commits_in(rows_of(*store)), committed_within(cut)) << "log cut at " << cut;
            EXPECT_TRUE(store->commit(changes_of(committed_within(cut) + 1)));
        }
    }
}

TEST(StoreFaults, ALogWithoutItsDatabaseIsNotThrownAway) {
    TempDir dir;
    std::string log;
    {
        auto store = Store::open(dir / "db");
        ASSERT_TRUE(store);
        ASSERT_TRUE(store->commit(changes_of(1)));
        log = contents_of(dir / "db-wal");
    }
    for (const bool there : {false, true}) {
        std::filesystem::remove(dir / "db");
        if (there) write_file(dir / "db", "");
        write_file(dir / "db-wal", log);
        const auto store = Store::open(dir / "db");
        ASSERT_FALSE(store);
        EXPECT_THAT(store.error().message, HasSubstr("write-ahead log is there"));
        EXPECT_EQ(contents_of(dir / "db-wal"), log);
    }
}

TEST(StoreFaults, DamageIsFoundWhileItIsOpen) {
    TempDir dir;
    {
        auto store = Store::open(dir / "db");
        ASSERT_TRUE(store);
        // Several times what SQLite keeps in memory, so that it has to read.
        std::vector<StoreChange> changes;
        for (int i = 0; i < 5000; ++i) changes.push_back({1, std::to_string(i), std::string(2000, 'v')});
        ASSERT_TRUE(store->commit(changes));
    }
    auto store = Store::open(dir / "db");
    ASSERT_TRUE(store);
    {
        std::fstream file(dir / "db", std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(4096);
        file << std::string(std::filesystem::file_size(dir / "db") - 4096, '\x55');
    }
    for (int time = 0; time < 2; ++time) {  // a new connection does not mend it
        const auto read = store->load([](std::uint8_t, std::string_view, std::string_view) {});
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().code, ErrorCode::store_failed);
        EXPECT_THAT(read.error().message, HasSubstr("damaged"));
    }
}

}  // namespace
}  // namespace mc::io

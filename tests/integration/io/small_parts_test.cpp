#include <crypt.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <set>

#include "io/clock.hpp"
#include "io/disk_space.hpp"
#include "io/files.hpp"
#include "io/log.hpp"
#include "io/password.hpp"
#include "io/poller.hpp"
#include "io/random.hpp"
#include "io/signals.hpp"
#include "io/tar.hpp"
#include "support.hpp"

namespace mc::io {
namespace {

using test::environment_of;
using test::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

unsigned mode_of(const std::filesystem::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 0777U;
}

TEST(Clock, RunsForward) {
    const Now a = read_clock();
    const Now b = read_clock();
    EXPECT_LE(a.instant, b.instant);
    EXPECT_GT(a.instant.since_boot.count(), 0);
    EXPECT_GT(a.wall.unix_ms, 1'700'000'000'000);
}

TEST(DiskSpace, IsThatOfADirectoryAndOfNothingElse) {
    const TempDir dir;
    const auto disk = disk_space(dir.path());
    EXPECT_GT(disk.bytes, 0U);
    EXPECT_LE(disk.free_bytes, disk.bytes);
    std::ofstream(dir.path() / "file") << "x";
    EXPECT_EQ(disk_space(dir.path() / "file"), mc::DiskSpace());
    EXPECT_EQ(disk_space(dir.path() / "absent"), mc::DiskSpace());
    EXPECT_EQ(disk_space("/proc").bytes, 0U) << "it has no size";
}

TEST(DiskSpace, IsLookedAtNowAndThenOnly) {
    const TempDir dir;
    const auto at = dir.path() / "data";
    DiskWatch watch;
    Instant now{100s};
    EXPECT_EQ(watch.look(now, at).bytes, 0U);
    std::filesystem::create_directory(at);
    EXPECT_EQ(watch.look(now + (DiskWatch::interval - 1ms), at).bytes, 0U);
    EXPECT_GT(watch.look(now + DiskWatch::interval, at).bytes, 0U);
    EXPECT_EQ(watch.look(now + DiskWatch::interval, dir.path() / "other").bytes, 0U) << "another one, at once";
}

TEST(Random, DoesNotRepeat) {
    std::set<std::uint64_t> numbers;
    for (int i = 0; i < 1000; ++i) numbers.insert(random_u64());
    EXPECT_EQ(numbers.size(), 1000U);
    EXPECT_EQ(random_bytes(1000).size(), 1000U);
    EXPECT_NE(random_bytes(16), random_bytes(16));
    EXPECT_EQ(random_bytes(0), "");
}

TEST(Signals, ComeThroughTheLoop) {
    auto signals = Signals::block({SIGUSR1, SIGWINCH});
    ASSERT_TRUE(signals) << signals.error().message;
    EXPECT_EQ(signals->next(), std::nullopt);
    Poller poller;
    std::vector<int> seen;
    poller.add_fd(signals->fd(), {}, [&](Readiness) {
        while (const auto number = signals->next()) seen.push_back(*number);
    });
    ASSERT_EQ(::kill(::getpid(), SIGUSR1), 0);
    EXPECT_TRUE(test::run_until(poller, [&] { return !seen.empty(); }));
    EXPECT_THAT(seen, ElementsAre(SIGUSR1));
    poller.remove_fd(signals->fd());
    signals->restore();
    sigset_t now;
    ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, nullptr, &now), 0);
    EXPECT_FALSE(sigismember(&now, SIGUSR1));
}

TEST(Password, IsRandomAndReadable) {
    std::set<std::string> passwords;
    std::set<char> letters;
    for (int i = 0; i < 200; ++i) {
        const std::string password = random_password();
        EXPECT_THAT(password, MatchesRegex("[A-HJ-NP-Za-km-z2-9]{16}"));
        passwords.insert(password);
        letters.insert(password.begin(), password.end());
    }
    EXPECT_EQ(passwords.size(), 200U);
    EXPECT_EQ(letters.size(), 56U);  // 3200 draws: that one of 56 letters is missing has odds of 1 in 10^23
    EXPECT_EQ(random_password(24).size(), 24U);
}

TEST(Password, HashIsWhatCryptChecks) {
    const auto hash = hash_password_sha512("correct horse");
    ASSERT_TRUE(hash) << hash.error().message;
    EXPECT_THAT(*hash, MatchesRegex("\\$6\\$[./0-9A-Za-z]{16}\\$[./0-9A-Za-z]{86}"));
    crypt_data data{};
    EXPECT_EQ(*hash, crypt_r("correct horse", hash->c_str(), &data));
    EXPECT_NE(*hash, crypt_r("wrong horse", hash->c_str(), &data));
    EXPECT_NE(*hash, *hash_password_sha512("correct horse")) << "the salt must differ";
}

TEST(Tar, RoundTrip) {
    const std::string binary("\0\1\2\xff", 4);
    const std::vector<TarEntry> entries{
        {"root/.ssh", 0700, "", true},
        {"root/.ssh/authorized_keys", 0600, "ssh-ed25519 AAAA me\n", false},
        {"empty", 0644, "", false},
        {"etc/minicloud/password-hash", 0600, binary + std::string(100'000, 'x'), false},
    };
    const auto packed = pack_tar(entries);
    ASSERT_TRUE(packed) << packed.error().message;
    EXPECT_EQ(*packed, *pack_tar(entries)) << "equal entries must give equal bytes";
    auto unpacked = unpack_tar(*packed, 1 << 20);
    ASSERT_TRUE(unpacked) << unpacked.error().message;
    ASSERT_EQ(unpacked->size(), entries.size());
    EXPECT_THAT(unpacked->front().path, ::testing::AnyOf("root/.ssh", "root/.ssh/"));
    unpacked->front().path = "root/.ssh";
    EXPECT_EQ(*unpacked, entries);
}

TEST(Tar, RefusesWhatItMust) {
    for (const char* bad : {"", "/etc/passwd", "../x", "a/../../x", ".."}) {
        const auto packed = pack_tar(std::vector<TarEntry>{{bad, 0644, "", false}});
        ASSERT_FALSE(packed) << bad;
        EXPECT_EQ(packed.error().code, ErrorCode::invalid_argument);
    }
    EXPECT_TRUE(pack_tar(std::vector<TarEntry>{{"a/..b/c..", 0644, "", false}}));

    const auto packed = pack_tar(std::vector<TarEntry>{{"a", 0644, std::string(1000, 'x'), false}});
    ASSERT_TRUE(packed);
    EXPECT_TRUE(unpack_tar(*packed, 1000));
    const auto over = unpack_tar(*packed, 999);
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().code, ErrorCode::too_large);
    const auto cut = unpack_tar(std::string_view(*packed).substr(0, 700), 1000);
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, ErrorCode::bad_message);
    const auto nonsense = unpack_tar("this is not a tar archive", 1000);
    ASSERT_FALSE(nonsense);
    EXPECT_EQ(nonsense.error().code, ErrorCode::bad_message);
}

TEST(Files, AtomicWriteReplacesWholeAndKeepsTheMode) {
    TempDir dir;
    ASSERT_TRUE(write_file_atomic(dir / "f", "one"));
    EXPECT_EQ(mode_of(dir / "f"), 0600U);
    ASSERT_TRUE(write_file_atomic(dir / "f", "two", 0644));
    EXPECT_EQ(mode_of(dir / "f"), 0644U);
    EXPECT_EQ(read_file(dir / "f", 3), "two");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1) << "a temporary file is left";
    const auto nowhere = write_file_atomic(dir / "no" / "f", "x");
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().code, ErrorCode::io_failed);
    ASSERT_FALSE(write_file_atomic(dir.path(), "x"));  // a directory is not replaced
}

TEST(Files, ReadHasALimit) {
    TempDir dir;
    ASSERT_TRUE(write_file_atomic(dir / "f", "12345"));
    EXPECT_TRUE(read_file(dir / "f", 5));
    EXPECT_EQ(read_file(dir / "f", 4).error().code, ErrorCode::too_large);
    EXPECT_EQ(read_file(dir / "none", 4).error().code, ErrorCode::not_found);
    EXPECT_EQ(read_file(dir.path(), 4).error().code, ErrorCode::io_failed);
}

TEST(Files, StateDirectoryFollowsTheRules) {
    EXPECT_EQ(state_dir(environment_of({{"STATE_DIRECTORY", "/var/lib/minicloud"}, {"HOME", "/home/a"}})),
              "/var/lib/minicloud");
    EXPECT_EQ(state_dir(environment_of({{"XDG_STATE_HOME", "/s"}, {"HOME", "/home/a"}})), "/s/minicloud");
    EXPECT_EQ(state_dir(environment_of({{"HOME", "/home/a"}})), "/home/a/.local/state/minicloud");
    EXPECT_EQ(config_dir(environment_of({{"HOME", "/home/a"}})), "/home/a/.config/minicloud");
    EXPECT_FALSE(home_dir(environment_of({})).empty());  // from the user database
}

TEST(Files, PrivateDirectoryIsPrivate) {
    TempDir dir;
    ASSERT_TRUE(make_private_dir(dir / "a" / "b"));
    EXPECT_EQ(mode_of(dir / "a" / "b"), 0700U);
    EXPECT_TRUE(make_private_dir(dir / "a" / "b"));
    ASSERT_EQ(::chmod((dir / "a" / "b").c_str(), 0777), 0);
    const auto open_to_all = make_private_dir(dir / "a" / "b");
    ASSERT_FALSE(open_to_all);
    EXPECT_EQ(open_to_all.error().code, ErrorCode::denied);
    EXPECT_THAT(open_to_all.error().message, HasSubstr("chmod"));
    ASSERT_TRUE(write_file_atomic(dir / "file", ""));
    EXPECT_FALSE(make_private_dir(dir / "file"));
    EXPECT_FALSE(make_private_dir(dir / "file" / "below"));
}

TEST(Files, LockNamesItsHolderAndIsLetGo) {
    TempDir dir;
    {
        const auto lock = LockFile::acquire(dir / "lock");
        ASSERT_TRUE(lock) << lock.error().message;
        const auto second = LockFile::acquire(dir / "lock");  // another descriptor, as another process has
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, ErrorCode::busy);
        EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(::getpid())));
    }
    EXPECT_TRUE(LockFile::acquire(dir / "lock"));
}

TEST(Log, WritesOneCleanLineToStderr) {
    EXPECT_EQ(parse_log_level("warn"), LogLevel::warn);
    const auto bad = parse_log_level("loud");
    ASSERT_FALSE(bad);
    EXPECT_THAT(bad.error().message, HasSubstr("trace, debug, info"));

    ::testing::internal::CaptureStderr();
    setup_log("mctest", LogLevel::info);
    log_debug("hidden");
    log_info("a peer said \x1b[31m\nred {}");
    EXPECT_TRUE(log_enabled(LogLevel::info));
    EXPECT_FALSE(log_enabled(LogLevel::debug));
    const std::string shown = ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(shown, MatchesRegex("[-0-9]+T[0-9:]+\\.[0-9]+Z info mctest a peer said \\?\\[31m\\?red \\{\\}\n"));
}

}  // namespace
}  // namespace mc::io

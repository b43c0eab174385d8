#include "io/shims.hpp"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "io/poller.hpp"
#include "support.hpp"

namespace mc::io {
namespace {

using test::TempDir;
using ::testing::IsEmpty;

constexpr const char* id = "5b0df2e059edea7abb77d15ab881a1d5e2871b582008bf6941d91f943bbbba93";

/// A process that looks like a shim to whoever reads its command line.
class FakeShim {
public:
    explicit FakeShim(const char* program = "/usr/bin/containerd-shim-runc-v2") {
        int ready[2];
        EXPECT_EQ(::pipe(ready), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(ready[1], STDOUT_FILENO);
            ::execl("/bin/sh", program, "-c", "echo; kill -STOP $$; :", "-namespace", "moby", "-id", id, nullptr);
            ::_exit(1);
        }
        ::close(ready[1]);
        char c = 0;
        EXPECT_EQ(::read(ready[0], &c, 1), 1);
        ::close(ready[0]);
    }
    ~FakeShim() {
        if (pid_ == 0) return;
        ::kill(pid_, SIGKILL);
        wait();
    }
    /// The signal that ended it.
    int wait() {
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    pid_t pid_ = 0;
};

std::vector<Shim> shims_of(pid_t pid) {
    auto found = find_shims();
    std::erase_if(found, [pid](const Shim& shim) { return shim.pid != pid; });
    return found;
}

TEST(Shims, AreFoundWithTheirContainerAndAge) {
    FakeShim process;
    const auto found = shims_of(process.pid());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].container, id);
    EXPECT_GE(found[0].age, -10ms);  // a clock of 1/100 s
    EXPECT_LT(found[0].age, 60s);
}

TEST(Shims, AreNoOtherPrograms) {
    FakeShim process("/usr/bin/somebody-elses");
    EXPECT_THAT(shims_of(process.pid()), IsEmpty());
}

TEST(Shims, AreEnded) {
    FakeShim process;
    const auto found = shims_of(process.pid());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(end_shim(found[0]));
    EXPECT_EQ(process.wait(), SIGKILL);
    EXPECT_TRUE(end_shim(found[0])) << "it has ended already";
}

TEST(Shims, OfAnEarlierProcessWithThatIdAreNotEnded) {
    FakeShim process;
    auto found = shims_of(process.pid());
    ASSERT_EQ(found.size(), 1U);
    found[0].start_ticks = "1";
    EXPECT_TRUE(end_shim(found[0]));
    EXPECT_EQ(shims_of(process.pid()).size(), 1U) << "it lives";
}

/// As containerd makes it, of a container whose shim has ended.
Shim with_bundle(const TempDir& dir) {
    Shim shim;
    shim.container = std::string(id).replace(0, 4, "dead");
    shim.bundle = dir / shim.container;
    std::filesystem::create_directories(shim.bundle / "rootfs");
    std::ofstream(shim.bundle / "config.json") << "{}";
    std::filesystem::create_symlink(dir / "elsewhere", shim.bundle / "work");
    std::ofstream(dir / "elsewhere") << "kept";
    struct stat status {};
    EXPECT_EQ(::stat(shim.bundle.c_str(), &status), 0);
    shim.bundle_inode = status.st_ino;
    return shim;
}

TEST(StaleBundle, IsRemovedOnce) {
    TempDir dir;
    const Shim shim = with_bundle(dir);
    EXPECT_EQ(remove_stale_bundle(shim).value(), true);
    EXPECT_FALSE(std::filesystem::exists(shim.bundle));
    EXPECT_TRUE(std::filesystem::exists(dir / "elsewhere"));
    EXPECT_EQ(remove_stale_bundle(shim).value(), false);
}

TEST(StaleBundle, OfALaterStartStays) {
    TempDir dir;
    Shim shim = with_bundle(dir);
    ++shim.bundle_inode;
    EXPECT_EQ(remove_stale_bundle(shim).value(), false);
    EXPECT_TRUE(std::filesystem::exists(shim.bundle));
}

TEST(StaleBundle, IsNoOtherDirectory) {
    TempDir dir;
    Shim shim = with_bundle(dir);
    shim.container = id;
    EXPECT_EQ(remove_stale_bundle(shim).value(), false);
    EXPECT_TRUE(std::filesystem::exists(shim.bundle));
}

TEST(StaleBundle, StaysWhileAShimOfThatContainerRuns) {
    TempDir dir;
    Shim shim = with_bundle(dir);
    std::filesystem::rename(shim.bundle, dir / id);
    shim.bundle = dir / id;
    shim.container = id;
    FakeShim process;
    const auto removed = remove_stale_bundle(shim);
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, ErrorCode::busy);
    EXPECT_TRUE(std::filesystem::exists(shim.bundle));
}

TEST(StaleBundle, StaysWhileARootIsMountedThere) {
    TempDir dir;
    const Shim shim = with_bundle(dir);
    const auto root = shim.bundle / "rootfs";
    if (::mount("none", root.c_str(), "tmpfs", 0, nullptr) != 0) GTEST_SKIP() << "mounting needs root";
    const auto removed = remove_stale_bundle(shim);
    EXPECT_EQ(::umount(root.c_str()), 0);
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, ErrorCode::busy);
    EXPECT_TRUE(std::filesystem::exists(shim.bundle / "config.json"));
}

// What /proc has is another system's text: names with anything in them, processes that have just ended.
TEST(Shims, AreReadFromWhateverIsThere) {
    TempDir proc;
    const auto put = [&](const std::string& pid, const std::string& command_line, const std::string& stat) {
        std::filesystem::create_directory(proc / pid);
        std::ofstream(proc / pid / "cmdline") << command_line;
        std::ofstream(proc / pid / "stat") << stat;
    };
    const std::string shim = std::string("/usr/bin/containerd-shim-runc-v2\0-id\0abc\0", 41);
    const std::string behind = " S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 4711 1 1";
    put("10", shim, "10 (a) b) (c)" + behind);
    put("11", shim, "11 (cut off) S 1 1");
    put("12", shim, "");
    put("13", std::string("/usr/bin/containerd-shim-runc-v2\0-id", 36), "13 (x)" + behind);
    put("14", "", "14 (zombie)" + behind);
    put("self", shim, "15 (x)" + behind);
    std::filesystem::create_directory(proc / "16");
    // To read it fails, as when a process ends in between.
    std::filesystem::create_directories(proc / "17" / "cmdline");
    std::filesystem::create_directories(proc / "18" / "stat");
    std::ofstream(proc / "18" / "cmdline") << shim;
    const auto found = find_shims(proc / ".");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].pid, 10);
    EXPECT_EQ(found[0].container, "abc");
    EXPECT_EQ(found[0].start_ticks, "4711");
    EXPECT_THAT(find_shims(proc / "none"), IsEmpty());
}

}  // namespace
}  // namespace mc::io

#include "io/shims.hpp"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "integration/io/fake_shim.hpp"
#include "io/poller.hpp"
#include "support.hpp"

namespace mc::io {
namespace {

using test::FakeShim;
using test::TempDir;
using ::testing::IsEmpty;

const std::string& id = FakeShim::id;

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
    FakeShim process("somebody-elses");
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
Shim with_bundle(const TempDir& dir, const std::string& container = "ended-" + id) {
    Shim shim;
    shim.container = container;
    shim.bundle = dir / "io.containerd.runtime.v2.task" / "moby" / container;
    std::filesystem::create_directories(shim.bundle / "rootfs");
    std::ofstream(shim.bundle / "config.json") << "{}";
    std::filesystem::create_symlink(dir / "elsewhere", shim.bundle / "work");
    std::ofstream(dir / "elsewhere") << "kept";
    struct stat status {};
    EXPECT_EQ(::stat(shim.bundle.c_str(), &status), 0);
    shim.bundle_place = Place{status.st_dev, status.st_ino};
    return shim;
}

void expect_busy(const Shim& shim) {
    const auto removed = remove_stale_bundle(shim);
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, ErrorCode::busy);
    EXPECT_TRUE(std::filesystem::exists(shim.bundle / "config.json"));
}

TEST(StaleBundle, IsRemovedOnce) {
    TempDir dir;
    const Shim shim = with_bundle(dir);
    EXPECT_EQ(remove_stale_bundle(shim).value(), true);
    EXPECT_FALSE(std::filesystem::exists(shim.bundle));
    EXPECT_TRUE(std::filesystem::exists(dir / "elsewhere"));
    EXPECT_EQ(remove_stale_bundle(shim).value(), false);
}

// Also: where a process of another mount namespace says to be, there is something else here.
TEST(StaleBundle, ThatIsAnotherDirectoryStays) {
    TempDir dir;
    Shim shim = with_bundle(dir);
    ++shim.bundle_place->inode;
    EXPECT_EQ(remove_stale_bundle(shim).value(), false);
    shim = with_bundle(dir, "other");
    ++shim.bundle_place->device;
    EXPECT_EQ(remove_stale_bundle(shim).value(), false);
    EXPECT_TRUE(std::filesystem::exists(shim.bundle));
}

TEST(StaleBundle, IsOnlyWhatContainerdNamesSo) {
    TempDir dir;
    Shim shim = with_bundle(dir);
    shim.container = id;
    EXPECT_EQ(remove_stale_bundle(shim).value(), false);
    shim = with_bundle(dir, "other");
    std::filesystem::rename(shim.bundle, dir / "other");
    shim.bundle = dir / "other";
    EXPECT_EQ(remove_stale_bundle(shim).value(), false);
    EXPECT_TRUE(std::filesystem::exists(shim.bundle));
}

TEST(StaleBundle, OfAContainerThatWasMadeStays) {
    TempDir dir;
    const Shim shim = with_bundle(dir);
    std::ofstream(shim.bundle / "init.pid") << "4711";
    expect_busy(shim);
}

TEST(StaleBundle, StaysWhileAShimOfThatContainerRuns) {
    TempDir dir;
    FakeShim process;
    expect_busy(with_bundle(dir, id));
}

TEST(StaleBundle, StaysWhileARootIsMountedThere) {
    TempDir dir;
    const Shim shim = with_bundle(dir);
    const auto root = shim.bundle / "rootfs";
    if (::mount("none", root.c_str(), "tmpfs", 0, nullptr) != 0) GTEST_SKIP() << "mounting needs root";
    expect_busy(shim);
    EXPECT_EQ(::umount(root.c_str()), 0);
}

// What /proc has is another system's text: names with anything in them, processes that have just ended.
TEST(Shims, AreReadFromWhateverIsThere) {
    TempDir proc;
    const auto put = [&](const std::string& pid, const std::string& command_line, const std::string& stat) {
        std::filesystem::create_directory(proc / pid);
        std::ofstream(proc / pid / "comm") << "containerd-shim\n";
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
    std::ofstream(proc / "17" / "comm") << "containerd-shim\n";
    std::ofstream(proc / "18" / "comm") << "containerd-shim\n";
    std::ofstream(proc / "18" / "cmdline") << shim;
    put("19", shim, "19 (x)" + behind);
    std::ofstream(proc / "19" / "comm") << "containerd\n";
    const auto found = find_shims(proc / ".");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].pid, 10);
    EXPECT_EQ(found[0].container, "abc");
    EXPECT_EQ(found[0].start_ticks, "4711");
    EXPECT_THAT(find_shims(proc / "none"), IsEmpty());
}

}  // namespace
}  // namespace mc::io

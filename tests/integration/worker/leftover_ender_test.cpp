#include "worker/shell/leftover_ender.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "integration/io/fake_shim.hpp"
#include "io/clock.hpp"

namespace mc::worker {
namespace {

using io::test::FakeShim;

TEST(LeftoverEnder, EndsWhatIsOldEnough) {
    FakeShim shim;
    LeftoverEnder ender;
    const Instant now = io::read_clock().instant;
    ender.end(now, {now, {{FakeShim::id, 1h}}, {}});
    EXPECT_TRUE(shim.lives()) << "the engine may be starting it";
    ender.end(now, {now, {{"another", -1s}}, {}});
    EXPECT_TRUE(shim.lives());
    // It began just now.
    ender.end(now, {now, {{"another", -1s}, {FakeShim::id, -1s}}, {}});
    EXPECT_EQ(shim.wait(), SIGKILL);
    // It had no bundle: what it had as its directory is none.
    ender.on_turn(Instant::never());
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::current_path()));
}

/// A shim in the bundle of a container that we made, or somebody else.
struct InBundle {
    explicit InBundle(const std::string& mark, const std::string& parent = "io.containerd.runtime.v2.task") {
        const auto bundle = folder / parent / "moby" / FakeShim::id;
        std::filesystem::create_directories(bundle);
        std::ofstream(bundle / "config.json")
            << R"({"root":{"path":"/data/overlay2/x/merged"},"process":{"env":["PATH=/bin",")" + mark + R"("]}})";
        const auto here = std::filesystem::current_path();
        std::filesystem::current_path(bundle);
        shim.emplace();
        std::filesystem::current_path(here);
    }
    bool is_ended(const Unlisted& unlisted, milliseconds ordered_before = 0ms) {
        const Instant now = io::read_clock().instant;
        LeftoverEnder().end(now, {now + -ordered_before, {}, unlisted});
        return shim->was_killed();
    }

    io::test::TempDir folder;
    std::optional<FakeShim> shim;
};

// Of this program alone: what it ends is looked for on the whole machine.
const std::string mark = "MINICLOUD_NODE=" + FakeShim::id + "/n";
const Unlisted ours{{"another"}, mark, "/data", -1s};

TEST(LeftoverEnder, EndsWhatIsOursAndNotListed) {
    EXPECT_TRUE(InBundle(mark).is_ended(ours));
}

TEST(LeftoverEnder, LeavesAloneWhatIsListedOrYoungOrAnothers) {
    Unlisted other = ours;
    other.listed.insert(FakeShim::id);
    EXPECT_FALSE(InBundle(mark).is_ended(other));
    other = ours;
    other.age_min = 1h;
    EXPECT_FALSE(InBundle(mark).is_ended(other));
    other = ours;
    other.data_root = "/dat";
    EXPECT_FALSE(InBundle(mark).is_ended(other));
    EXPECT_FALSE(InBundle(mark + "-another").is_ended(ours));
    EXPECT_FALSE(InBundle(mark, "where-anybody-is").is_ended(ours));
}

// An order is carried out when its turn comes: what began meanwhile is not older for that.
TEST(LeftoverEnder, LeavesAloneWhatBeganAfterTheOrder) {
    EXPECT_FALSE(InBundle(mark).is_ended(ours, 1h));
}

TEST(LeftoverEnder, LeavesAloneWhatHasNoReadableBundle) {
    InBundle damaged(mark);
    std::ofstream(damaged.folder / "io.containerd.runtime.v2.task" / "moby" / FakeShim::id / "config.json") << "[1,";
    EXPECT_FALSE(damaged.is_ended(ours));
}

}  // namespace
}  // namespace mc::worker

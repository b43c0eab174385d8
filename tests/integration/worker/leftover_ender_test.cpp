#include "worker/shell/leftover_ender.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "integration/io/fake_shim.hpp"
#include "io/clock.hpp"

namespace mc::worker {
namespace {

using test::FakeShim;

TEST(LeftoverEnder, EndsWhatIsOldEnough) {
    FakeShim shim;
    LeftoverEnder ender;
    ender.end(io::read_clock().instant, {{FakeShim::id, 1h}});
    EXPECT_TRUE(shim.lives()) << "the engine may be starting it";
    ender.end(io::read_clock().instant, {{"another", -1s}});
    EXPECT_TRUE(shim.lives());
    // Its age is to 1/100 s.
    ender.end(io::read_clock().instant, {{"another", -1s}, {FakeShim::id, -1s}});
    EXPECT_EQ(shim.wait(), SIGKILL);
    // It had no bundle: what it had as its directory is none.
    ender.on_turn(Instant::never());
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::current_path()));
}

}  // namespace
}  // namespace mc::worker

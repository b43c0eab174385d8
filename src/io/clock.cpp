#include "io/clock.hpp"

#include <ctime>

#include "base/assert.hpp"

namespace mc::io {
namespace {

std::int64_t read_ms(clockid_t clock) {
    timespec t{};
    MC_ASSERT(clock_gettime(clock, &t) == 0);
    return static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
}

}  // namespace

Now read_clock() {
    return {Instant{milliseconds(read_ms(CLOCK_BOOTTIME))}, WallTime{read_ms(CLOCK_REALTIME)}};
}

}  // namespace mc::io

#pragma once

#include "base/time.hpp"

namespace mc::io {

/// Both clocks at this moment. The instant is CLOCK_BOOTTIME: it goes on while
/// the machine sleeps, so that a deadline that passed meanwhile has passed (the
/// peer's world has moved on too).
[[nodiscard]] Now read_clock();

}  // namespace mc::io

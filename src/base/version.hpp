#pragma once

namespace mc {

/// The release of this source tree, e.g. "0.1.0"; CMake's project version.
extern const char* const version;

}  // namespace mc

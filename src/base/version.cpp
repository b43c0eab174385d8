#include "base/version.hpp"

namespace mc {

const char* const version = MC_VERSION;

}  // namespace mc

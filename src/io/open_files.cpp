#include "io/open_files.hpp"

#include <sys/resource.h>

namespace mc::io {

void raise_open_files_max() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
}

}  // namespace mc::io

#include "io/open_files.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace mc::io {

void raise_open_files_max() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max > 2 * open_files_reserve ? limit.rlim_max - open_files_reserve : limit.rlim_max;
    static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
}

OpenFilesReserve::OpenFilesReserve() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    usual_max_ = limit.rlim_cur;
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, limit.rlim_cur + open_files_reserve);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) usual_max_ = 0;
}

OpenFilesReserve::~OpenFilesReserve() {
    if (usual_max_ == 0) return;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = usual_max_;
    static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
}

}  // namespace mc::io

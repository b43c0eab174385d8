#include "io/container_ender.hpp"

// glibc 2.36 declares these for C only.
extern "C" {
#include <sys/pidfd.h>
}
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "io/clock.hpp"
#include "io/descriptor.hpp"
#include "io/errno_text.hpp"
#include "io/files.hpp"

namespace mc::io {
namespace {

constexpr std::size_t proc_file_bytes_max = 64 * 1024;

std::string content_of(const std::filesystem::path& path) {
    return read_file(path, proc_file_bytes_max).value_or(std::string());
}

/// Whether it is number 1 of a process namespace below this one (proc(5): NSpid).
bool is_first_of_a_namespace(const std::string& status) {
    const std::string key = "\nNSpid:";
    const auto begin = status.find(key);
    if (begin == std::string::npos) return false;
    const std::string line = status.substr(begin + key.size(), status.find('\n', begin + 1) - begin - key.size());
    return line.ends_with("\t1") && std::count(line.begin(), line.end(), '\t') > 1;
}

Error error_of(int number) {
    return {number == EPERM || number == EACCES ? ErrorCode::denied : ErrorCode::io_failed, errno_text(number)};
}

}  // namespace

ContainerEnder::ContainerEnder(Poller& poller, std::filesystem::path proc) : poller_(poller), proc_(std::move(proc)) {
    deadlines_ = poller_.add_deadlines(
        [this] {
            Instant next = Instant::never();
            for (const auto& [process, ending] : endings_) next = std::min(next, ending.deadline);
            return next;
        },
        [this](Instant now) {
            std::vector<int> late;
            for (const auto& [process, ending] : endings_) {
                if (ending.deadline <= now) late.push_back(process);
            }
            for (const int process : late) {
                finish(process, fail(ErrorCode::deadline_exceeded, "its processes were told to end and do not"));
            }
        });
}

ContainerEnder::~ContainerEnder() {
    poller_.remove_deadlines(deadlines_);
    for (const auto& [process, ending] : endings_) {
        poller_.remove_fd(process);
        ::close(process);
    }
}

Result<void> ContainerEnder::start(const RunningContainer& target, milliseconds timeout, Handler handler) {
    // The descriptor stands for this process; whether it is the container's is asked after it was opened.
    Descriptor process(target.pid > 0 ? pidfd_open(target.pid, 0) : -1);
    if (process.get() < 0 && target.pid > 0 && errno != ESRCH) return fail(error_of(errno));
    const auto its = proc_ / std::to_string(target.pid);
    if (process.get() < 0 || content_of(its / "cgroup").find(target.container) == std::string::npos ||
        !is_first_of_a_namespace(content_of(its / "status"))) {
        return fail(ErrorCode::not_found, "the container's first process is not on this machine");
    }
    if (pidfd_send_signal(process.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH) return fail(error_of(errno));
    const int fd = process.release();
    endings_[fd] = {read_clock().instant + timeout, std::move(handler)};
    poller_.add_fd(fd, {.read = true, .write = false}, [this, fd](Readiness) { finish(fd, {}); });
    return {};
}

void ContainerEnder::finish(int process, Result<void> result) {
    auto node = endings_.extract(process);  // before the handler: it may start another
    poller_.remove_fd(process);
    ::close(process);
    node.mapped().handler(std::move(result));
}

}  // namespace mc::io

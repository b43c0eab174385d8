#include "io/personalise.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <string_view>

#include "base/assert.hpp"
#include "io/descriptor.hpp"
#include "io/errno_text.hpp"

namespace mc::io {
namespace {

constexpr std::size_t file_bytes_max = 64 * 1024;  ///< of what is read: /proc/PID/cgroup, /etc/hosts

tl::unexpected<Error> failure(const std::string& what) {
    const int error = errno;
    const bool denied = error == EPERM || error == EACCES;
    return fail(denied ? ErrorCode::denied : ErrorCode::io_failed,
                what + ": " + errno_text(error) + (denied ? "; this needs the worker to run as root" : ""));
}

/// Below `root`, however its symbolic links are.
int open_in(int root, const std::string& path, int flags, mode_t mode = 0) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.mode = mode;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
}

Result<std::string> read_all(int fd) {
    std::string content;
    std::array<char, 4096> piece{};
    while (content.size() < file_bytes_max) {
        const ssize_t count = ::read(fd, piece.data(), piece.size());
        if (count < 0) return failure("can't read");
        if (count == 0) break;
        content.append(piece.data(), static_cast<std::size_t>(count));
    }
    return content;
}

Result<void> write_all(int fd, std::string_view content, const std::string& what) {
    while (!content.empty()) {
        const ssize_t count = ::write(fd, content.data(), content.size());
        if (count < 0) return failure("can't write " + what);
        content.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

/// The engine mounts these from outside: they can't be replaced, only written to.
Result<void> overwrite(int root, const std::string& path, const std::string& content) {
    // Without waiting for a reader, should somebody have put a pipe there.
    const Descriptor file(open_in(root, path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK));
    struct stat status {};
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return failure("can't open the container's " + path);
    if (!S_ISREG(status.st_mode)) return fail(ErrorCode::io_failed, "the container's " + path + " is no file");
    if (::ftruncate(file.get(), 0) != 0) return failure("can't write the container's " + path);
    return write_all(file.get(), content, "the container's " + path);
}

Result<void> put(int root, const struct stat& owner, const TarEntry& entry) {
    const std::string what = "the container's " + entry.path;
    const auto slash = entry.path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : entry.path.substr(0, slash);
    const std::string name = slash == std::string::npos ? entry.path : entry.path.substr(slash + 1);
    const Descriptor parent(open_in(root, folder, O_PATH | O_DIRECTORY));
    if (parent.get() < 0) return failure("can't open the container's " + folder);
    const auto mode = static_cast<mode_t>(entry.mode);
    const std::string fresh = entry.is_directory ? name : "." + name + ".minicloud";
    if (entry.is_directory) {
        if (::mkdirat(parent.get(), name.c_str(), mode) != 0 && errno != EEXIST) return failure("can't make " + what);
    } else if (::unlinkat(parent.get(), fresh.c_str(), 0) != 0 && errno != ENOENT) {
        return failure("can't write " + what);
    }
    const int flags =
        O_CLOEXEC | O_NOFOLLOW | (entry.is_directory ? O_RDONLY | O_DIRECTORY : O_WRONLY | O_CREAT | O_EXCL);
    const Descriptor file(::openat(parent.get(), fresh.c_str(), flags, mode));
    if (file.get() < 0) return failure("can't write " + what);
    if (::fchown(file.get(), owner.st_uid, owner.st_gid) != 0 || ::fchmod(file.get(), mode) != 0) {
        return failure("can't hand over " + what);
    }
    if (entry.is_directory) return {};
    if (auto written = write_all(file.get(), entry.content, what); !written) return written;
    // Whole, or not at all.
    if (::renameat(parent.get(), fresh.c_str(), parent.get(), name.c_str()) != 0) return failure("can't write " + what);
    return {};
}

/// The one that it had.
Result<std::string> set_host_name(int namespace_of_it, const std::string& host_name) {
    const Descriptor own(::open("/proc/thread-self/ns/uts", O_RDONLY | O_CLOEXEC));
    if (own.get() < 0) return failure("can't open this process's own host name");
    struct stat mine {};
    struct stat its {};
    if (::fstat(own.get(), &mine) != 0 || ::fstat(namespace_of_it, &its) != 0) return failure("can't tell host names");
    if (mine.st_ino == its.st_ino) return fail(ErrorCode::io_failed, "the container has this machine's host name");
    if (::setns(namespace_of_it, CLONE_NEWUTS) != 0) return failure("can't set the container's host name");
    std::array<char, HOST_NAME_MAX + 1> before{};
    const bool done =
        ::gethostname(before.data(), HOST_NAME_MAX) == 0 && ::sethostname(host_name.data(), host_name.size()) == 0;
    const int error = errno;
    // Else this process would go on with another machine's name.
    MC_ASSERT(::setns(own.get(), CLONE_NEWUTS) == 0);
    errno = error;
    if (!done) return failure("can't set the container's host name");
    return std::string(before.data());
}

Result<void> give_host_name(int process, int root, const std::string& host_name) {
    const Descriptor names(::openat(process, "ns/uts", O_RDONLY | O_CLOEXEC));
    if (names.get() < 0) return failure("can't open the container's host name");
    const auto before = set_host_name(names.get(), host_name);
    if (!before) return fail(before.error());
    if (auto done = overwrite(root, "etc/hostname", host_name + "\n"); !done) return done;
    const Descriptor hosts(open_in(root, "etc/hosts", O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    const auto lines =
        hosts.get() < 0 ? Result<std::string>(failure("can't open the container's etc/hosts")) : read_all(hosts.get());
    if (!lines) return fail(lines.error());
    return overwrite(root, "etc/hosts", renamed_hosts(*lines, *before, host_name));
}

/// Empty where there is none.
std::string content_of(int root, const std::string& path) {
    // Looked at before it is opened: somebody may have put a pipe there, or a device.
    const Descriptor found(open_in(root, path, O_PATH));
    struct stat status {};
    if (found.get() < 0 || ::fstat(found.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    const Descriptor file(::open(("/proc/self/fd/" + std::to_string(found.get())).c_str(), O_RDONLY | O_CLOEXEC));
    return file.get() < 0 ? std::string() : read_all(file.get()).value_or(std::string());
}

}  // namespace

std::string renamed_hosts(const std::string& hosts, const std::string& before, const std::string& after) {
    constexpr std::string_view blanks = " \t\n";
    std::string result;
    for (std::size_t at = 0; at < hosts.size();) {
        const auto end = std::min(hosts.find_first_of(blanks, at), hosts.size());
        const std::string word = hosts.substr(at, end - at);
        result += word == before ? after : word;
        at = end;
        if (at < hosts.size()) result += hosts[at++];
    }
    return result;
}

Result<std::string> personalise(const RunningContainer& target, const Visit& visit, const std::filesystem::path& proc) {
    const std::string process = (proc / std::to_string(target.pid)).string();
    // All through this: a process of the same number that comes later is another directory.
    const Descriptor its(::open(process.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const Descriptor groups(::openat(its.get(), "cgroup", O_RDONLY | O_CLOEXEC));
    const auto its_groups = groups.get() < 0 ? Result<std::string>("") : read_all(groups.get());
    if (target.pid <= 0 || !its_groups || its_groups->find(target.container) == std::string::npos) {
        return fail(ErrorCode::not_found,
                    "the container's first process is not on this machine, where the worker could give it its name "
                    "and keys: it has ended, or the engine is elsewhere");
    }
    const Descriptor root(::openat(its.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat owner {};
    if (root.get() < 0 || ::fstat(root.get(), &owner) != 0) return failure("can't open the container's files");
    if (!visit.host_name.empty()) {
        if (auto done = give_host_name(its.get(), root.get(), visit.host_name); !done) return fail(done.error());
    }
    for (const auto& file : visit.files) {
        if (auto done = put(root.get(), owner, file); !done) return fail(done.error());
    }
    return visit.read.empty() ? std::string() : content_of(root.get(), visit.read);
}

}  // namespace mc::io

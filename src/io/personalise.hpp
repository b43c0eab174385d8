#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/tar.hpp"

namespace mc::io {

/// A container that an engine of this machine runs.
struct RunningContainer {
    pid_t pid = 0;          ///< of its first process
    std::string container;  ///< the engine's id: what the process has to be of
};

/// What is done in a container, in this order.
struct Visit {
    std::string host_name;        ///< that it gets, also in its /etc/hostname and /etc/hosts; "" = it keeps its own
    std::vector<TarEntry> files;  ///< put over what is there under their names, as root of the container
    std::string read = {};        ///< path of a file, of 64 KiB at most; "" = none
};

/// Makes a running container somebody's. From outside: the kernel's namespaces and files are written to, and nothing of
/// the container's is executed, so that whatever is in its image gets none of this process's rights. Names in the
/// container are looked up as in it, its symbolic links too. Takes a millisecond; waits for nothing.
///
/// The content of Visit::read; "" when there is no such file (or it is none that can be read without waiting).
/// Errors: not_found (no such process of that container here: it has ended, or the engine is on another machine),
/// denied (needs root: CAP_SYS_ADMIN and CAP_SYS_PTRACE), io_failed. After one of these some of it may be done.
[[nodiscard]] Result<std::string> personalise(const RunningContainer& target, const Visit& visit,
                                              const std::filesystem::path& proc = "/proc");

/// A hosts file in which `before` has become `after`, as a whole word.
[[nodiscard]] std::string renamed_hosts(const std::string& hosts, const std::string& before, const std::string& after);

}  // namespace mc::io

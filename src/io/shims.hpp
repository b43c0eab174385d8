#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace mc::io {

/// Which directory it is, under whatever name.
struct Place {
    dev_t device = 0;
    ino_t inode = 0;

    bool operator==(const Place&) const = default;
};

/// The kernel's clock of processes.
inline constexpr milliseconds shim_age_step{10};

/// A containerd-shim: the process between containerd and one container, which is its child.
struct Shim {
    pid_t pid = 0;
    std::string container;    ///< the engine's id
    milliseconds age{0};      ///< too old by up to shim_age_step
    std::string start_ticks;  ///< as the kernel has it: with `pid` it names the process for ever
    /// Its directory, where containerd keeps what it knows of the container; "" when it can't be seen.
    std::filesystem::path bundle;
    std::optional<Place> bundle_place;
};

/// Those of this machine, of all engines, and whatever other process has that name; none where /proc shows other
/// processes than the engine's (it runs elsewhere, or this is a container). Some milliseconds for a thousand processes.
[[nodiscard]] std::vector<Shim> find_shims(const std::filesystem::path& proc = "/proc");

/// SIGKILL; containerd then ends what runs of its container, and forgets it. Nothing if it has ended already. Errors:
/// denied (another user's, and this process has no CAP_KILL), io_failed.
[[nodiscard]] Result<void> end_shim(const Shim& shim);

/// Whether the bundle is there, and is what containerd names so: a process may call itself a shim, and be anywhere.
[[nodiscard]] bool has_bundle(const Shim& shim);

/// Removes the bundle of a shim that has ended, if it is there still and is not a later one's; true when there was one.
/// containerd does so itself, but for a shim that ended before its container was made. Errors: busy (the container was
/// made, a shim of it lives, or its root is mounted there), io_failed.
[[nodiscard]] Result<bool> remove_stale_bundle(const Shim& shim);

}  // namespace mc::io

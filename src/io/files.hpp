#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "io/environment.hpp"

namespace mc::io {

/// The whole file. Errors: not_found; too_large (over bytes_max); io_failed.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max);

/// All that comes until its end. Errors: too_large (over bytes_max); io_failed.
[[nodiscard]] Result<std::string> read_stdin(std::size_t bytes_max);

/// A file that must be a secret: a plain file of this user (or of root) that nobody else may read. What is looked at is
/// the file that was opened, so nobody can put another in its place in between. Symbolic links are followed: whose the
/// file is decides, and people keep such files elsewhere.
/// Errors: not_found; denied (whose it is, or its mode; says what to do); too_large; io_failed.
[[nodiscard]] Result<Secret> read_secret_file(const std::filesystem::path& path, std::size_t bytes_max);

/// Replaces the file whole or not at all, also at a power cut (temporary file,
/// fsync, rename, fsync of the directory). Errors: io_failed.
[[nodiscard]] Result<void> write_file_atomic(const std::filesystem::path& path, std::string_view content,
                                             std::uint32_t mode = 0600);

/// Where state goes: $STATE_DIRECTORY when set (systemd sets it for a unit with
/// StateDirectory=mcbroker: /var/lib/mcbroker), else $XDG_STATE_HOME/minicloud,
/// else ~/.local/state/minicloud (home from $HOME, else the user database), else
/// /var/lib/minicloud. Root at a terminal is a user like any other.
[[nodiscard]] std::filesystem::path state_dir(const Environment& environment = process_environment());

/// $XDG_CONFIG_HOME/minicloud, else ~/.config/minicloud.
[[nodiscard]] std::filesystem::path config_dir(const Environment& environment = process_environment());

/// The user's home directory; empty when there is none.
[[nodiscard]] std::filesystem::path home_dir(const Environment& environment = process_environment());

/// Makes the directory and its parents; the last one is for this user alone (0700). One that is
/// there already is taken as it is if it is this user's, else refused.
/// Errors: io_failed; denied (it belongs to another user, or others may write to it).
[[nodiscard]] Result<void> make_private_dir(const std::filesystem::path& path);

/// Keeps a second process out, for as long as the object lives (flock: the
/// kernel lets go when the process dies, however it dies). The file stays.
class LockFile {
public:
    /// Errors: busy (the sentence names the holder's process id, and ends with `advice`); io_failed.
    [[nodiscard]] static Result<LockFile> acquire(
        const std::filesystem::path& path, std::string_view advice = "stop that one, or choose another --state-dir");

    ~LockFile();
    LockFile(LockFile&& other) noexcept;
    LockFile& operator=(LockFile&& other) noexcept;

private:
    explicit LockFile(int fd) : fd_(fd) {}
    int fd_ = -1;
};

}  // namespace mc::io

#include "io/files.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "io/descriptor.hpp"
#include "io/errno_text.hpp"
#include "io/random.hpp"

namespace mc::io {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> io_error(const fs::path& path, const std::string& what, int error) {
    return fail(ErrorCode::io_failed, path.string() + " can't be " + what + ": " + errno_text(error));
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t done = ::write(fd, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return true;
}

Result<void> sync_directory(const fs::path& directory) {
    const Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0 || ::fsync(fd.get()) != 0) return io_error(directory, "written", errno);
    return {};
}

Result<void> write_new_file(const fs::path& path, std::string_view content, std::uint32_t mode) {
    Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd.get() < 0) return io_error(path, "made", errno);
    // fchmod, because the mode given to open() is cut by the umask.
    if (::fchmod(fd.get(), static_cast<mode_t>(mode)) != 0 || !write_all(fd.get(), content) || ::fsync(fd.get()) != 0 ||
        fd.reset() != 0) {
        return io_error(path, "written", errno);
    }
    return {};
}

/// Non-blocking, so that a named pipe in its place doesn't hang the program. Errors: not_found; io_failed.
Result<int> open_to_read(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) return fd;
    if (errno == ENOENT) return fail(ErrorCode::not_found, path.string() + " is not there");
    return io_error(path, "read", errno);
}

constexpr std::size_t read_block_bytes = 16 * 1024;

/// The rest of the file, into `content`, whose size is the room that it begins with. Errors: too_large; io_failed.
Result<void> read_all(int fd, const fs::path& path, std::size_t bytes_max, std::string& content) {
    for (std::size_t size = 0;;) {
        if (size == content.size()) content.resize(size + read_block_bytes);
        const ssize_t got = ::read(fd, content.data() + size, content.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return io_error(path, "read", errno);
        if (got == 0) {
            content.resize(size);
            return {};
        }
        size += static_cast<std::size_t>(got);
        if (size > bytes_max) {
            return fail(ErrorCode::too_large,
                        path.string() + " is longer than " + std::to_string(bytes_max) + " bytes");
        }
    }
}

/// Errors: denied; io_failed.
Result<void> check_secrecy(int fd, const fs::path& path) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return io_error(path, "looked at", errno);
    if (!S_ISREG(status.st_mode)) {
        return fail(ErrorCode::denied, path.string() + " is not a plain file, as one with a secret key must be");
    }
    if (status.st_uid != ::geteuid() && status.st_uid != 0) {
        return fail(ErrorCode::denied,
                    path.string() + " belongs to another user, who could change it; copy it to a file of your own");
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return fail(ErrorCode::denied, path.string() + " holds a secret key, and others may read it; run: chmod 600 " +
                                           path.string() + "; and join anew if somebody did");
    }
    return {};
}

}  // namespace

Result<std::string> read_file(const fs::path& path, std::size_t bytes_max) {
    const auto opened = open_to_read(path);
    if (!opened) return fail(opened.error());
    const Descriptor fd(*opened);
    std::string content;
    if (auto read = read_all(fd.get(), path, bytes_max, content); !read) return fail(read.error());
    return content;
}

Result<std::string> read_stdin(std::size_t bytes_max) {
    std::string content;
    if (auto read = read_all(STDIN_FILENO, "stdin", bytes_max, content); !read) return fail(read.error());
    return content;
}

Result<Secret> read_secret_file(const fs::path& path, std::size_t bytes_max) {
    const auto opened = open_to_read(path);
    if (!opened) return fail(opened.error());
    const Descriptor fd(*opened);
    if (auto secret = check_secrecy(fd.get(), path); !secret) return fail(secret.error());
    // Room for all that may come, so that growing leaves no copies behind.
    std::string content(bytes_max + 1, '\0');
    auto read = read_all(fd.get(), path, bytes_max, content);
    Secret secret(std::move(content));
    if (!read) return fail(read.error());
    return secret;
}

Result<void> write_file_atomic(const fs::path& path, std::string_view content, std::uint32_t mode) {
    fs::path directory = path.parent_path();
    if (directory.empty()) directory = ".";
    // Hidden, in the same directory (rename must not cross file systems), and of a name no other writer has.
    const fs::path temporary = directory / ("." + path.filename().string() + "." + std::to_string(random_u64()));
    if (auto written = write_new_file(temporary, content, mode); !written) {
        ::unlink(temporary.c_str());
        return written;
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        const int error = errno;
        ::unlink(temporary.c_str());
        return io_error(path, "replaced", error);
    }
    return sync_directory(directory);
}

fs::path home_dir(const Environment& environment) {
    if (const auto home = environment("HOME")) return *home;
    std::vector<char> buffer(16 * 1024);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
    return found->pw_dir;
}

fs::path state_dir(const Environment& environment) {
    // systemd gives several directories separated by ':' when a unit asks for several.
    if (const auto given = environment("STATE_DIRECTORY")) return given->substr(0, given->find(':'));
    if (const auto base = environment("XDG_STATE_HOME")) return fs::path(*base) / "minicloud";
    const fs::path home = home_dir(environment);
    if (home.empty()) return "/var/lib/minicloud";
    return home / ".local" / "state" / "minicloud";
}

fs::path config_dir(const Environment& environment) {
    if (const auto base = environment("XDG_CONFIG_HOME")) return fs::path(*base) / "minicloud";
    return home_dir(environment) / ".config" / "minicloud";
}

Result<void> make_private_dir(const fs::path& path) {
    std::error_code error;
    if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
    if (error) return io_error(path, "made", error.value());
    if (::mkdir(path.c_str(), 0700) == 0) return {};
    if (errno != EEXIST) return io_error(path, "made", errno);
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return io_error(path, "looked at", errno);
    if (!S_ISDIR(status.st_mode)) return io_error(path, "used as a directory", ENOTDIR);
    if (status.st_uid != geteuid()) {
        return fail(ErrorCode::denied,
                    path.string() + " belongs to another user; choose another directory or change its owner");
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return fail(ErrorCode::denied, "others may write to " + path.string() + "; run: chmod go-w " + path.string());
    }
    return {};
}

Result<LockFile> LockFile::acquire(const fs::path& path, std::string_view advice) {
    Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (fd.get() < 0) return io_error(path, "opened", errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return io_error(path, "locked", errno);
        char text[32] = {};
        const ssize_t got = ::pread(fd.get(), text, sizeof text - 1, 0);
        const std::string holder =
            got > 0 ? "process " + std::string(text, std::string_view(text).find('\n')) : "another process";
        return fail(ErrorCode::busy,
                    path.parent_path().string() + " is in use by " + holder + "; " + std::string(advice));
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd.get(), 0) != 0 || !write_all(fd.get(), pid)) return io_error(path, "written", errno);
    return LockFile(fd.release());
}

LockFile::~LockFile() {
    if (fd_ >= 0) ::close(fd_);
}
LockFile::LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
LockFile& LockFile::operator=(LockFile&& other) noexcept {
    if (this != &other) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

}  // namespace mc::io

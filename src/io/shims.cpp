#include "io/shims.hpp"

// glibc 2.36 declares these for C only.
extern "C" {
#include <sys/pidfd.h>
}
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/errno_text.hpp"

namespace mc::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view program = "containerd-shim";  // and what follows tells the version, as in -runc-v2
constexpr std::string_view option = "-id";
/// proc(5): of /proc/PID/stat, behind the name, which may have anything in it.
constexpr std::size_t start_field = 22;
constexpr std::size_t first_field_behind_name = 3;

/// As far as it can be read: a process may end in between.
std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string content;
    // Not by iterators of its buffer: these throw when a read fails.
    for (std::array<char, 4096> piece{}; file.read(piece.data(), piece.size()), file.gcount() > 0;) {
        content.append(piece.data(), static_cast<std::size_t>(file.gcount()));
    }
    return content;
}

template <class Number>
std::optional<Number> parse(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// The container of a shim's command line; "" when it is another program's.
std::string container_of(const std::string& command_line) {
    std::vector<std::string> words;
    std::istringstream stream(command_line);
    for (std::string word; std::getline(stream, word, '\0');) words.push_back(std::move(word));
    if (words.empty() || !fs::path(words.front()).filename().string().starts_with(program)) return {};
    const auto found = std::find(words.begin(), words.end(), option);
    return found == words.end() || std::next(found) == words.end() ? std::string() : *std::next(found);
}

std::string start_ticks_of(const std::string& stat) {
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) return {};
    std::istringstream fields(stat.substr(name_end + 1));
    std::string field;
    for (std::size_t i = first_field_behind_name; i <= start_field; ++i) fields >> field;
    return fields ? field : std::string();
}

milliseconds since_boot() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return seconds(now.tv_sec) + milliseconds(now.tv_nsec / 1'000'000);
}

/// Of a directory: its inode and its file system; zeros when it is none.
std::pair<ino_t, dev_t> place_of(const fs::path& directory) {
    struct stat status {};
    if (lstat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return {};
    return {status.st_ino, status.st_dev};
}

std::optional<Shim> shim_at(const fs::path& process) {
    const auto pid = parse<pid_t>(process.filename().string());
    if (!pid) return std::nullopt;
    Shim shim;
    shim.pid = *pid;
    shim.container = container_of(content_of(process / "cmdline"));
    if (shim.container.empty()) return std::nullopt;
    shim.start_ticks = start_ticks_of(content_of(process / "stat"));
    const auto ticks = parse<std::int64_t>(shim.start_ticks);
    if (!ticks) return std::nullopt;
    std::error_code error;
    shim.bundle = fs::read_symlink(process / "cwd", error);
    shim.bundle_inode = place_of(shim.bundle).first;
    shim.age = since_boot() - milliseconds(*ticks * 1000 / sysconf(_SC_CLK_TCK));
    return shim;
}

}  // namespace

std::vector<Shim> find_shims(const fs::path& proc) {
    std::vector<Shim> shims;
    std::error_code error;
    for (fs::directory_iterator entry(proc, error), end; !error && entry != end; entry.increment(error)) {
        if (auto shim = shim_at(entry->path())) shims.push_back(std::move(*shim));
    }
    return shims;
}

Result<void> end_shim(const Shim& shim) {
    // The descriptor stands for this process; whether it is the one that was found is asked after it was opened.
    const int process = pidfd_open(shim.pid, 0);
    if (process < 0 && errno == ESRCH) return {};
    if (process < 0) return fail(ErrorCode::io_failed, errno_text(errno));
    const auto still = shim_at(fs::path("/proc") / std::to_string(shim.pid));
    int error = 0;
    if (still && still->start_ticks == shim.start_ticks && pidfd_send_signal(process, SIGKILL, nullptr, 0) != 0) {
        error = errno;
    }
    close(process);
    if (error == 0 || error == ESRCH) return {};
    return fail(error == EPERM ? ErrorCode::denied : ErrorCode::io_failed, errno_text(error));
}

Result<bool> remove_stale_bundle(const Shim& shim) {
    const auto [inode, device] = place_of(shim.bundle);
    // Named by containerd after the container: else it is something else.
    if (inode == 0 || inode != shim.bundle_inode || shim.bundle.filename() != shim.container) return false;
    for (const Shim& other : find_shims()) {
        if (other.container == shim.container) return fail(ErrorCode::busy, "a shim of that container runs");
    }
    const auto [root_inode, root_device] = place_of(shim.bundle / "rootfs");
    if (root_inode != 0 && root_device != device) return fail(ErrorCode::busy, "the container's root is mounted there");
    std::error_code error;
    fs::remove_all(shim.bundle, error);
    if (error) return fail(ErrorCode::io_failed, error.message());
    return true;
}

}  // namespace mc::io

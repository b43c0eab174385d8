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

/// What the kernel keeps of containerd-shim-runc-v2, and of any other version: 15 characters.
constexpr std::string_view program = "containerd-shim";
/// Under it containerd has a directory for each namespace, and in that one for each container.
constexpr std::string_view bundles = "io.containerd.runtime.v2.task";
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

/// The container of a shim's command line; "" when it names none.
std::string container_of(const std::string& command_line) {
    std::vector<std::string> words;
    std::istringstream stream(command_line);
    for (std::string word; std::getline(stream, word, '\0');) words.push_back(std::move(word));
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

std::optional<Place> place_of(const fs::path& directory) {
    struct stat status {};
    if (stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return std::nullopt;
    return Place{status.st_dev, status.st_ino};
}

std::optional<Shim> shim_at(const fs::path& process) {
    const auto pid = parse<pid_t>(process.filename().string());
    if (!pid) return std::nullopt;
    // Not the command line of each: to read that waits for whoever is stuck in its memory.
    if (content_of(process / "comm") != std::string(program) + "\n") return std::nullopt;
    Shim shim;
    shim.pid = *pid;
    shim.container = container_of(content_of(process / "cmdline"));
    if (shim.container.empty()) return std::nullopt;
    shim.start_ticks = start_ticks_of(content_of(process / "stat"));
    const auto ticks = parse<std::int64_t>(shim.start_ticks);
    if (!ticks) return std::nullopt;
    std::error_code error;
    shim.bundle = fs::read_symlink(process / "cwd", error);
    // Through the link, which leads to where the process is, whatever that path means here.
    shim.bundle_place = place_of(process / "cwd");
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

bool has_bundle(const Shim& shim) {
    // Not one of another mount namespace, nor any directory that a process has as its own.
    const auto place = place_of(shim.bundle);
    return place && place == shim.bundle_place && shim.bundle.filename() == shim.container &&
           shim.bundle.parent_path().parent_path().filename() == bundles;
}

Result<bool> remove_stale_bundle(const Shim& shim) {
    if (!has_bundle(shim)) return false;
    std::error_code error;
    if (fs::exists(shim.bundle / "init.pid", error)) {
        return fail(ErrorCode::busy, "its container was made, and containerd has not ended it yet");
    }
    for (const Shim& other : find_shims()) {
        if (other.container == shim.container) return fail(ErrorCode::busy, "a shim of that container runs");
    }
    const auto root = place_of(shim.bundle / "rootfs");
    if (root && root->device != shim.bundle_place->device)
        return fail(ErrorCode::busy, "the container's root is mounted there");
    fs::remove_all(shim.bundle, error);
    if (error) return fail(ErrorCode::io_failed, error.message());
    return true;
}

}  // namespace mc::io

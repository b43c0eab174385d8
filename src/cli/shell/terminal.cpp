#include "cli/shell/terminal.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>

namespace mc::cli {
namespace {

// For the handler of fatal signals, which has no other way to know.
termios saved_mode;
std::atomic<int> saved_fd{-1};
std::atomic<bool> screen_taken{false};

// The alternate screen, no cursor, and lines that are cut rather than broken (xterm's modes 1049, 25 and 7).
constexpr std::string_view take_screen = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr std::string_view give_screen_back = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Safe in a handler of signals.
void write_to_screen(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;  // nobody looks any more
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

void restore() {
    if (screen_taken.exchange(false)) write_to_screen(give_screen_back);
    const int fd = saved_fd.exchange(-1);
    // TCSADRAIN: what was already printed comes out in the mode it was meant for.
    if (fd >= 0) tcsetattr(fd, TCSADRAIN, &saved_mode);
}

extern "C" void restore_and_die(int number) {
    restore();  // tcsetattr is async-signal-safe
    std::signal(number, SIG_DFL);
    raise(number);
}

bool size_of(int fd, protocol::Resize& out) {
    winsize size{};
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return false;
    out.rows = size.ws_row;
    out.columns = size.ws_col;
    return true;
}

}  // namespace

bool is_terminal(int fd) {
    return isatty(fd) == 1;
}

TextStyle style_of(int fd) {
    TextStyle style;
    if (!is_terminal(fd)) return style;
    protocol::Resize size;
    style.columns = size_of(fd, size) ? size.columns : 80;
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    style.colours = (no_color == nullptr || *no_color == '\0') && (term == nullptr || std::strcmp(term, "dumb") != 0);
    return style;
}

protocol::Resize terminal_size() {
    protocol::Resize size;
    if (!size_of(STDIN_FILENO, size)) static_cast<void>(size_of(STDOUT_FILENO, size));
    return size;
}

Result<RawTerminal> RawTerminal::enter(int fd) {
    if (tcgetattr(fd, &saved_mode) != 0) {
        return fail(ErrorCode::io_failed, "the terminal's mode can't be read: " + std::string(std::strerror(errno)));
    }
    static const bool registered = [] {
        std::atexit(restore);
        for (const int number : {SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
            std::signal(number, restore_and_die);
        return true;
    }();
    static_cast<void>(registered);
    termios raw = saved_mode;
    cfmakeraw(&raw);
    saved_fd = fd;
    if (tcsetattr(fd, TCSADRAIN, &raw) != 0) {
        saved_fd = -1;
        return fail(ErrorCode::io_failed, "the terminal can't be made raw: " + std::string(std::strerror(errno)));
    }
    RawTerminal out;
    out.active_ = true;
    return out;
}

void RawTerminal::leave() {
    if (std::exchange(active_, false)) restore();
}

RawTerminal::~RawTerminal() {
    leave();
}

Result<FullScreen> FullScreen::enter() {
    auto terminal = RawTerminal::enter(STDIN_FILENO);
    if (!terminal) return fail(terminal.error());
    screen_taken = true;
    write_to_screen(take_screen);
    return FullScreen(std::move(*terminal));
}

void FullScreen::draw(std::string_view lines) {
    // Over what is there, line by line: cleared first it would flicker.
    std::string out = "\x1b[H";
    while (!lines.empty()) {
        const auto end = std::min(lines.find('\n'), lines.size());
        out += std::string(lines.substr(0, end)) + "\x1b[K";
        lines.remove_prefix(std::min(end + 1, lines.size()));
        // A line break after the last one would scroll a full screen.
        if (!lines.empty()) out += "\r\n";
    }
    write_to_screen(out + "\x1b[J");
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept : active_(std::exchange(other.active_, false)) {}

}  // namespace mc::cli

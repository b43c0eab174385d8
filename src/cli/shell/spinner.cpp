#include "cli/shell/spinner.hpp"

#include <unistd.h>

#include <utility>

#include "cli/shell/terminal.hpp"

namespace mc::cli {
namespace {

constexpr const char* begin_of_line = "\r\x1b[K";  // and what stood there erased

void put(const std::string& text) {
    static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

}  // namespace

Spinner::Spinner(std::string what, bool wanted, Instant now)
    : line_(what, now), shown_(wanted && !what.empty() && is_terminal(STDERR_FILENO)) {}

Spinner::~Spinner() {
    clear();
}

Instant Spinner::next(Instant now) const {
    return shown_ ? now + ProgressLine::spin_interval : Instant::never();
}

void Spinner::draw(Instant now) {
    if (!shown_) return;
    const auto columns = style_of(STDERR_FILENO).columns;
    const std::string text = line_.text(now, columns > 1 ? columns - 1 : 79);
    if (text.empty()) return;
    put(begin_of_line + text);
    drawn_ = true;
}

void Spinner::clear() {
    if (std::exchange(drawn_, false)) put(begin_of_line);
}

}  // namespace mc::cli

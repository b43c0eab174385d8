#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "cli/core/text.hpp"
#include "protocol/client_bodies.hpp"

namespace mc::cli {

/// How text on this descriptor is to look: width and colours of a terminal, or
/// neither. Honours NO_COLOR and TERM=dumb.
[[nodiscard]] TextStyle style_of(int fd);
[[nodiscard]] bool is_terminal(int fd);

/// The size of the terminal that is stdin or stdout; 24 × 80 when neither is one.
[[nodiscard]] protocol::Resize terminal_size();

/// Raw mode for as long as the object lives: every key goes to the VM. Put back
/// by the destructor, at exit(), and by a handler when the process dies of a
/// signal that it can still handle (a crash, SIGQUIT). One at a time.
class RawTerminal {
public:
    /// Errors: io_failed.
    [[nodiscard]] static Result<RawTerminal> enter(int fd);
    ~RawTerminal();
    RawTerminal(RawTerminal&& other) noexcept;
    RawTerminal& operator=(RawTerminal&&) = delete;

    /// Puts the terminal back as it was; once.
    void leave();

private:
    RawTerminal() = default;
    bool active_ = false;
};

/// The whole screen of the terminal that is stdin and stdout, and its keys, for as long as the object lives. What was
/// there before is put back as RawTerminal's mode is. One at a time.
class FullScreen {
public:
    /// Errors: io_failed.
    [[nodiscard]] static Result<FullScreen> enter();

    /// Lines, each ended by a line break, in the place of those before; not more than the terminal has. One that is too
    /// wide is cut by the terminal.
    void draw(std::string_view lines);

    /// Puts everything back; once.
    void leave() { terminal_.leave(); }

private:
    explicit FullScreen(RawTerminal terminal) : terminal_(std::move(terminal)) {}
    RawTerminal terminal_;
};

}  // namespace mc::cli

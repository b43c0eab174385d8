#pragma once

#include <string>

#include "base/time.hpp"
#include "cli/core/progress_line.hpp"

namespace mc::cli {

/// Draws a ProgressLine on stderr, in place, where stderr is a terminal; else does nothing.
class Spinner {
public:
    /// `what` "" or not `wanted`: nothing is ever drawn.
    Spinner(std::string what, bool wanted, Instant now);
    ~Spinner();
    Spinner(const Spinner&) = delete;
    Spinner& operator=(const Spinner&) = delete;

    void on_progress(const protocol::Progress& progress) { line_.on_progress(progress); }
    /// When it wants to be drawn again; Instant::never() when it is not shown.
    [[nodiscard]] Instant next(Instant now) const;
    void draw(Instant now);
    /// Leaves an empty line where it was.
    void clear();

private:
    ProgressLine line_;
    bool shown_;
    bool drawn_ = false;
};

}  // namespace mc::cli

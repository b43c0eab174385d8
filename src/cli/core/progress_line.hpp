#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/time.hpp"
#include "protocol/client_bodies.hpp"

namespace mc::cli {

/// The one line on stderr while a person waits: a spinner, the stage, how long it
/// takes already. Pure; the shell draws it at every spin_interval, only on a terminal.
class ProgressLine {
public:
    static constexpr milliseconds spin_interval{100};
    /// Nothing is drawn before: what is quick needs no show.
    static constexpr milliseconds quiet_for{300};

    /// `what` e.g. "creating a VM".
    ProgressLine(std::string what, Instant now);

    void on_progress(const protocol::Progress& progress);

    /// The line now, at most `columns` wide, without line break; "" = draw nothing yet.
    [[nodiscard]] std::string text(Instant now, std::size_t columns) const;

private:
    std::string what_;
    Instant started_;
    std::map<std::string, protocol::Progress> by_vm_;  ///< bounded by the batch: names come from the broker
};

}  // namespace mc::cli

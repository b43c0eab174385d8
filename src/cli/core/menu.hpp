#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mc::cli {

/// The ancestor's menu: 1 create, 2 list, 3 ssh, 4 delete, 5 exit.
///
/// Pure: input lines go in; what to print and which command lines of mccli to
/// run come out. Single thread.
class Menu {
public:
    struct Step {
        std::string text;                  ///< to print before anything else
        std::vector<std::string> command;  ///< mccli's arguments; empty = nothing to run
        bool over = false;
    };

    /// The first thing to print.
    [[nodiscard]] std::string greeting() const;
    /// `line` without its line break.
    [[nodiscard]] Step on_line(std::string_view line);
    /// Ctrl-D: the end.
    [[nodiscard]] Step on_end_of_input() const;
    /// Printed after a command has run.
    [[nodiscard]] std::string after_command() const;

private:
    enum class Asks { choice, name_to_create, name_to_ssh, name_to_delete };
    Step on_choice(std::string_view choice);
    Asks asks_ = Asks::choice;
};

}  // namespace mc::cli

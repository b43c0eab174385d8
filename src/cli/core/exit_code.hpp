#pragma once

#include "base/error.hpp"

namespace mc::cli {

/// How mccli ends, for scripts. `ssh` and `exec` pass on the code of their
/// command instead. docs/cli.md "Exit codes"; the numbers never change.
enum class ExitCode : int {
    ok = 0,
    failed = 1,  ///< it was tried and did not work; of `diff`: something is to be done; of `doctor`: a check failed
    usage = 2,   ///< the command line, environment, configuration or a value in it is wrong
    broker_unreachable = 3,  ///< nothing is known to have happened
    not_found = 4,
    timed_out = 5,        ///< the outcome is unknown
    no_capacity = 6,      ///< no room or quota left
    partly_failed = 7,    ///< some of a batch worked and some did not
    interrupted = 130,    ///< Ctrl-C, as shells count it: 128 + SIGINT
    broken_pipe = 141,    ///< whoever read the output went away: 128 + SIGPIPE
    ssh_transport = 255,  ///< the OpenSSH client's own code when it could not connect
};

/// The code a command ends with after `code`.
[[nodiscard]] ExitCode exit_code_for(ErrorCode code);

}  // namespace mc::cli

#include "cli/core/exit_code.hpp"

namespace mc::cli {

ExitCode exit_code_for(ErrorCode code) {
    switch (code) {
        case ErrorCode::ok:
            return ExitCode::ok;
        case ErrorCode::usage:
        case ErrorCode::invalid_argument:
            return ExitCode::usage;
        case ErrorCode::broker_unreachable:
            return ExitCode::broker_unreachable;
        case ErrorCode::not_found:
            return ExitCode::not_found;
        case ErrorCode::deadline_exceeded:
            return ExitCode::timed_out;
        case ErrorCode::no_capacity:
        case ErrorCode::no_node:
        case ErrorCode::quota_exceeded:
            return ExitCode::no_capacity;
        default:
            return ExitCode::failed;
    }
}

}  // namespace mc::cli

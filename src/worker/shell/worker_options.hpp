#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "base/result.hpp"
#include "io/engine_endpoint.hpp"
#include "io/environment.hpp"
#include "io/log.hpp"
#include "io/zmq.hpp"
#include "worker/core/settings.hpp"

namespace mc::worker {

/// Everything mcworker is told, checked, with its defaults filled in.
struct WorkerOptions {
    std::string broker;
    io::Security security{};  ///< towards the broker
    io::EngineEndpoint engine;
    std::filesystem::path state_dir;
    io::LogLevel log_level = io::LogLevel::info;
    Settings settings;  ///< all but `boot`

    /// `join TOKEN` was asked for: only this, the node's name and state_dir are filled in then.
    std::string join_token;
    bool replace = false;          ///< join: a stored connection is given up
    std::string state_dir_option;  ///< " --state-dir DIR" when it was given; for sentences

    /// When not empty: print it and leave with 0.
    std::string print;
};

/// Where `mcworker join` keeps how it reaches the broker.
[[nodiscard]] std::filesystem::path connection_file(const std::filesystem::path& state_dir);

/// Held by the one worker, or join, that uses the directory.
[[nodiscard]] std::filesystem::path lock_file(const std::filesystem::path& state_dir);

/// Command line, environment, ini file, and what was stored when it joined.
/// Errors: usage, invalid_argument, io_failed, denied (a key file).
[[nodiscard]] Result<WorkerOptions> read_options(std::span<const std::string> arguments,
                                                 const io::Environment& environment = io::process_environment());

/// "512m", "2g", "1t" or bytes. Errors: invalid_argument.
[[nodiscard]] Result<std::uint64_t> parse_bytes(const std::string& text);
/// "2" or "1.5" cores as thousandths. Errors: invalid_argument.
[[nodiscard]] Result<std::uint32_t> parse_cpus(const std::string& text);

}  // namespace mc::worker

#include "io/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <utility>

namespace mc::io {
namespace {

constexpr std::array<std::pair<std::string_view, LogLevel>, 6> level_names{{
    {"trace", LogLevel::trace},
    {"debug", LogLevel::debug},
    {"info", LogLevel::info},
    {"warn", LogLevel::warn},
    {"error", LogLevel::error},
    {"off", LogLevel::off},
}};

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::trace:
            return spdlog::level::trace;
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warn:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
        case LogLevel::off:
            return spdlog::level::off;
    }
    return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make_logger(const std::string& program, LogLevel level) {
    auto logger = std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_level(to_spdlog(level));
    const std::string name = program.empty() ? "" : "%n ";
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l " + name + "%v", spdlog::pattern_time_type::utc);
    // A full disk behind stderr must not become an exception or more output.
    logger->set_error_handler([](const std::string&) {});
    return logger;
}

std::shared_ptr<spdlog::logger>& logger() {
    static std::shared_ptr<spdlog::logger> instance = make_logger("", LogLevel::info);
    return instance;
}

void write(LogLevel level, std::string_view line) {
    auto& log = *logger();
    if (!log.should_log(to_spdlog(level))) return;
    std::string shown(line);
    std::replace_if(
        shown.begin(), shown.end(),
        [](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return byte < 0x20 || byte == 0x7f;
        },
        '?');
    log.log(to_spdlog(level), spdlog::string_view_t(shown));
}

}  // namespace

Result<LogLevel> parse_log_level(std::string_view text) {
    for (const auto& [name, level] : level_names) {
        if (name == text) return level;
    }
    return fail(ErrorCode::usage,
                "\"" + std::string(text) + "\" is not a log level; it is one of trace, debug, info, warn, error, off");
}

void setup_log(const std::string& program, LogLevel level) {
    logger() = make_logger(program, level);
}

void log_trace(std::string_view line) {
    write(LogLevel::trace, line);
}
void log_debug(std::string_view line) {
    write(LogLevel::debug, line);
}
void log_info(std::string_view line) {
    write(LogLevel::info, line);
}
void log_warn(std::string_view line) {
    write(LogLevel::warn, line);
}
void log_error(std::string_view line) {
    write(LogLevel::error, line);
}

bool log_enabled(LogLevel level) {
    return logger()->should_log(to_spdlog(level));
}

}  // namespace mc::io

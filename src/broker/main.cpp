#include <csignal>
#include <cstdio>

#include "broker/shell/broker_options.hpp"
#include "broker/shell/broker_shell.hpp"
#include "io/log.hpp"
#include "io/open_files.hpp"

namespace {

enum Exit { exit_ok = 0, exit_failed = 1, exit_usage = 2 };

int run(int argc, char** argv) {
    mc::broker::BrokerOptions target;
    mc::io::Options options = mc::broker::broker_command(target);
    const auto parsed = options.parse(mc::io::arguments(argc, argv));
    if (!parsed) {
        std::fprintf(stderr, "mcbroker: %s\n", parsed.error().message.c_str());
        return exit_usage;
    }
    if (parsed->help || parsed->version) {
        std::fputs((parsed->help ? options.help() : options.version_text()).c_str(), stdout);
        return exit_ok;
    }
    const auto level = mc::io::parse_log_level(target.log_level);
    if (!level) {
        std::fprintf(stderr, "mcbroker: %s\n", level.error().message.c_str());
        return exit_usage;
    }
    mc::io::setup_log("mcbroker", *level);
    mc::io::ignore_pipe_signal();
    mc::io::raise_open_files_max();
    auto signals = mc::io::Signals::block({SIGINT, SIGTERM});
    if (!signals) {
        mc::io::log_error(signals.error().message);
        return exit_failed;
    }
    auto shell = mc::broker::BrokerShell::open(target, std::move(*signals));
    if (!shell) {
        mc::io::log_error(shell.error().message);
        return shell.error().code == mc::ErrorCode::usage ? exit_usage : exit_failed;
    }
    (*shell)->run();
    return exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mcbroker: %s; this is a bug, please report it\n", error.what());
        return exit_failed;
    }
}

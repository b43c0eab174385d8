#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include "io/clock.hpp"
#include "io/files.hpp"
#include "io/heap.hpp"
#include "io/log.hpp"
#include "io/options.hpp"
#include "io/random.hpp"
#include "io/signals.hpp"
#include "protocol/join_token.hpp"
#include "worker/shell/join.hpp"
#include "worker/shell/state_file.hpp"
#include "worker/shell/worker_options.hpp"
#include "worker/shell/worker_shell.hpp"

namespace {

using namespace mc;

enum ExitCode { exit_ok = 0, exit_failed = 1, exit_usage = 2 };

constexpr milliseconds turn_max = 1s;

int complain(const Error& error, int code) {
    std::fprintf(stderr, "mcworker: %s\n", error.message.c_str());
    return code;
}

void serve(worker::WorkerShell& shell, io::Poller& poller, io::Signals& signals) {
    bool stopping = false;
    bool now = false;
    poller.add_fd(signals.fd(), {.read = true, .write = false}, [&](io::Readiness) {
        while (signals.next()) {
            now = stopping;  // the second signal means it
            if (!stopping) io::exit_after(worker::bounds::stop_alarm, exit_ok);
            stopping = true;
        }
    });
    while (!stopping) shell.turn(turn_max);
    io::log_info("stopping; VMs keep running");
    shell.begin_stop();
    const Instant end = io::read_clock().instant + worker::bounds::stop_max;
    while (!now && !shell.idle() && io::read_clock().instant < end) shell.turn(worker::bounds::stop_turn_max);
    if (!shell.idle()) io::log_info("the jobs that are not done are left to this worker's next start");
    poller.remove_fd(signals.fd());
}

int join_cloud(const worker::WorkerOptions& options) {
    const auto joined = worker::join(options);
    if (!joined) return complain(joined.error(), exit_failed);
    std::printf("%s\n", joined->c_str());
    return exit_ok;
}

int run(int argc, char** argv) {
    auto options = worker::read_options(io::arguments(argc, argv, protocol::join_token_prefix));
    if (!options) return complain(options.error(), options.error().code == ErrorCode::usage ? exit_usage : exit_failed);
    if (!options->print.empty()) {
        std::fputs(options->print.c_str(), stdout);
        return exit_ok;
    }
    if (!options->join_token.empty()) return join_cloud(*options);
    io::setup_log("mcworker", options->log_level);
    io::ignore_pipe_signal();
    io::keep_freed_memory();
    auto signals = io::Signals::block({SIGINT, SIGTERM});
    if (!signals) return complain(signals.error(), exit_failed);
    if (const auto made = io::make_private_dir(options->state_dir); !made) return complain(made.error(), exit_failed);
    const auto lock = io::LockFile::acquire(worker::lock_file(options->state_dir));
    if (!lock) {
        return complain({lock.error().code, lock.error().message + "; a worker of another --node or --state-dir can "
                                                                   "run beside it"},
                        exit_failed);
    }
    auto state = worker::load_state(options->state_dir);
    if (!state) return complain(state.error(), exit_failed);
    // Before anything is made under it: the identity is what finds the VMs again.
    if (const auto saved = worker::save_state(options->state_dir, *state); !saved) {
        return complain(saved.error(), exit_failed);
    }
    worker::Settings settings = options->settings;
    settings.visits = options->engine.is_unix() && ::geteuid() == 0;
    while (!settings.boot) settings.boot = BootId{io::random_u64()};
    io::log_info("mcworker " + settings.version + ", node " + settings.name + " (" + state->node.str() + "): broker " +
                 options->broker + ", engine " + settings.engine + ", VMs at " + settings.advertise + ", state in " +
                 options->state_dir.string());

    io::Context context;
    io::Poller poller;
    worker::WorkerShell shell(
        context, poller, {options->broker, options->engine, options->state_dir, options->security}, settings, *state);
    if (const auto begun = shell.begin(); !begun) return complain(begun.error(), exit_usage);
    serve(shell, poller, *signals);
    return exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mcworker: %s\n", error.what());
        return exit_failed;
    }
}

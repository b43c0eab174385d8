#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "cli/core/stream_session.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/connection.hpp"
#include "cli/shell/stream_pump.hpp"
#include "cli/shell/terminal.hpp"
#include "io/clock.hpp"
#include "io/signals.hpp"

/// exec, logs and tunnels.
namespace mc::cli {
namespace {

struct StreamWish {
    protocol::Verb verb = protocol::Verb::exec;
    std::string target;
    protocol::Bytes data;
    bool input = false;
    bool tty = false;
};

struct StreamEnd {
    StreamPump::Ending ending;
    std::optional<Error> error;
    int exit_code = 0;
};

Result<StreamEnd> stream(App& app, StreamWish wish) {
    auto signals = io::Signals::block({SIGINT, SIGTERM, SIGHUP, SIGWINCH});
    if (!signals) return fail(signals.error());
    io::ignore_pipe_signal();
    auto connection = app.connect();
    if (!connection) return fail(connection.error());
    StreamSession session(wish.verb, new_request_id(), new_request_id(), wish.target, std::move(wish.data),
                          app.options().connect_timeout, io::read_clock().instant);
    std::optional<RawTerminal> raw;
    if (wish.tty && is_terminal(STDIN_FILENO)) {
        auto entered = RawTerminal::enter(STDIN_FILENO);
        if (!entered) return fail(entered.error());
        raw.emplace(std::move(*entered));
    }
    StreamEnd out;
    out.ending = StreamPump(session, *connection, *signals, wish.input, wish.tty).run();
    if (raw) raw->leave();
    out.error = session.done() ? session.error() : connection->trouble();
    if (!out.error) out.exit_code = session.exit_code();
    return out;
}

int finish(App& app, const StreamWish& wish, const Result<StreamEnd>& end) {
    if (!end) return app.report(end.error());
    if (end->ending.reader_left) return static_cast<int>(ExitCode::broken_pipe);
    if (end->ending.signal != 0) return 128 + end->ending.signal;
    if (!end->error) return end->exit_code;
    if (end->error->code == ErrorCode::broker_unreachable && end->error->message.empty()) {
        return app.report(app.broker_unreachable());
    }
    return report_about(app, wish.target, *end->error);
}

int run_exec_with(App& app, const std::string& target, protocol::ExecSpec spec) {
    if (spec.tty) {
        const auto size = terminal_size();
        spec.rows = size.rows;
        spec.columns = size.columns;
        // Programs draw for the terminal that they think they have.
        const char* term = std::getenv("TERM");
        const bool given =
            std::any_of(spec.env.begin(), spec.env.end(), [](const auto& e) { return e.starts_with("TERM="); });
        if (term != nullptr && !given) spec.env.push_back("TERM=" + std::string(term));
    }
    const StreamWish wish{protocol::Verb::exec, target, protocol::encode(spec), spec.input, spec.tty};
    return finish(app, wish, stream(app, wish));
}

}  // namespace

int run_exec_in(App& app, const std::string& target, const std::vector<std::string>& argv, bool tty) {
    protocol::ExecSpec spec;
    spec.argv = argv;
    spec.tty = tty;
    spec.input = true;
    return run_exec_with(app, target, std::move(spec));
}

int run_exec(App& app) {
    auto command = read_exec(app.settings(), app.line());
    if (!command) return app.report(command.error());
    const bool terminals = is_terminal(STDIN_FILENO) && is_terminal(STDOUT_FILENO);
    auto& spec = command->spec;
    spec.tty = command->tty == TtyWish::yes || (command->tty == TtyWish::automatic && terminals);
    spec.input = command->interactive || (spec.tty && terminals);
    return run_exec_with(app, command->target, std::move(spec));
}

int run_tunnel(App& app, const std::string& target) {
    const StreamWish wish{protocol::Verb::tunnel, target, {}, true, false};
    return finish(app, wish, stream(app, wish));
}

int run_logs(App& app) {
    const auto command = read_logs(app.settings(), app.line().operands, io::read_clock().wall);
    if (!command) return app.report(command.error());
    const StreamWish wish{protocol::Verb::logs, command->target, protocol::encode(command->spec), false, false};
    const auto end = stream(app, wish);
    // Ctrl-C is how one leaves a log that is followed.
    if (end && command->spec.follow && end->ending.signal == SIGINT) return 0;
    return finish(app, wish, end);
}

}  // namespace mc::cli

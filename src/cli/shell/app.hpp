#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/core/command_line.hpp"
#include "cli/core/commands.hpp"
#include "cli/core/exit_code.hpp"
#include "cli/core/request_driver.hpp"
#include "cli/core/text.hpp"
#include "cli/shell/connection.hpp"
#include "io/zmq.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"

namespace mc::cli {

/// What else than an answer ends the waiting, e.g. a key on a full screen.
struct Interrupt {
    std::vector<int> fds;            ///< watched while a request is under way
    std::function<bool()> on_ready;  ///< one of them can be read; true = give the request up
};

/// How a request is made.
struct CallOptions {
    std::optional<milliseconds> timeout;  ///< of the work, told to the broker; nullopt = an answer at once is expected
    std::string progress;  ///< "creating a VM": shown on a terminal; also makes Ctrl-C explain what goes on
    std::string what;      ///< "create": for the messages
    bool detach = false;   ///< the broker's word that it has the request is enough
    const Interrupt* interrupt = nullptr;
    bool remembered = true;  ///< by the broker, which goes on when nobody waits
};

/// What became of one request.
struct CallOutcome {
    RequestId id;
    bool detached = false;  ///< it was accepted, and nobody waits for its reply
    Result<protocol::Message> reply;
};

/// One run of mccli: the options, the connection, and how things are said.
/// Carries out what the core decides. Single thread.
class App {
public:
    App(CommonOptions options, Settings settings, CommandLine line);
    ~App();
    App(const App&) = delete;
    App& operator=(const App&) = delete;

    [[nodiscard]] const CommonOptions& options() const { return options_; }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] const CommandLine& line() const { return line_; }
    /// Whether output and errors are for programs: no spinner, no prose.
    [[nodiscard]] bool for_programs() const { return cli::for_programs(options_.output); }
    [[nodiscard]] const TextStyle& style() const { return style_; }
    [[nodiscard]] io::Context& context();
    /// Made when it is not there. Errors: io_failed, denied.
    [[nodiscard]] Result<std::filesystem::path> state_dir();

    /// To the broker that --broker and --context say, or the current context, or the usual place; with the keys of the
    /// context that is for it. Errors: not_found (no such context), and as io::read_connection.
    [[nodiscard]] Result<Route> route();
    /// Errors: as route(); invalid_argument (not an endpoint).
    [[nodiscard]] Result<Connection> connect();

    /// The connection of all call()s of this run. Errors: as connect().
    [[nodiscard]] Result<Connection*> shared_connection();

    /// One request to its reply, repeated under its id as RequestDriver says.
    /// Errors: broker_unreachable, deadline_exceeded, cancelled (Ctrl-C), and any refusal.
    [[nodiscard]] Result<protocol::Message> call(protocol::Verb verb, protocol::Bytes body,
                                                 const CallOptions& options = {});

    /// Many requests, several of them under way at once; their outcomes in the same order. The time-out is that of
    /// each.
    [[nodiscard]] std::vector<CallOutcome> call_all(protocol::Verb verb, std::vector<protocol::Bytes> bodies,
                                                    const CallOptions& options);

    /// call() with typed bodies.
    template <protocol::Body Reply>
    [[nodiscard]] Result<Reply> ask(protocol::Verb verb, protocol::Bytes body, const CallOptions& options = {}) {
        auto message = call(verb, std::move(body), options);
        if (!message) return fail(message.error());
        return protocol::decode<Reply>(message->body);
    }

    /// Whether Ctrl-C ended the waiting for a request.
    [[nodiscard]] bool interrupted() const { return interrupted_; }

    /// To stdout.
    void print(std::string_view text) const;
    /// To stdout in the format that was asked for; a listing as its names with --quiet, as a remark when it is empty.
    /// Returns the exit code 0.
    int show(const View& view) const;
    /// A sentence to stderr, as an object with -o json and yaml; returns the exit code to end with.
    int report(const Error& error) const;
    int report(const Error& error, ExitCode exit_code) const;
    /// A remark to stderr; not with --quiet.
    void remark(std::string_view text) const;
    /// "the broker at … does not answer": what failed and what to do.
    [[nodiscard]] Error broker_unreachable() const;

private:
    /// Makes a driver for each of `bodies` and takes them to their end. Errors: why that did not come.
    Result<void> drive(protocol::Verb verb, std::vector<protocol::Bytes>& bodies, const CallOptions& options,
                       std::deque<RequestDriver>& drivers);
    CallOutcome outcome_of(const RequestDriver& driver, const CallOptions& options, const Result<void>& ended);
    /// The broker's endpoint, for what is said of it; as it was given while there is no route.
    [[nodiscard]] const std::string& where() const { return route_ ? route_->endpoint : options_.broker; }
    Error explained(const Error& error, const CallOptions& options, RequestId id) const;

    CommonOptions options_;
    Settings settings_;
    CommandLine line_;
    TextStyle style_;
    std::unique_ptr<io::Context> context_;
    std::optional<Route> route_;
    std::unique_ptr<Connection> connection_;  ///< of call(); after the context, which has to outlive it
    bool interrupted_ = false;
    bool warned_ = false;  ///< a broker's warning is shown once, not with each page
};

/// Says an error before there is an App.
int report_error(const Error& error, ExitCode exit_code, OutputFormat format);

/// mccli with these arguments (without the program's name). Returns the process's exit code.
int run(std::span<const std::string> args);

}  // namespace mc::cli

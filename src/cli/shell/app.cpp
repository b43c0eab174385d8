#include "cli/shell/app.hpp"

#include <unistd.h>

#include <cstdio>

#include "cli/core/output.hpp"
#include "cli/shell/route.hpp"
#include "cli/shell/terminal.hpp"
#include "io/files.hpp"

namespace mc::cli {
namespace {

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;  // a closed stdout ends us by SIGPIPE; nothing else can be said about it
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

}  // namespace

App::App(CommonOptions options, Settings settings, CommandLine line)
    : options_(std::move(options)),
      settings_(std::move(settings)),
      line_(std::move(line)),
      style_(style_of(STDOUT_FILENO)) {
    if (options_.output != OutputFormat::wide) return;
    style_.wide = true;
    style_.columns = 0;
}

App::~App() = default;

io::Context& App::context() {
    if (!context_) context_ = std::make_unique<io::Context>();
    return *context_;
}

Result<Route> App::route() {
    if (!route_) {
        auto found = find_route(options_);
        if (!found) return found;
        route_ = std::move(*found);
    }
    return *route_;
}

Result<Connection> App::connect() {
    auto found = route();
    if (!found) return fail(found.error());
    return Connection::open(context(), std::move(*found));
}

Result<Connection*> App::shared_connection() {
    if (!connection_ || connection_->trouble()) {
        auto made = connect();
        if (!made) return fail(made.error());
        connection_ = std::make_unique<Connection>(std::move(*made));
    }
    return connection_.get();
}

Result<std::filesystem::path> App::state_dir() {
    const std::filesystem::path path =
        options_.state_dir.empty() ? io::state_dir() : std::filesystem::path(options_.state_dir);
    if (auto made = io::make_private_dir(path); !made) return fail(made.error());
    return std::filesystem::absolute(path);
}

void App::print(std::string_view text) const {
    write_all(STDOUT_FILENO, text);
}

void App::remark(std::string_view text) const {
    if (!options_.quiet) write_all(STDERR_FILENO, "mccli: " + printable(text) + "\n");
}

int App::show(const View& view) const {
    const bool table = options_.output == OutputFormat::table || options_.output == OutputFormat::wide;
    const bool listing = !view.none.empty();
    const OutputFormat format = table && listing && options_.quiet ? OutputFormat::name : options_.output;
    const std::string text = rendered(view, format, style_);
    if (text.empty() && format != OutputFormat::name && listing) remark(view.none);
    print(text);
    return 0;
}

int report_error(const Error& error, ExitCode exit_code, OutputFormat format) {
    write_all(STDERR_FILENO, rendered_error(error, exit_code, format));
    return static_cast<int>(exit_code);
}

int App::report(const Error& error, ExitCode exit_code) const {
    return report_error(error, exit_code, options_.output);
}

int App::report(const Error& error) const {
    return report(error, interrupted_ ? ExitCode::interrupted : exit_code_for(error.code));
}

Error App::broker_unreachable() const {
    if (connection_ && connection_->was_taken()) {
        return Error{ErrorCode::broker_unreachable,
                     "the broker at " + where() +
                         " takes the connection and does not answer; it hangs, is overloaded, or is no broker: on its "
                         "machine see systemctl status mcbroker, journalctl -u mcbroker"};
    }
    return Error{ErrorCode::broker_unreachable,
                 "the broker at " + where() +
                     " does not answer; start it with mcbroker (or ./scripts/quickstart), or say where it is with "
                     "--broker ENDPOINT or MC_BROKER"};
}

Error App::explained(const Error& error, const CallOptions& options, RequestId id) const {
    if (error.code == ErrorCode::broker_unreachable) {
        Error out = broker_unreachable();
        if (options.timeout && options.remembered)
            out.message += "; should the request have arrived, `mccli job " + id.str() + "` tells";
        return out;
    }
    if (error.code == ErrorCode::deadline_exceeded && !options.remembered) {
        return Error{error.code, "the " + options.what + " did not end in time (" + error.message + ")"};
    }
    if (error.code == ErrorCode::deadline_exceeded && options.timeout) {
        return Error{error.code, "the " + options.what + " did not end in time (" + error.message +
                                     ") and may still go on; look with `mccli job " + id.str() +
                                     "`, end it with `mccli cancel " + id.str() + "`"};
    }
    if (error.code == ErrorCode::deadline_exceeded) {
        return Error{error.code, "the broker at " + where() + " stopped answering (" + error.message + ")"};
    }
    return error;
}

}  // namespace mc::cli

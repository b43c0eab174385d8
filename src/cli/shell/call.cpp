#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "cli/core/progress_line.hpp"
#include "cli/core/request_driver.hpp"
#include "cli/shell/app.hpp"
#include "cli/shell/connection.hpp"
#include "cli/shell/spinner.hpp"
#include "io/clock.hpp"
#include "io/poller.hpp"
#include "io/signals.hpp"

/// The loop around RequestDriver.
namespace mc::cli {
namespace {

// Beyond the deadline that the broker was told: its own word on a time-out is better than ours.
constexpr milliseconds reply_slack{5000};
// For what the broker answers from memory, once it has given a first word.
constexpr milliseconds answer_timeout{10000};

Request make_request(protocol::Verb verb, protocol::Bytes body, const CallOptions& options,
                     milliseconds connect_timeout) {
    Request request;
    request.verb = verb;
    request.id = new_request_id();
    request.body = std::move(body);
    request.connect_timeout = connect_timeout;
    request.timeout = options.timeout.value_or(milliseconds(0));
    request.reply_timeout =
        options.timeout ? *options.timeout + reply_slack : std::max(answer_timeout, connect_timeout);
    return request;
}

/// Sends what the driver wants sent; on a new socket when it wants one.
Result<void> carry_out(RequestDriver& driver, Connection& connection, io::Poller& poller,
                       const std::function<void()>& on_messages) {
    while (const auto send = driver.take_send()) {
        if (send->fresh_socket) {
            connection.detach(poller);
            if (auto renewed = connection.renew(); !renewed) return renewed;
            connection.attach(poller, on_messages);
        }
        connection.send(send->message);
    }
    return {};
}

std::string interrupted_text(const RequestDriver& driver, const CallOptions& options) {
    const std::string id = driver.id().str();
    if (!driver.accepted()) {
        return "interrupted before the broker answered; whether the " + options.what +
               " happens nevertheless tells `mccli job " + id + "`";
    }
    return "interrupted, but the " + options.what + " goes on; look with `mccli job " + id +
           "`, end it with `mccli cancel " + id + "`";
}

}  // namespace

Result<protocol::Message> App::call(protocol::Verb verb, protocol::Bytes body, const CallOptions& options) {
    std::optional<io::Signals> signals;
    bool interrupted = false;
    if (options.timeout) {
        // Blocked before the library makes its thread; only where there is something to explain.
        auto blocked = io::Signals::block({SIGINT, SIGTERM});
        if (!blocked) return fail(blocked.error());
        signals = std::move(*blocked);
    }
    const auto shared = shared_connection();
    if (!shared) return fail(shared.error());
    Connection* connection = *shared;
    const Instant start = io::read_clock().instant;
    RequestDriver driver(make_request(verb, std::move(body), options, options_.connect_timeout), start);
    Spinner spinner(options.progress, !options_.quiet && !for_programs(), start);

    io::Poller poller;
    const auto on_messages = [&] {
        while (auto message = connection->receive()) driver.on_message(io::read_clock().instant, *message);
    };
    connection->attach(poller, on_messages);
    if (signals) {
        poller.add_fd(signals->fd(), {},
                      [&](io::Readiness) { interrupted = signals->next().has_value() || interrupted; });
    }
    while (!driver.done() && !interrupted && !connection->trouble()) {
        if (auto sent = carry_out(driver, *connection, poller, on_messages); !sent) return fail(sent.error());
        const Instant now = io::read_clock().instant;
        poller.wait(std::clamp(std::min(driver.next_deadline(), spinner.next(now)) - now, milliseconds(0),
                               milliseconds(60000)));
        const Instant later = io::read_clock().instant;
        driver.on_tick(later);
        while (const auto progress = driver.take_progress()) spinner.on_progress(*progress);
        spinner.draw(later);
    }
    connection->detach(poller);
    if (signals) poller.remove_fd(signals->fd());
    spinner.clear();
    if (interrupted && !driver.done()) {
        interrupted_ = true;
        return fail(ErrorCode::cancelled, interrupted_text(driver, options));
    }
    if (!driver.done()) return fail(*connection->trouble());
    if (driver.error()) return fail(explained(*driver.error(), options, driver.id()));
    if (const auto refused = refusal(*driver.reply())) return fail(*refused);
    if (driver.reply()->header.value == protocol::reply_value::warning && !std::exchange(warned_, true)) {
        remark("warning: " + driver.reply()->data);
    }
    return *driver.reply();
}

}  // namespace mc::cli

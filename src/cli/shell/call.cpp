#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <deque>
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

// Requests of one command that are under way at once: enough to keep every node busy, little of what one user may have
// waiting at the broker.
constexpr std::size_t under_way_max = 32;

/// Sends what the drivers want sent; on one new socket when one of them wants it.
Result<void> carry_out(std::deque<RequestDriver>& drivers, Connection& connection, io::Poller& poller,
                       const std::function<void()>& on_messages) {
    std::vector<protocol::Message> messages;
    bool fresh_socket = false;
    for (auto& driver : drivers) {
        while (auto send = driver.take_send()) {
            fresh_socket = fresh_socket || send->fresh_socket;
            messages.push_back(std::move(send->message));
        }
    }
    if (fresh_socket) {
        // Answers come to the socket that asked: those of all the others would be lost with the old one.
        messages.clear();
        for (auto& driver : drivers) {
            driver.on_fresh_socket(io::read_clock().instant);
            while (auto send = driver.take_send()) messages.push_back(std::move(send->message));
        }
        connection.detach(poller);
        if (auto renewed = connection.renew(); !renewed) return renewed;
        connection.attach(poller, on_messages);
    }
    for (const auto& message : messages) connection.send(message);
    return {};
}

std::string interrupted_text(const RequestDriver& driver, const CallOptions& options) {
    if (!options.remembered) return "interrupted; what the " + options.what + " had not done yet is given up";
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
    std::vector<protocol::Bytes> bodies;
    bodies.push_back(std::move(body));
    return std::move(call_all(verb, std::move(bodies), options).front().reply);
}

std::vector<CallOutcome> App::call_all(protocol::Verb verb, std::vector<protocol::Bytes> bodies,
                                       const CallOptions& options) {
    std::deque<RequestDriver> drivers;
    auto ended = drive(verb, bodies, options, drivers);
    std::vector<CallOutcome> out;
    for (const auto& driver : drivers) out.push_back(outcome_of(driver, options, ended));
    while (out.size() < bodies.size()) {
        const Error error =
            interrupted_ ? Error{ErrorCode::cancelled, "interrupted before it was asked for"} : ended.error();
        out.push_back({RequestId{}, false, fail(error)});
    }
    return out;
}

CallOutcome App::outcome_of(const RequestDriver& driver, const CallOptions& options, const Result<void>& ended) {
    CallOutcome out{driver.id(), false, fail(ErrorCode::internal, "")};
    if (!driver.done() && options.detach && driver.accepted()) {
        out.detached = true;
    } else if (!driver.done()) {
        out.reply = fail(interrupted_ ? Error{ErrorCode::cancelled, interrupted_text(driver, options)} : ended.error());
    } else if (driver.error()) {
        out.reply = fail(explained(*driver.error(), options, driver.id()));
    } else if (const auto refused = refusal(*driver.reply())) {
        out.reply = fail(*refused);
    } else {
        if (driver.reply()->header.value == protocol::reply_value::warning && !std::exchange(warned_, true)) {
            remark("warning: " + driver.reply()->data);
        }
        out.reply = *driver.reply();
    }
    return out;
}

Result<void> App::drive(protocol::Verb verb, std::vector<protocol::Bytes>& bodies, const CallOptions& options,
                        std::deque<RequestDriver>& drivers) {
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
    Spinner spinner(options.progress, !options_.quiet && !for_programs(), io::read_clock().instant);

    io::Poller poller;
    const auto on_messages = [&] {
        while (auto message = connection->receive()) {
            for (auto& driver : drivers) driver.on_message(io::read_clock().instant, *message);
        }
    };
    const auto is_under_way = [&](const RequestDriver& driver) {
        return !driver.done() && !(options.detach && driver.accepted());
    };
    connection->attach(poller, on_messages);
    if (signals) {
        poller.add_fd(signals->fd(), {},
                      [&](io::Readiness) { interrupted = signals->next().has_value() || interrupted; });
    }
    const std::vector<int> watched = options.interrupt != nullptr ? options.interrupt->fds : std::vector<int>{};
    for (const int fd : watched) {
        poller.add_fd(fd, {}, [&](io::Readiness) { interrupted = options.interrupt->on_ready() || interrupted; });
    }
    Result<void> ended;
    while (!interrupted && !connection->trouble()) {
        auto under_way = static_cast<std::size_t>(std::count_if(drivers.begin(), drivers.end(), is_under_way));
        const Instant now = io::read_clock().instant;
        for (; drivers.size() < bodies.size() && under_way < under_way_max; ++under_way) {
            auto& body = bodies[drivers.size()];
            drivers.emplace_back(make_request(verb, std::move(body), options, options_.connect_timeout), now);
        }
        if (under_way == 0) break;
        if (ended = carry_out(drivers, *connection, poller, on_messages); !ended) break;
        Instant next = spinner.next(now);
        for (const auto& driver : drivers) next = std::min(next, driver.next_deadline());
        poller.wait(std::clamp(next - now, milliseconds(0), milliseconds(60000)));
        const Instant later = io::read_clock().instant;
        for (auto& driver : drivers) {
            driver.on_tick(later);
            while (const auto progress = driver.take_progress()) spinner.on_progress(*progress);
        }
        spinner.draw(later);
    }
    connection->detach(poller);
    if (signals) poller.remove_fd(signals->fd());
    for (const int fd : watched) poller.remove_fd(fd);
    spinner.clear();
    const bool all_done = drivers.size() == bodies.size() && std::none_of(drivers.begin(), drivers.end(), is_under_way);
    interrupted_ = interrupted_ || (interrupted && !all_done);
    if (connection->trouble() && ended) ended = fail(*connection->trouble());
    return ended;
}

}  // namespace mc::cli

#include <algorithm>
#include <csignal>

#include "base/version.hpp"
#include "cli/core/event_filter.hpp"
#include "cli/core/event_follower.hpp"
#include "cli/core/request_driver.hpp"
#include "cli/core/views.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/connection.hpp"
#include "io/clock.hpp"
#include "io/poller.hpp"
#include "io/signals.hpp"
#include "protocol/endpoints.hpp"

/// watch: the loop around EventFollower.
namespace mc::cli {
namespace {

using protocol::Verb;

class Watch {
public:
    Watch(App& app, Connection& connection, io::Socket& events, std::string me, std::optional<EventSeq> since,
          const EventFilter& filter)
        : app_(app),
          connection_(connection),
          events_(events),
          me_(std::move(me)),
          filter_(filter),
          follower_(since, io::read_clock().instant) {}

    /// Until a signal, or until the broker no longer lets this key in: then why.
    std::optional<Error> run(io::Signals& signals) {
        io::Poller poller;
        bool stop = false;
        connection_.attach(poller, [&] { on_replies(); });
        poller.add(events_, {}, [&](io::Readiness) { on_events(); });
        poller.add_fd(signals.fd(), {}, [&](io::Readiness) { stop = signals.next().has_value() || stop; });
        while (!stop && !refused_) {
            carry_out();
            const Instant now = io::read_clock().instant;
            poller.wait(std::clamp(follower_.next_deadline() - now, milliseconds(0), milliseconds(60000)));
            follower_.on_tick(io::read_clock().instant);
            if (connection_.trouble()) refused_ = connection_.trouble();
        }
        poller.remove_fd(signals.fd());
        poller.remove(events_);
        connection_.detach(poller);
        return refused_;
    }

private:
    void on_replies() {
        while (const auto message = connection_.receive()) {
            if (message->header.kind != protocol::Kind::reply) continue;
            if (message->header.code == ErrorCode::not_authorised) refused_ = refusal(*message);
            if (message->header.id != replay_) continue;
            if (message->header.code != ErrorCode::ok) continue;  // the follower asks again
            const auto reply = protocol::decode<protocol::EventsReply>(message->body);
            if (reply) follower_.on_replay(io::read_clock().instant, *reply);
        }
    }

    void on_events() {
        // Bounded, so that replies and Ctrl-C get their turn under any load.
        constexpr int messages_per_turn_max = 1000;
        for (int i = 0; i < messages_per_turn_max; ++i) {
            auto frames = events_.receive();
            if (!frames) return;
            if (frames->size() < 2) continue;
            const auto message = protocol::from_frames(std::span(*frames).subspan(1));
            if (!message) continue;
            const Instant now = io::read_clock().instant;
            if (message->header.verb == Verb::events_published) {
                if (const auto batch = protocol::decode<protocol::EventBatch>(message->body)) {
                    for (const auto& event : batch->events) follower_.on_event(now, event);
                }
            } else if (message->header.verb == Verb::event_beacon) {
                if (const auto beacon = protocol::decode<protocol::Beacon>(message->body))
                    follower_.on_beacon(now, *beacon);
            }
        }
    }

    void send(Verb verb, RequestId id, protocol::Bytes body) {
        protocol::Message message;
        message.header.verb = verb;
        message.header.id = id;
        message.body = std::move(body);
        connection_.send(message);
    }

    template <class AsJson, class AsText>
    std::string shown(AsJson json, AsText text) const {
        if (app_.options().output == OutputFormat::json) return line(json());
        if (app_.options().output == OutputFormat::yaml) return "---\n" + yaml(json());
        return text();
    }

    void carry_out() {
        std::string out;
        for (const auto& effect : follower_.take_effects()) {
            if (const auto* print = std::get_if<EventFollower::Print>(&effect)) {
                if (!filter_.holds(print->event)) continue;
                out += shown([&] { return json_event(print->event); },
                             [&] { return text_event(print->event, me_, app_.style()); });
            } else if (const auto* gap = std::get_if<EventFollower::Gap>(&effect)) {
                out += shown([&] { return json_gap(gap->first, gap->last); },
                             [&] { return text_gap(gap->first, gap->last); });
            } else if (const auto* other = std::get_if<EventFollower::OtherCloud>(&effect)) {
                out += shown([&] { return json_other_cloud(other->cloud); },
                             [&] { return text_other_cloud(other->cloud); });
            } else if (const auto* remark = std::get_if<EventFollower::Remark>(&effect)) {
                app_.remark(remark->text);
            } else if (const auto* replay = std::get_if<EventFollower::AskReplay>(&effect)) {
                replay_ = new_request_id();
                send(Verb::events, replay_, protocol::encode(protocol::EventsRequest{replay->after}));
            } else {
                send(Verb::beacon, new_request_id(), {});
            }
        }
        if (!out.empty()) app_.print(out);
    }

    App& app_;
    Connection& connection_;
    io::Socket& events_;
    std::string me_;  ///< name of the key that watches
    const EventFilter& filter_;
    EventFollower follower_;
    RequestId replay_;
    std::optional<Error> refused_;
};

}  // namespace

int run_watch(App& app) {
    const auto since = read_watch(app.settings());
    if (!since) return app.report(since.error());
    const auto filter = EventFilter::read(app.settings());
    if (!filter) return app.report(filter.error());
    if (app.options().output == OutputFormat::csv || app.options().output == OutputFormat::name) {
        return app.report(Error{ErrorCode::usage, "watch has no csv and no names: use -o table, json or yaml"});
    }
    auto signals = io::Signals::block({SIGINT, SIGTERM, SIGHUP});
    if (!signals) return app.report(signals.error());
    const auto hello =
        app.ask<protocol::HelloReply>(Verb::hello, protocol::encode(protocol::HelloRequest{mc::version}));
    if (!hello) return app.report(hello.error());
    const auto route = app.route();
    if (!route) return app.report(route.error());
    io::SocketOptions options;
    options.security = route->security;
    io::Socket events = io::Socket::sub(app.context(), options);
    events.subscribe("");
    if (auto r = events.connect(protocol::reached_endpoint(hello->events_endpoint, route->endpoint)); !r) {
        return app.report(r.error());
    }
    auto connection = app.connect();
    if (!connection) return app.report(connection.error());
    const auto refused = Watch(app, *connection, events, hello->name, *since, *filter).run(*signals);
    return refused ? app.report(*refused) : 0;
}

}  // namespace mc::cli

#include "base/version.hpp"
#include "cli/core/views.hpp"
#include "cli/shell/commands.hpp"
#include "io/clock.hpp"

/// nodes, job, jobs, cancel, version.
namespace mc::cli {

using protocol::Verb;

int run_nodes(App& app) {
    const auto reply = app.ask<protocol::NodesReply>(Verb::nodes, {});
    if (!reply) return app.report(reply.error());
    if (app.json()) {
        app.print(json_nodes(reply->nodes));
    } else if (app.options().quiet) {
        for (const auto& node : reply->nodes) app.print(node.name + "\n");
    } else if (reply->nodes.empty()) {
        app.remark(
            "there are no nodes yet; start a worker on a machine with Docker: mcworker --broker ENDPOINT --node NAME");
    } else {
        app.print(text_nodes(reply->nodes, app.style()));
    }
    return 0;
}

int run_node_action(App& app, VerbId verb) {
    const auto command = read_node_action(verb, app.settings(), app.line().operands);
    if (!command) return app.report(command.error());
    const auto& targets = command->request.targets;
    const std::string what(name_of(command->verb));
    const std::string doing =
        command->verb == Verb::drain
            ? "draining " + (targets.size() == 1 ? targets.front() : std::to_string(targets.size()) + " nodes")
            : "";
    return run_items(app, command->verb, targets, protocol::encode(command->request), {command->timeout, doing, what});
}

int run_job(App& app) {
    const auto id = read_request_id(app.line().operands);
    if (!id) return app.report(id.error());
    const auto reply = app.ask<protocol::JobReply>(Verb::job, protocol::encode(protocol::JobRequest{*id}));
    if (!reply) return app.report(reply.error());
    app.print(app.json() ? json_job(reply->job) : text_job(reply->job, io::read_clock().wall, app.style()));
    return 0;
}

int run_jobs(App& app) {
    const protocol::JobsRequest asked{static_cast<std::uint16_t>(Verb::revoke)};
    const auto reply = app.ask<protocol::JobsReply>(Verb::jobs, protocol::encode(asked));
    if (!reply) return app.report(reply.error());
    if (app.json())
        app.print(json_jobs(reply->jobs));
    else if (reply->jobs.empty())
        app.remark("there are no requests to show");
    else
        app.print(text_jobs(reply->jobs, io::read_clock().wall, app.style()));
    return 0;
}

int run_cancel(App& app) {
    const auto id = read_request_id(app.line().operands);
    if (!id) return app.report(id.error());
    const auto reply = app.call(Verb::cancel, protocol::encode(protocol::JobRequest{*id}));
    if (!reply) return app.report(reply.error());
    if (!app.json() && !app.options().quiet) app.print("cancelled " + id->str() + "\n");
    return 0;
}

int run_version(App& app) {
    Versions versions{mc::version, "", {}, {}, {}, {}};
    const auto hello =
        app.ask<protocol::HelloReply>(Verb::hello, protocol::encode(protocol::HelloRequest{mc::version}));
    if (hello) {
        versions.broker = hello->version;
        versions.cloud = hello->cloud;
        versions.epoch = hello->epoch;
        versions.last_event = hello->last_event;
        if (auto nodes = app.ask<protocol::NodesReply>(Verb::nodes, {})) versions.nodes = std::move(nodes->nodes);
    }
    app.print(app.json() ? json_versions(versions) : text_versions(versions));
    return 0;
}

}  // namespace mc::cli

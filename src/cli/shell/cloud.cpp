#include "base/version.hpp"
#include "cli/core/listings.hpp"
#include "cli/core/vm_filter.hpp"
#include "cli/shell/commands.hpp"
#include "io/clock.hpp"

/// nodes, job, jobs, cancel, version.
namespace mc::cli {

using protocol::Verb;

int run_nodes(App& app) {
    const auto reply = app.ask<protocol::NodesReply>(Verb::nodes, {});
    if (!reply) return app.report(reply.error());
    return app.show(view_nodes(reply->nodes));
}

int run_node_info(App& app) {
    const auto reply = app.ask<protocol::NodesReply>(Verb::nodes, {});
    if (!reply) return app.report(reply.error());
    const auto node = find_node(reply->nodes, app.line().operands.front());
    if (!node) return app.report(node.error());
    ListCommand there;
    there.filter.nodes = {node->name};
    const auto vms = list_all(app);
    if (!vms) return app.report(vms.error());
    return app.show(view_node({*node, chosen(there, *vms)}, io::read_clock().wall));
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
    return app.show(view_job(reply->job, io::read_clock().wall));
}

int run_jobs(App& app) {
    const protocol::JobsRequest asked{static_cast<std::uint16_t>(Verb::update)};
    const auto reply = app.ask<protocol::JobsReply>(Verb::jobs, protocol::encode(asked));
    if (!reply) return app.report(reply.error());
    return app.show(view_jobs(reply->jobs, io::read_clock().wall));
}

int run_cancel(App& app) {
    const auto id = read_request_id(app.line().operands);
    if (!id) return app.report(id.error());
    const auto reply = app.call(Verb::cancel, protocol::encode(protocol::JobRequest{*id}));
    if (!reply) return app.report(reply.error());
    if (!app.for_programs() && !app.options().quiet) app.print("cancelled " + id->str() + "\n");
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
    return app.show(view_versions(versions));
}

}  // namespace mc::cli

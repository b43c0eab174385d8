#include <algorithm>

#include "cli/core/listings.hpp"
#include "cli/shell/commands.hpp"
#include "io/clock.hpp"

/// images, images pull, images remove: a request for each node, all at once.
namespace mc::cli {
namespace {

using protocol::ImageAction;
using protocol::ImagesReply;
using protocol::ImagesRequest;
using protocol::Verb;

Error explained(const Error& error) {
    if (error.code != ErrorCode::unknown_verb || error.message.find("mcworker") != std::string::npos) return error;
    return {error.code, "this broker is of a release that knows no images: it needs a newer mcbroker"};
}

std::vector<Result<ImagesReply>> ask_all(App& app, const std::vector<ImagesRequest>& requests,
                                         const CallOptions& call) {
    std::vector<protocol::Bytes> bodies;
    for (const auto& request : requests) bodies.push_back(protocol::encode(request));
    std::vector<Result<ImagesReply>> replies;
    for (const auto& outcome : app.call_all(Verb::images, std::move(bodies), call)) {
        replies.push_back(outcome.reply ? protocol::decode<ImagesReply>(outcome.reply->body)
                                        : fail(explained(outcome.reply.error())));
    }
    return replies;
}

/// "pulling debian:12 to lab-1", "… to 3 nodes".
std::string progress_of(const ImagesCommand& command, const std::vector<std::string>& nodes) {
    const std::string where = nodes.size() == 1 ? nodes.front() : std::to_string(nodes.size()) + " nodes";
    if (command.action == ImageAction::list) return "asking " + where;
    const std::string what =
        command.images.size() == 1 ? command.images.front() : std::to_string(command.images.size()) + " images";
    return command.action == ImageAction::pull ? "pulling " + what + " to " + where
                                               : "removing " + what + " from " + where;
}

CallOptions call_of(const ImagesCommand& command, const std::vector<std::string>& nodes) {
    CallOptions call;
    call.timeout = command.timeout;
    call.progress = progress_of(command, nodes);
    call.what = command.action == ImageAction::list   ? "listing"
                : command.action == ImageAction::pull ? "pull"
                                                      : "removal";
    call.remembered = false;
    return call;
}

/// Says each of `errors`, and finds the exit code of a whole of which `parts` were asked for.
int report_parts(const App& app, const std::vector<Error>& errors, std::size_t parts) {
    if (errors.empty()) return static_cast<int>(ExitCode::ok);
    for (const auto& error : errors) {
        if (!app.interrupted() || error.code != ErrorCode::cancelled) app.report(error);
    }
    // Of all nodes the same, so once.
    const auto cut = std::find_if(errors.begin(), errors.end(),
                                  [](const Error& error) { return error.code == ErrorCode::cancelled; });
    if (app.interrupted() && cut != errors.end()) return app.report(*cut);
    return static_cast<int>(errors.size() == parts ? exit_code_for(errors.front().code) : ExitCode::partly_failed);
}

/// The sentences of brokers and workers mostly name the node.
Error about_node(const std::string& node, Error error) {
    if (error.code != ErrorCode::cancelled && error.message.find(node) == std::string::npos)
        error.message.insert(0, node + ": ");
    return error;
}

Result<ImageNodes> nodes_for(App& app, const ImagesCommand& command, const CallOptions& options = {}) {
    const auto reply = app.ask<protocol::NodesReply>(Verb::nodes, {}, options);
    if (!reply) return fail(reply.error());
    return nodes_of(command, reply->nodes);
}

}  // namespace

int run_images(App& app) {
    const auto command = read_images(app.settings(), app.line().operands, ImageAction::list);
    if (!command) return app.report(command.error());
    const auto nodes = nodes_for(app, *command);
    if (!nodes) return app.report(nodes.error());
    const auto vms = list_all(app);
    if (!vms) return app.report(vms.error());
    std::vector<ImagesRequest> requests;
    for (const auto& node : nodes->names) requests.push_back({node, ImageAction::list, ""});
    const auto replies = ask_all(app, requests, call_of(*command, nodes->names));
    std::vector<ImageRow> rows;
    std::vector<Error> errors = nodes->unknown;
    for (std::size_t i = 0; i < replies.size(); ++i) {
        const auto& node = nodes->names[i];
        if (!replies[i]) {
            errors.push_back(about_node(node, replies[i].error()));
            continue;
        }
        const auto some = image_rows(*command, node, *replies[i], *vms);
        rows.insert(rows.end(), some.begin(), some.end());
        if (replies[i]->left_out != 0) {
            app.remark("node " + node + " has " + std::to_string(replies[i]->left_out) + " more, which are not shown");
        }
    }
    // Nothing to show because nobody could be asked is no empty list.
    if (errors.empty() || !rows.empty() || app.for_programs()) app.show(view_images(rows, io::read_clock().wall));
    return report_parts(app, errors, replies.size() + nodes->unknown.size());
}

int run_image_action(App& app, ImageAction action) {
    const auto command = read_images(app.settings(), app.line().operands, action);
    if (!command) return app.report(command.error());
    const auto nodes = nodes_for(app, *command);
    if (!nodes) return app.report(nodes.error());
    if (nodes->names.empty() && nodes->unknown.empty()) {
        return app.report({ErrorCode::no_node, "this cloud has no nodes; see: mccli nodes"});
    }
    std::vector<ImagesRequest> requests;
    for (const auto& image : command->images) {
        for (const auto& node : nodes->names) requests.push_back({node, action, image});
    }
    const auto results = image_results(action, requests, ask_all(app, requests, call_of(*command, nodes->names)));
    const bool table = app.options().output == OutputFormat::table || app.options().output == OutputFormat::wide;
    if (!table || !app.options().quiet) app.show(view_image_results(results));
    std::vector<Error> errors = nodes->unknown;
    for (const auto& result : results) {
        if (result.error) errors.push_back(about_node(result.node, *result.error));
    }
    return report_parts(app, errors, results.size() + nodes->unknown.size());
}

std::vector<std::string> image_names(App& app, const CallOptions& options) {
    ImagesCommand command;
    const auto nodes = nodes_for(app, command, options);
    if (!nodes) return {};
    std::vector<ImagesRequest> requests;
    for (const auto& node : nodes->names) requests.push_back({node, ImageAction::list, ""});
    std::vector<std::string> names;
    for (const auto& reply : ask_all(app, requests, options)) {
        if (!reply) continue;
        for (const auto& image : reply->images) {
            if (!image.name.empty()) names.push_back(image.name);
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

}  // namespace mc::cli

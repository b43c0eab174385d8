#include "cli/core/completion.hpp"

#include "cli/core/listings.hpp"
#include "cli/shell/commands.hpp"
#include "io/contexts.hpp"

/// completion, complete.
namespace mc::cli {
namespace {

// A person has pressed Tab: a broker that is away must not be felt, unless they have said how long it may take.
constexpr milliseconds live_names_timeout{300};

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        out.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

std::vector<std::string> live_names(App& app, Completion::Live live) {
    if (live == Completion::Live::contexts) return io::Contexts().names();
    if (live == Completion::Live::nodes) {
        const auto reply = app.ask<protocol::NodesReply>(protocol::Verb::nodes, {});
        return reply ? lines_of(names(json_nodes(reply->nodes))) : std::vector<std::string>{};
    }
    if (live == Completion::Live::images) {
        CallOptions quick;
        quick.timeout = app.options().connect_timeout;  // an engine may take its time
        return image_names(app, quick);
    }
    if (live == Completion::Live::none) return {};
    const auto vms = list_all(app);
    auto found = vms ? lines_of(names(json_vms(*vms))) : std::vector<std::string>{};
    if (live == Completion::Live::vm_paths) {
        for (auto& name : found) name += ':';
    }
    return found;
}

}  // namespace

int run_completion(App& app) {
    const auto script = completion_script(app.line().operands.front());
    if (!script) return app.report(script.error());
    app.print(*script);
    return 0;
}

int run_complete(App& app) {
    const Completion found = complete(app.line().operands);
    std::string out;
    for (const auto& word : found.words) out += found.before + word + "\n";
    CommonOptions options = app.options();
    options.quiet = true;
    if (!app.settings().get("connect-timeout")) options.connect_timeout = live_names_timeout;
    if (!found.broker.empty()) options.broker = found.broker;
    if (!found.context.empty()) options.context = found.context;
    App quick(options, app.settings(), app.line());
    for (const auto& name : live_names(quick, found.live)) {
        if (name.starts_with(found.typed)) out += found.before + name + "\n";
    }
    app.print(out);
    return 0;
}

}  // namespace mc::cli

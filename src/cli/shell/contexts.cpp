#include "io/contexts.hpp"

#include "base/version.hpp"
#include "cli/core/listings.hpp"
#include "cli/shell/commands.hpp"

/// context, context show, use and remove. Only show asks a broker.
namespace mc::cli {

namespace {

ContextView view_of(const std::string& name, bool current, const Result<io::StoredConnection>& stored) {
    if (!stored) return {name, current, "", {}, {}, stored.error().message};
    return {name, current, stored->endpoint, stored->broker, stored->own.pub, ""};
}

}  // namespace

int run_contexts(App& app) {
    const io::Contexts contexts;
    std::vector<ContextView> views;
    const std::string current = contexts.current();
    for (const auto& name : contexts.names()) {
        views.push_back(view_of(name, name == current, contexts.load(name)));
    }
    return app.show(view_contexts(views));
}

int run_context_show(App& app) {
    const io::Contexts contexts;
    const std::string current = contexts.current();
    const auto& operands = app.line().operands;
    const std::string& asked = app.options().context;
    const std::string name = !operands.empty() ? operands.front() : asked.empty() ? current : asked;
    if (name.empty() || name == io::Contexts::none) {
        return app.report(
            {ErrorCode::not_found,
             "no context is used; name one (mccli context lists them), or join a cloud: mccli join TOKEN"});
    }
    const auto stored = contexts.load(name);
    if (!stored && stored.error().code == ErrorCode::not_found) return app.report(stored.error());
    ContextDetails details{view_of(name, name == current, stored), {}, ""};
    if (stored) {
        CommonOptions options = app.options();
        options.context = name;
        options.broker.clear();
        App there(options, app.settings(), app.line());
        auto said = there.ask<protocol::HelloReply>(protocol::Verb::hello,
                                                    protocol::encode(protocol::HelloRequest{mc::version}));
        if (said)
            details.said = std::move(*said);
        else
            details.silence = said.error().message;
    }
    return app.show(view_context(details));
}

int run_context_use(App& app) {
    if (auto used = io::Contexts().use(app.line().operands.front()); !used) return app.report(used.error());
    return 0;
}

int run_context_remove(App& app) {
    if (auto removed = io::Contexts().remove(app.line().operands.front()); !removed) {
        return app.report(removed.error());
    }
    return 0;
}

}  // namespace mc::cli

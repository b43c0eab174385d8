#include "io/contexts.hpp"

#include "cli/core/context_views.hpp"
#include "cli/shell/commands.hpp"

/// context, context use, context remove: no broker is asked.
namespace mc::cli {

int run_contexts(App& app) {
    const io::Contexts contexts;
    std::vector<ContextView> views;
    std::string names;
    const std::string current = contexts.current();
    for (const auto& name : contexts.names()) {
        const auto stored = contexts.load(name);
        names += name + "\n";
        views.push_back(stored
                            ? ContextView{name, name == current, stored->endpoint, stored->broker, stored->own.pub, ""}
                            : ContextView{name, name == current, "", {}, {}, stored.error().message});
    }
    if (app.json())
        app.print(json_contexts(views));
    else if (app.options().quiet)
        app.print(names);
    else if (views.empty())
        app.remark("there are no contexts; join a cloud with: mccli join TOKEN");
    else
        app.print(text_contexts(views, app.style()));
    return 0;
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

#include "cli/core/context_views.hpp"

#include "cli/core/json_helpers.hpp"
#include "cli/core/table.hpp"

namespace mc::cli {

std::string text_contexts(const std::vector<ContextView>& contexts, const TextStyle& style) {
    const std::vector<Column> columns{
        {"NAME", false, 10}, {"USED", false, 7}, {"BROKER", false, 9}, {"KEY", false, 8}, {"TROUBLE", false, 5},
    };
    std::vector<std::vector<Cell>> rows;
    for (const auto& context : contexts) {
        rows.push_back({{context.name, Colour::bold},
                        {context.current ? "*" : ""},
                        {context.endpoint},
                        {context.own ? context.own.fingerprint() : ""},
                        {context.trouble}});
    }
    return layout_table(columns, rows, style);
}

std::string json_contexts(const std::vector<ContextView>& contexts) {
    Json out = Json::array();
    for (const auto& context : contexts) {
        Json one;
        one["name"] = context.name;
        one["current"] = context.current;
        one["endpoint"] = text_or_null(context.endpoint);
        one["broker"] = context.broker ? Json(context.broker.fingerprint()) : Json(nullptr);
        one["key"] = context.own ? Json(context.own.fingerprint()) : Json(nullptr);
        one["trouble"] = text_or_null(context.trouble);
        out.push_back(std::move(one));
    }
    return pretty(out);
}

}  // namespace mc::cli

#include "cli/core/context_views.hpp"

#include "cli/core/json_helpers.hpp"
#include "cli/core/table.hpp"
#include "protocol/endpoints.hpp"

namespace mc::cli {
namespace {

/// "" = it is not known.
std::string fingerprint_of(const PublicKey& key) {
    return key ? key.fingerprint() : "";
}

/// Where the broker's events are reached from here.
std::string events_of(const ContextView& stored, const protocol::HelloReply& said) {
    return protocol::reached_endpoint(said.events_endpoint, stored.endpoint);
}

Json json_of(const ContextView& context) {
    Json one;
    one["name"] = context.name;
    one["current"] = context.current;
    one["endpoint"] = text_or_null(context.endpoint);
    one["broker"] = text_or_null(fingerprint_of(context.broker));
    one["key"] = text_or_null(fingerprint_of(context.own));
    one["trouble"] = text_or_null(context.trouble);
    return one;
}

}  // namespace

std::string text_contexts(const std::vector<ContextView>& contexts, const TextStyle& style) {
    const std::vector<Column> columns{
        {"NAME", false, 10}, {"USED", false, 7}, {"BROKER", false, 9}, {"KEY", false, 8}, {"TROUBLE", false, 5},
    };
    std::vector<std::vector<Cell>> rows;
    for (const auto& context : contexts) {
        rows.push_back({{context.name, Colour::bold},
                        {context.current ? "*" : ""},
                        {context.endpoint},
                        {fingerprint_of(context.own)},
                        {context.trouble}});
    }
    return layout_table(columns, rows, style);
}

Json json_contexts(const std::vector<ContextView>& contexts) {
    Json out = Json::array();
    for (const auto& context : contexts) out.push_back(json_of(context));
    return out;
}

std::string text_context(const ContextDetails& context, const TextStyle& style) {
    const auto& [stored, said, silence] = context;
    return layout_fields({{"name", {stored.name, Colour::bold}},
                          {"used", {stored.current ? "where no other is named" : "with --context " + stored.name}},
                          {"trouble", {stored.trouble, Colour::red}},
                          {"broker", {stored.endpoint}},
                          {"broker key", {fingerprint_of(stored.broker)}},
                          {"own key", {fingerprint_of(stored.own)}},
                          {"silence", {silence, Colour::red}},
                          {"known as", {said ? said->name : ""}},
                          {"role", {said ? std::string(name_of(said->role)) : ""}},
                          {"events", {said ? events_of(stored, *said) : ""}},
                          {"cloud", {said ? said->cloud.str() : ""}},
                          {"version", {said ? said->version : ""}}},
                         style);
}

Json json_context(const ContextDetails& context) {
    const auto& [stored, said, silence] = context;
    Json out = json_of(stored);
    out["owner"] = said ? Json(said->name) : Json(nullptr);
    out["role"] = said ? Json(std::string(name_of(said->role))) : Json(nullptr);
    out["events_endpoint"] = said ? Json(events_of(stored, *said)) : Json(nullptr);
    out["cloud"] = said ? Json(said->cloud.str()) : Json(nullptr);
    out["version"] = said ? Json(said->version) : Json(nullptr);
    out["silence"] = text_or_null(silence);
    return out;
}

}  // namespace mc::cli

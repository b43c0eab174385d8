#include "cli/core/event_filter.hpp"

#include <fnmatch.h>

#include <algorithm>

#include "cli/core/json_views.hpp"
#include "cli/core/output.hpp"
#include "cli/core/suggest.hpp"

namespace mc::cli {

Result<EventFilter> EventFilter::read(const Settings& settings) {
    EventFilter out;
    std::vector<std::string> known;
    for (const auto& field : columns_of_objects({"event"})) known.emplace_back(field);
    for (const auto& text : settings.all("filter")) {
        const auto equals = text.find('=');
        if (equals == std::string::npos) {
            return fail(ErrorCode::usage,
                        "--filter: \"" + text + "\" has no '='; write FIELD=PATTERN, such as kind='vm.*'");
        }
        const std::string field = text.substr(0, equals);
        if (std::find(known.begin(), known.end(), field) == known.end()) {
            const auto near = nearest(field, known);
            return fail(ErrorCode::usage, "--filter: \"" + field + "\" is no field of an event" +
                                              (near ? "; did you mean " + *near + "?"
                                                    : ": use one of the JSON fields, such as kind, name or node"));
        }
        out.patterns_[field].push_back(text.substr(equals + 1));
    }
    return out;
}

bool EventFilter::holds(const protocol::Event& event) const {
    if (patterns_.empty()) return true;
    const Json json = json_event(event);
    return std::all_of(patterns_.begin(), patterns_.end(), [&](const auto& of_field) {
        const Json& value = json[of_field.first];
        const std::string text = value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump();
        return std::any_of(of_field.second.begin(), of_field.second.end(), [&](const std::string& pattern) {
            return fnmatch(pattern.c_str(), text.c_str(), FNM_NOESCAPE) == 0;
        });
    });
}

}  // namespace mc::cli

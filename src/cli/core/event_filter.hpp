#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/core/command_line.hpp"
#include "protocol/event.hpp"

namespace mc::cli {

/// Which events are shown. Of conditions on one field one must hold, of fields all.
class EventFilter {
public:
    /// --filter FIELD=PATTERN, given any number of times: a JSON field of events, and a glob for the whole of it.
    /// Errors: usage (no such field, no '=').
    [[nodiscard]] static Result<EventFilter> read(const Settings& settings);

    [[nodiscard]] bool holds(const protocol::Event& event) const;

private:
    std::map<std::string, std::vector<std::string>> patterns_;  ///< by field
};

}  // namespace mc::cli

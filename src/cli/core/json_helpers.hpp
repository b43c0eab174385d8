#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.hpp"
#include "base/time.hpp"

/// How the JSON of json_views.hpp, key_views.hpp and the like is put together and written.
namespace mc::cli {

// Insertion order is kept: the fields people look for come first.
using Json = nlohmann::ordered_json;

[[nodiscard]] Json time_or_null(WallTime time);
[[nodiscard]] Json text_or_null(const std::string& text);
[[nodiscard]] Json error_json(ErrorCode code, const std::string& message);

/// Indented, with a line break at the end. Bytes that are not UTF-8 are replaced: peers must not send
/// them, but a listing must not die of one that does.
[[nodiscard]] std::string pretty(const Json& json);
/// The same on one line.
[[nodiscard]] std::string line(const Json& json);

}  // namespace mc::cli

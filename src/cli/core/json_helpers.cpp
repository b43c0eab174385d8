#include "cli/core/json_helpers.hpp"

#include "cli/core/quantities.hpp"

namespace mc::cli {
namespace {

std::string dumped(const Json& json, int spaces) {
    return json.dump(spaces, ' ', false, nlohmann::detail::error_handler_t::replace) + "\n";
}

}  // namespace

Json time_or_null(WallTime time) {
    return time.unix_ms == 0 ? Json(nullptr) : Json(format_time(time));
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json error_json(ErrorCode code, const std::string& message) {
    return Json{{"code", std::string(name_of(code))}, {"message", message}};
}

std::string pretty(const Json& json) {
    return dumped(json, 2);
}

std::string line(const Json& json) {
    return dumped(json, -1);
}

}  // namespace mc::cli

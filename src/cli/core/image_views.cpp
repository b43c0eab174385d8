#include "cli/core/image_views.hpp"

#include "cli/core/quantities.hpp"
#include "cli/core/table.hpp"

namespace mc::cli {
namespace {

using Status = ImageResult::Status;

std::string_view name_of(Status status) {
    switch (status) {
        case Status::pulled:
            return "pulled";
        case Status::removed:
            return "removed";
        case Status::absent:
            return "absent";
        case Status::failed:
            return "failed";
    }
    return "failed";
}

/// As `docker images` shows it, unless everything is wanted.
std::string shown_id(const std::string& id, bool whole) {
    constexpr std::size_t digits = 12;
    if (whole) return id;
    const auto colon = id.find(':');
    return id.substr(colon == std::string::npos ? 0 : colon + 1, digits);
}

std::string age(WallTime created, WallTime now) {
    return created.unix_ms <= 0 ? "" : format_age(milliseconds(now.unix_ms - created.unix_ms));
}

}  // namespace

Json json_images(const std::vector<ImageRow>& rows) {
    Json out = Json::array();
    for (const auto& row : rows) {
        out.push_back(Json{{"node", row.node},
                           {"name", text_or_null(row.image.name)},
                           {"id", row.image.id},
                           {"size_bytes", row.image.size_bytes},
                           {"created", time_or_null(row.image.created)},
                           {"vms", row.vms ? Json(*row.vms) : Json(nullptr)}});
    }
    return out;
}

std::string text_images(const std::vector<ImageRow>& rows, WallTime now, const TextStyle& style) {
    const std::vector<Column> columns{{"NODE", false, 9}, {"IMAGE", false, 10}, {"ID", false, 5},
                                      {"SIZE", true, 8},  {"AGE", true, 6},     {"VMS", true, 7}};
    std::vector<std::vector<Cell>> cells;
    for (const auto& row : rows) {
        const bool named = !row.image.name.empty();
        cells.push_back({{row.node},
                         {named ? row.image.name : "<none>", named ? Colour::bold : Colour::dim},
                         {shown_id(row.image.id, style.wide)},
                         {format_size(row.image.size_bytes)},
                         {age(row.image.created, now)},
                         {row.vms ? std::to_string(*row.vms) : ""}});
    }
    return cells.empty() ? "" : layout_table(columns, cells, style);
}

Json json_image_results(const std::vector<ImageResult>& results) {
    Json out = Json::array();
    for (const auto& result : results) {
        out.push_back(
            Json{{"status", std::string(name_of(result.status))},
                 {"node", result.node},
                 {"name", result.image},
                 {"id", result.pulled ? Json(result.pulled->id) : Json(nullptr)},
                 {"size_bytes", result.pulled ? Json(result.pulled->size_bytes) : Json(nullptr)},
                 {"error", result.error ? error_json(result.error->code, result.error->message) : Json(nullptr)}});
    }
    return out;
}

std::string text_image_results(const std::vector<ImageResult>& results) {
    std::string out;
    for (const auto& result : results) {
        switch (result.status) {
            case Status::pulled:
                out += result.image + " pulled to " + printable(result.node);
                if (result.pulled) {
                    out += ": " + printable(shown_id(result.pulled->id, false)) + ", " +
                           format_size(result.pulled->size_bytes);
                }
                break;
            case Status::removed:
                out += result.image + " removed from " + printable(result.node);
                break;
            case Status::absent:
                out += result.image + " is not on " + printable(result.node);
                break;
            case Status::failed:
                continue;
        }
        out += "\n";
    }
    return out;
}

}  // namespace mc::cli

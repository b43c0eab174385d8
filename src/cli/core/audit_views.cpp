#include "cli/core/audit_views.hpp"

#include "cli/core/json_helpers.hpp"
#include "cli/core/quantities.hpp"
#include "cli/core/table.hpp"

namespace mc::cli {

using protocol::AuditEntry;

std::string text_audit(const std::vector<AuditEntry>& entries, const TextStyle& style) {
    const std::vector<Column> columns{
        {"ENTRY", true, 7},   {"TIME", false, 6},    {"WHO", false, 10},    {"KEY", false, 3},
        {"ACTION", false, 9}, {"TARGET", false, 10}, {"OUTCOME", false, 8}, {"DETAIL", false, 4, 16},
    };
    std::vector<std::vector<Cell>> rows;
    for (const auto& entry : entries) {
        const bool good = entry.code == ErrorCode::ok;
        rows.push_back({{std::to_string(entry.seq)},
                        {format_time(entry.time), Colour::dim},
                        {entry.name, Colour::bold},
                        {entry.key},
                        {entry.action},
                        {entry.target},
                        {std::string(name_of(entry.code)), good ? Colour::plain : Colour::red},
                        {entry.detail}});
    }
    return rows.empty() ? "" : layout_table(columns, rows, style);
}

Json json_audit(const std::vector<AuditEntry>& entries) {
    Json out = Json::array();
    for (const auto& entry : entries) {
        Json one;
        one["seq"] = entry.seq;
        one["time"] = format_time_ms(entry.time);
        one["name"] = entry.name;
        one["key"] = text_or_null(entry.key);
        one["action"] = entry.action;
        one["target"] = text_or_null(entry.target);
        one["code"] = std::string(name_of(entry.code));
        one["request"] = entry.request ? Json(entry.request.str()) : Json(nullptr);
        one["detail"] = text_or_null(entry.detail);
        one["previous"] = text_or_null(entry.previous);
        one["hash"] = entry.hash;
        out.push_back(std::move(one));
    }
    return out;
}

std::string text_audit_check(const AuditCheck& check) {
    if (check.count() == 0) return "the audit log is empty\n";
    std::string out = "entries " + std::to_string(check.first()) + " to " + std::to_string(check.last().seq) +
                      " follow each other, and none was changed\n";
    if (check.noted_at() != 0) out += "entry " + std::to_string(check.noted_at()) + " has the hash that was noted\n";
    return out + "last hash: " + printable(check.last().hash) + "\n";
}

Json json_audit_check(const AuditCheck& check) {
    const bool any = check.count() != 0;
    return Json{{"entries", check.count()},
                {"first", any ? Json(check.first()) : Json(nullptr)},
                {"last", any ? Json(check.last().seq) : Json(nullptr)},
                {"last_hash", text_or_null(check.last().hash)},
                {"noted", check.noted_at() != 0 ? Json(check.noted_at()) : Json(nullptr)}};
}

}  // namespace mc::cli

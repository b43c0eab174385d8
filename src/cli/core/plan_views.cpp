#include "cli/core/plan_views.hpp"

#include <algorithm>
#include <array>

#include "cli/core/json_views.hpp"
#include "cli/core/table.hpp"
#include "cli/core/views.hpp"

namespace mc::cli {
namespace {

using protocol::ItemResult;

constexpr std::array<PlanAction, 5> all_actions{PlanAction::create, PlanAction::replace, PlanAction::remove,
                                                PlanAction::differs, PlanAction::unchanged};

Colour colour_of(PlanAction action) {
    switch (action) {
        case PlanAction::create:
            return Colour::green;
        case PlanAction::unchanged:
            return Colour::dim;
        case PlanAction::differs:
            return Colour::yellow;
        case PlanAction::replace:
        case PlanAction::remove:
            return Colour::red;
    }
    return Colour::plain;
}

std::string text_of(const Difference& difference) {
    return difference.field + ": " + difference.is.value_or("nothing") + ", wanted " +
           difference.wanted.value_or("nothing");
}

/// "3 to create, 1 unchanged".
std::string summary(const std::vector<PlanItem>& plan) {
    std::string out;
    for (const auto action : all_actions) {
        const auto count = std::count_if(plan.begin(), plan.end(), [&](const auto& i) { return i.action == action; });
        if (count == 0) continue;
        const bool is_done = action != PlanAction::unchanged && action != PlanAction::differs;
        const std::string word = action == PlanAction::differs && count > 1 ? "differ" : std::string(name_of(action));
        out += (out.empty() ? "" : ", ") + std::to_string(count) + (is_done ? " to " : " ") + word;
    }
    return out;
}

std::string not_compared(const std::vector<PlanItem>& plan) {
    std::string out;
    for (const auto& field : file_fields()) {
        const auto has = [&](const PlanItem& item) {
            return std::find(item.not_compared.begin(), item.not_compared.end(), field.name) != item.not_compared.end();
        };
        if (std::any_of(plan.begin(), plan.end(), has)) out += (out.empty() ? "" : ", ") + std::string(field.name);
    }
    return out;
}

Json item_json(const PlanItem& item) {
    const auto value = [](const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); };
    Json out;
    out["name"] = item.name;
    out["action"] = std::string(name_of(item.action));
    out["differences"] = Json::array();
    for (const auto& one : item.differences) {
        out["differences"].push_back(Json{{"field", one.field}, {"is", value(one.is)}, {"wanted", value(one.wanted)}});
    }
    out["not_compared"] = Json::array();
    for (const auto& field : item.not_compared) out["not_compared"].push_back(std::string(field));
    return out;
}

Json json_plan(const std::vector<PlanItem>& plan) {
    Json out = Json::array();
    for (const auto& item : plan) {
        out.push_back(item_json(item));
        out.back()["vm"] = item.vm ? json_vm(*item.vm) : Json(nullptr);
    }
    return out;
}

std::string_view status_of(const PlanItem& item, const ItemResult& result) {
    if (result.code != ErrorCode::ok) return "failed";
    switch (item.action) {
        case PlanAction::create:
            return "created";
        case PlanAction::replace:
            return "replaced";
        case PlanAction::remove:
            return "deleted";
        default:
            return "unchanged";
    }
}

Json json_applied(const Applied& applied) {
    Json out = Json::array();
    for (std::size_t i = 0; i < applied.plan.size(); ++i) {
        const auto& item = applied.items[i];
        Json one{{"status", status_of(applied.plan[i], item)}};
        one.update(item_json(applied.plan[i]));
        one["error"] = item.code == ErrorCode::ok ? Json(nullptr) : error_json(item.code, item.message);
        one["password"] = item.code == ErrorCode::ok ? text_or_null(applied.passwords[i]) : Json(nullptr);
        one["vm"] = item.vm ? json_vm(*item.vm) : Json(nullptr);
        out.push_back(std::move(one));
    }
    return out;
}

std::string text_applied(const Applied& applied, bool show_passwords, bool quiet, const TextStyle& style) {
    std::vector<ItemResult> made;
    std::vector<ItemResult> gone;
    std::vector<std::string> passwords;
    for (std::size_t i = 0; i < applied.plan.size(); ++i) {
        const auto action = applied.plan[i].action;
        if (action == PlanAction::remove) gone.push_back(applied.items[i]);
        if (action != PlanAction::create && action != PlanAction::replace) continue;
        made.push_back(applied.items[i]);
        passwords.push_back(applied.passwords[i]);
    }
    const bool any = std::any_of(passwords.begin(), passwords.end(), [](const auto& one) { return !one.empty(); });
    if (!show_passwords || !any) passwords.clear();
    if (quiet) return text_created_names(made, passwords);
    const auto text = text_items(gone, "deleted") + text_created_all(made, passwords, style);
    return text.empty() ? "" : "\n" + text;  // the plan stands above it
}

}  // namespace

std::string text_plan(const std::vector<PlanItem>& plan, const TextStyle& style) {
    if (plan.empty()) return "";
    const std::vector<Column> columns{
        {"NAME", false, 10}, {"ACTION", false, 9}, {"STATE", false, 7}, {"WHY", false, 8, 12}};
    std::vector<std::vector<Cell>> rows;
    for (const auto& item : plan) {
        const std::string state = item.vm ? std::string(name_of(item.vm->state)) : "";
        const std::string why = item.action == PlanAction::remove ? "not in the file"
                                : item.differences.empty()        ? ""
                                                                  : text_of(item.differences.front());
        rows.push_back(
            {{item.name, Colour::bold}, {std::string(name_of(item.action)), colour_of(item.action)}, {state}, {why}});
        for (std::size_t i = 1; i < item.differences.size(); ++i) {
            rows.push_back({{""}, {""}, {""}, {text_of(item.differences[i])}});
        }
    }
    std::string out = layout_table(columns, rows, style) + "\n" + summary(plan) + "\n";
    const auto differs = [](const PlanItem& item) { return item.action == PlanAction::differs; };
    if (std::any_of(plan.begin(), plan.end(), differs)) {
        out += "what differs can't be changed in place: apply --replace deletes such a VM, and makes it anew, empty\n";
    }
    const auto fields = not_compared(plan);
    if (!fields.empty()) out += "not compared, since it counts only when a VM is made: " + fields + "\n";
    return out;
}

View view_plan(const std::vector<PlanItem>& plan) {
    return {.json = [&plan] { return json_plan(plan); },
            .text = [&plan](const TextStyle& style) { return text_plan(plan, style); },
            .objects = {"plan", "planned"},
            .none = "there are no VMs in the file"};
}

View view_applied(const Applied& applied, bool show_passwords, bool quiet) {
    return {.json = [&applied] { return json_applied(applied); },
            .text = [&applied, show_passwords,
                     quiet](const TextStyle& style) { return text_applied(applied, show_passwords, quiet, style); },
            .objects = {"applied", "plan", "planned"}};
}

ItemResult left_alone(const PlanItem& item) {
    std::string fields;
    for (const auto& one : item.differences) fields += (fields.empty() ? "" : ", ") + one.field;
    return {item.name, ErrorCode::already_exists,
            item.name + " is there and differs in " + fields +
                ", which can't be changed in place; apply --replace deletes it, and makes it anew, empty",
            item.vm};
}

}  // namespace mc::cli

#pragma once

#include <string>
#include <vector>

#include "cli/core/output.hpp"
#include "cli/core/vm_plan.hpp"
#include "protocol/client_bodies.hpp"

namespace mc::cli {

/// What `diff` shows, and `apply` before it begins. Refers to `plan`.
[[nodiscard]] View view_plan(const std::vector<PlanItem>& plan);

/// "1 to create, 2 unchanged", then what to know about it.
[[nodiscard]] std::string text_plan(const std::vector<PlanItem>& plan, const TextStyle& style);

/// What has become of a plan, item by item.
struct Applied {
    std::vector<PlanItem> plan;
    std::vector<protocol::ItemResult> items;  ///< one for each of `plan`
    std::vector<std::string> passwords;       ///< likewise; "" = none
};

/// What `apply` shows at its end: in a table only what is new or gone, since the plan was shown before. Refers to
/// `applied`. `show_passwords`: also in text, where a sheet has them otherwise.
[[nodiscard]] View view_applied(const Applied& applied, bool show_passwords, bool quiet);

/// Why `item`, which differs, was left alone.
[[nodiscard]] protocol::ItemResult left_alone(const PlanItem& item);

}  // namespace mc::cli

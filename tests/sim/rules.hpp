#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/rule.hpp"

namespace mc::sim {

[[nodiscard]] std::string_view name_of(Rule rule);
[[nodiscard]] std::optional<Rule> rule_named(std::string_view name);
[[nodiscard]] const std::vector<Rule>& all_rules();

#ifdef MC_RULE_SWITCHES
inline constexpr bool has_rule_switches = true;
#else
inline constexpr bool has_rule_switches = false;
#endif

/// From now on the cores in this process do without `rule`; nullopt: all rules hold. REQUIRES: nullopt, or
/// has_rule_switches.
void do_without(std::optional<Rule> rule);

}  // namespace mc::sim

#include "sim/rules.hpp"

#include <array>

#include "base/assert.hpp"

namespace mc {

#ifdef MC_RULE_SWITCHES
namespace {

/// One process simulates one cloud at a time.
std::optional<Rule> missing;

}  // namespace

bool rule_holds(Rule rule) {
    return missing != rule;
}
#endif

namespace sim {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Rule::count)> names{
    "repeat_answered_from_memory",
    "same_id_means_same_request",
    "outcomes_survive_a_restart",
    "commit_before_speaking",
    "epoch_rises_at_every_start",
    "event_numbers_go_on",
    "orders_are_repeated",
    "one_job_per_vm",
    "spare_is_nobodys",
    "job_shields_its_vm",
    "silence_is_noticed",
    "unread_is_not_silent",
    "silent_is_not_lost",
    "keep_means_keep",
    "stop_by_person_stays",
    "what_runs_is_wanted",
    "failed_removal_is_retried",
    "tombstones",
    "orphan_grace",
    "orphans_are_removed",
    "waiters_expire",
    "streams_end_with_their_node",
    "deny_by_default",
    "owners_are_kept_apart",
    "quotas_hold",
    "topics_are_per_owner",
    "revoked_keys_are_gone",
    "revocation_ends_what_is_open",
    "tokens_are_used_up",
    "nodes_are_bound_to_keys",
    "changes_are_audited",
    "audit_log_goes_on",
    "epoch_fencing",
    "epoch_is_durable",
    "job_runs_once",
    "one_job_at_a_time",
    "removal_makes_others_give_up",
    "fresh_inventory_only",
    "name_is_the_vms",
    "look_before_resent_create",
    "taken_name_is_looked_at",
    "adoption_needs_labels",
    "surplus_is_removed",
    "own_sshd_answers",
    "spare_becomes_its_vm",
    "keys_are_in_before_ready",
    "deleted_has_ended",
    "leftovers_are_ended",
    "streams_end_with_the_session",
    "registers_anew_when_unknown",
    "request_keeps_its_id",
    "holes_are_noticed",
    "holes_are_filled",
};

}  // namespace

std::string_view name_of(Rule rule) {
    return names[static_cast<std::size_t>(rule)];
}

std::optional<Rule> rule_named(std::string_view name) {
    for (const Rule rule : all_rules()) {
        if (name_of(rule) == name) return rule;
    }
    return std::nullopt;
}

const std::vector<Rule>& all_rules() {
    static const std::vector<Rule> rules = [] {
        std::vector<Rule> all;
        for (std::size_t i = 0; i < names.size(); ++i) all.push_back(static_cast<Rule>(i));
        return all;
    }();
    return rules;
}

void do_without(std::optional<Rule> rule) {
#ifdef MC_RULE_SWITCHES
    missing = rule;
#else
    MC_ASSERT(!rule);
#endif
}

}  // namespace sim
}  // namespace mc

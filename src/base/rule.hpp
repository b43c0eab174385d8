#pragma once

#include <cstdint>

namespace mc {

/// The rules that keep the promises, each by the name under which the simulator
/// can do without it (`sim --without RULE`, docs/failure-model.md "Mutation check").
///
/// Programs have no such switch: rule_holds is true at compile time, and
/// tests/lint looks for it in them. Only the cores that the simulator links are
/// compiled with MC_RULE_SWITCHES.
enum class Rule : std::uint8_t {
    // broker
    repeat_answered_from_memory,
    same_id_means_same_request,
    outcomes_survive_a_restart,
    commit_before_speaking,
    epoch_rises_at_every_start,
    event_numbers_go_on,
    orders_are_repeated,
    one_job_per_vm,
    spare_is_nobodys,
    job_shields_its_vm,
    silence_is_noticed,
    unread_is_not_silent,
    silent_is_not_lost,
    keep_means_keep,
    stop_by_person_stays,
    what_runs_is_wanted,
    failed_removal_is_retried,
    tombstones,
    orphan_grace,
    orphans_are_removed,
    waiters_expire,
    streams_end_with_their_node,
    deny_by_default,
    owners_are_kept_apart,
    quotas_hold,
    topics_are_per_owner,
    revoked_keys_are_gone,
    revocation_ends_what_is_open,
    tokens_are_used_up,
    nodes_are_bound_to_keys,
    changes_are_audited,
    audit_log_goes_on,
    // worker
    epoch_fencing,
    epoch_is_durable,
    job_runs_once,
    one_job_at_a_time,
    removal_makes_others_give_up,
    fresh_inventory_only,
    name_is_the_vms,
    look_before_resent_create,
    taken_name_is_looked_at,
    adoption_needs_labels,
    surplus_is_removed,
    own_sshd_answers,
    spare_becomes_its_vm,
    keys_are_in_before_ready,
    deleted_has_ended,
    leftovers_are_ended,
    streams_end_with_the_session,
    registers_anew_when_unknown,
    // cli
    request_keeps_its_id,
    holes_are_noticed,
    holes_are_filled,
    count,
};

#ifdef MC_RULE_SWITCHES
/// tests/sim/rules.cpp
[[nodiscard]] bool rule_holds(Rule rule);
#else
/// At compile time only: not even a debug build has a symbol for it.
[[nodiscard]] consteval bool rule_holds(Rule /*rule*/) {
    return true;
}
#endif

}  // namespace mc

#include "sim/faults.hpp"

namespace mc::sim {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Fault::count)> names{
    "connection_dropped",
    "message_lost",
    "message_repeated",
    "old_connection_late",
    "partition",
    "partition_one_way",
    "flapping",
    "slow_link",
    "send_refused",
    "message_vanished",
    "message_doubled",
    "old_broker_speaks",
    "old_broker_answers",
    "clock_skewed",
    "clock_stepped",
    "all_clocks_stepped",
    "broker_crashed",
    "broker_crashed_before_commit",
    "broker_crashed_after_commit",
    "broker_crashed_between_sends",
    "commit_torn",
    "broker_terminated",
    "rolling_restart",
    "broker_paused",
    "disk_full",
    "disk_slow",
    "worker_crashed",
    "worker_crashed_in_create",
    "worker_terminated",
    "machine_off",
    "worker_paused",
    "worker_state_not_saved",
    "engine_slow",
    "engine_hung",
    "engine_failing",
    "engine_restarted",
    "engine_restarted_live",
    "engine_disk_full",
    "engine_answer_lost",
    "engine_removal_stuck",
    "port_taken",
    "image_pulled",
    "pull_failed",
    "ssh_silent",
    "other_vm_answers",
    "exits_at_start",
    "container_died",
    "container_removed",
    "container_renamed",
    "container_dead",
    "container_copied",
    "container_orphaned",
    "name_squatted",
    "name_conflict",
    "client_died",
    "client_repeated",
    "client_reused_id",
};

}  // namespace

std::string_view name_of(Fault fault) {
    return names[static_cast<std::size_t>(fault)];
}

}  // namespace mc::sim

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mc::sim {

/// Every kind of fault the simulator knows. Each must fire in a run of many
/// seeds, or the run fails: a fault that never fires proves nothing.
enum class Fault : std::uint8_t {
    // network
    connection_dropped,
    message_lost,
    message_repeated,     ///< sent again after a reconnect though it had arrived
    old_connection_late,  ///< what a replaced socket had sent arrives after the new one's
    partition,
    partition_one_way,
    flapping,
    slow_link,
    send_refused,      ///< a full pipe: the ROUTER takes no more for a peer
    message_vanished,  ///< on a connection that stays up: a full pipe of a DEALER or PUB
    message_doubled,
    old_broker_speaks,   ///< an earlier broker's orders come to a worker that obeys a later one
    old_broker_answers,  ///< and it answers a worker's registration
    // clocks
    clock_skewed,
    clock_stepped,
    all_clocks_stepped,
    // broker
    broker_crashed,
    broker_crashed_before_commit,
    broker_crashed_after_commit,
    broker_crashed_between_sends,
    commit_torn,  ///< the machine ended within a commit: it is there as a whole, or not at all
    broker_terminated,
    rolling_restart,
    broker_paused,
    broker_slow,  ///< reads less than comes
    disk_full,
    disk_slow,
    // worker
    worker_crashed,
    worker_crashed_in_create,  ///< while its engine is at a create
    worker_terminated,
    machine_off,  ///< worker, engine and all its containers
    worker_paused,
    worker_state_not_saved,
    // engine
    engine_slow,
    engine_hung,
    engine_failing,
    engine_restarted,
    engine_restarted_live,
    engine_disk_full,
    engine_answer_lost,  ///< the call was carried out, its answer never came
    engine_removal_stuck,
    port_taken,
    image_pulled,
    pull_failed,
    ssh_silent,
    start_left_behind,  ///< by a killed engine that knows nothing of it any more: it refuses every other start
    other_vm_answers,   ///< at a VM's port, until it is restarted: left over from a start in which an engine was killed
    visit_failed,       ///< a container could not be given a name and keys
    exits_at_start,
    container_died,
    container_removed,
    container_renamed,
    container_dead,
    container_copied,    ///< somebody made a second one with a VM's labels
    container_orphaned,  ///< one with our labels that nobody accounts for
    name_squatted,       ///< somebody else's container has a VM's name
    name_conflict,       ///< a create found its container there already
    // clients
    client_died,
    client_repeated,
    client_reused_id,
    // people
    others_vm_asked,  ///< for another's VM, by a user
    others_request_asked,
    others_id_used,  ///< a request's
    denied_verb_asked,
    key_replaced,       ///< somebody joined with a new key, and had the old one revoked
    key_refused,        ///< at the door
    revoked_key_spoke,  ///< on a connection from before
    token_raced,        ///< for two keys at once
    worker_posed_as_another,
    count,
};

[[nodiscard]] std::string_view name_of(Fault fault);

/// How often each kind fired.
class FaultCounts {
public:
    void fired(Fault fault) { ++counts_[static_cast<std::size_t>(fault)]; }
    void add(Fault fault, std::uint64_t times) { counts_[static_cast<std::size_t>(fault)] += times; }
    [[nodiscard]] std::uint64_t of(Fault fault) const { return counts_[static_cast<std::size_t>(fault)]; }
    void add(const FaultCounts& other) {
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    }

private:
    std::array<std::uint64_t, static_cast<std::size_t>(Fault::count)> counts_{};
};

}  // namespace mc::sim

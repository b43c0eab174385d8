#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "worker/core/job_table.hpp"

namespace mc::worker {

/// Tells the broker which containers there are: at once after a registration,
/// every bounds::inventory_interval, and sooner after a hint.
///
/// A list that began before the last job result was sent is thrown away: it may
/// not show what that job did, and the broker takes what is missing for gone.
/// What would be the same as the last one is left out as long as the broker says that it has that.
/// The list is also what the engine's health is judged by. A VM's second container
/// is removed, not reported (ADR 9); that of a VM with jobs is left to them.
class Inventory {
public:
    Inventory(JobContext& context, EngineHealth& health, const JobTable& jobs)
        : context_(context), health_(health), jobs_(jobs) {}

    /// The broker (again) knows us and wants to know everything.
    void on_registered(Now now);
    /// Nobody listens for the time being; lists go on for the engine's health.
    void on_connection_lost() { registered_ = false; }
    /// The broker says that it has the inventory of that number, and that everything is as it says there; 0 = of none.
    void on_settled(std::uint32_t number) { settled_ = number; }
    /// Nothing is told any more: on a machine that shuts down, engine and worker are stopped
    /// together, and VMs that end with the engine must not look as if it were their own doing.
    void begin_stop() { stopping_ = true; }
    /// Something may have changed: list sooner.
    void hint(Now now);
    /// Something happened to that VM's container; nullopt: of whose it is not known.
    void on_event(Now now, const std::optional<VmId>& vm);
    void on_result_sent(Now now);

    void on_tick(Now now);
    void on_call_done(Now now, CallId id, CallPurpose purpose, const CallResult& result);
    [[nodiscard]] Instant next_deadline() const { return in_flight() ? Instant::never() : next_list_; }

    /// Containers of ours in the last complete list.
    [[nodiscard]] std::size_t containers() const { return containers_; }
    /// Those of VMs that ran then: the engine's ids.
    [[nodiscard]] const std::map<VmId, std::string>& running() const { return running_; }

private:
    [[nodiscard]] bool in_flight() const { return listing_ || details_pending_ > 0; }
    void list(Now now);
    void on_list(Now now, const CallResult& result);
    void end_leftovers(Now now, Leftovers::Engine engine, const std::set<std::string>& ids);
    void part_with_surplus();
    void ask_details(Now now);
    void finish_round(Now now);
    void send();

    JobContext& context_;
    EngineHealth& health_;
    const JobTable& jobs_;
    bool registered_ = false;
    bool stopping_ = false;
    bool listing_ = false;
    std::size_t details_pending_ = 0;
    std::map<CallId, std::string> key_calls_;  ///< host keys asked for: of which container
    std::vector<engine::ContainerInfo> listed_;
    std::size_t containers_ = 0;
    std::map<VmId, std::string> running_;
    protocol::Bytes sent_;       ///< the last one that was told to this broker; "" = none
    std::uint32_t number_ = 0;   ///< of that
    std::uint32_t settled_ = 0;  ///< as the broker last said
    std::uint64_t results_sent_ = 0;
    std::uint64_t results_at_list_ = 0;
    std::uint64_t registrations_ = 0;
    std::uint64_t registrations_at_list_ = 0;
    bool removing_surplus_ = false;
    std::string surplus_told_;  ///< the container of which the log has it
    Instant first_list_;        ///< of this process
    Instant last_list_;
    Instant next_list_;
    bool hinted_ = false;  ///< while a round was under way
};

}  // namespace mc::worker

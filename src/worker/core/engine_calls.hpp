#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "worker/core/effects.hpp"
#include "worker/core/settings.hpp"

namespace mc::worker {

/// Who waits for a call: a job, or one of the worker's own watchers below.
using OwnerId = Id64<struct OwnerTag>;
inline constexpr OwnerId owner_inventory{1};
inline constexpr OwnerId owner_watch{2};
inline constexpr OwnerId owner_health{3};
inline constexpr OwnerId owner_usage{4};
inline constexpr OwnerId owner_pool{5};
inline constexpr OwnerId owner_first_job{16};

/// Why a call is made. Decides its lane.
enum class CallPurpose : std::uint8_t {
    info,
    network,
    list,
    events,
    image_inspect,
    image_list,
    image_remove,
    pull,
    create,
    upload,
    update,
    start,
    stop,
    restart,
    remove,
    find,
    inspect,
    host_key,
    last_logs,
    logs,
    exec_create,
    exec_resize,
    exec_inspect,
    hang_up,
    usage,
};

/// Lets a bounded number of engine calls of each lane through, oldest first.
///
/// Lanes: heavy (create, upload, update, start, remove, also of images: Settings::engine_calls), patient
/// (stop, restart: they mostly wait), light (inspects and the like), pull, usage, and open
/// (list, info, events, logs: bounded where they come from). So a slow pull or stop
/// starves nobody. In the heavy lane a create goes last: a VM that was begun is
/// finished before another is begun. In the patient lane one that waits for its VM
/// longer than bounds::patient_turn takes no room any more: an hour's grace for eight
/// VMs is nobody else's wait. In the pull lane nobody has all places.
///
/// Pure. Owned by WorkerCore; single thread.
class EngineCalls {
public:
    struct Known {
        OwnerId owner;
        CallPurpose purpose;
    };

    EngineCalls(Outbox& outbox, std::size_t heavy_max);

    /// Starts a call now or when its lane has room. `vm_owner`: the person that a pull is for.
    CallId start(OwnerId owner, CallPurpose purpose, EngineRequest request, std::string vm_owner = {});

    /// Lets the next through where a stop waits for its VM.
    void on_tick(Now now);
    [[nodiscard]] Instant next_deadline() const;

    /// Frees the call's place. nullopt: nobody waits for it any more.
    std::optional<Known> finish(CallId id);

    /// Whose call it is; nullopt: nobody's any more.
    [[nodiscard]] std::optional<Known> find(CallId id) const;

    /// The owner's call of that purpose that is in flight.
    [[nodiscard]] std::optional<CallId> in_flight(OwnerId owner, CallPurpose purpose) const;

    /// Forgets the owner's calls that have not begun. True when there was one.
    bool cancel_queued(OwnerId owner);

    /// Forgets all calls of the owner and breaks off those in flight. What a
    /// broken-off call did is unknown.
    void cancel(OwnerId owner);

    [[nodiscard]] std::size_t in_flight_count() const { return flying_.size(); }

private:
    enum class Lane : std::uint8_t { heavy, patient, light, pull, usage, open };
    static constexpr std::size_t lanes = 6;
    struct Waiting {
        CallId id;
        OwnerId owner;
        CallPurpose purpose;
        EngineRequest request;
        std::string vm_owner;
    };
    struct Flying {
        Known known;
        std::string vm_owner;
        bool may_wait = false;         ///< for its VM, longer than its turn
        bool takes_room = true;        ///< in its lane
        std::optional<Instant> since;  ///< of the first tick that saw it
    };

    static Lane lane_of(CallPurpose purpose);
    void let_through(Lane lane);
    /// The next of the lane that may go now; nullopt: none.
    std::optional<Waiting> take_next(Lane lane);
    [[nodiscard]] bool may_go(const Waiting& waiting) const;
    /// A place for a stop that could be taken from one that waits.
    [[nodiscard]] bool is_patient_turn_awaited(const Flying& flying) const;

    Outbox& outbox_;
    std::array<std::size_t, lanes> max_;
    std::array<std::size_t, lanes> flying_count_{};
    std::array<std::deque<Waiting>, lanes> urgent_;
    std::array<std::deque<Waiting>, lanes> waiting_;
    std::size_t patient_count_ = 0;  ///< in flight, with those that take no room
    std::map<CallId, Flying> flying_;
    std::uint64_t last_id_ = 0;
};

}  // namespace mc::worker

#pragma once

#include <optional>
#include <string>

#include "worker/core/job.hpp"

/// Parts that jobs are made of. Each takes the job's events while it is at work
/// and returns its result once, with the event that completes it.
namespace mc::worker {

/// Finds a VM's container and proves that it is ours (pitfalls 27): the first
/// step of everything that touches one. Asks a silent engine a few times.
class Lookup {
public:
    /// No container: nullopt. Errors: engine_conflict (that name is somebody
    /// else's), engine_unreachable, engine_failed.
    using Found = Result<std::optional<engine::ContainerInfo>>;

    explicit Lookup(JobPort& port) : port_(port) {}

    void begin();
    [[nodiscard]] std::optional<Found> on_call_done(Now now, const CallResult& result);
    void on_timer();

private:
    [[nodiscard]] std::optional<Found> again(Now now, Error why);

    JobPort& port_;
    int tries_ = 0;
    std::string by_id_;  ///< asked for by the engine's id: nobody has its name
};

/// Removes a VM's container, running or not, and makes sure that it is gone. One
/// that is gone already is a success (pitfalls 19).
class Removal {
public:
    explicit Removal(JobPort& port) : port_(port), lookup_(port) {}

    void begin();
    [[nodiscard]] std::optional<Result<void>> on_call_done(Now now, CallPurpose purpose, const CallResult& result);
    void on_timer();

private:
    [[nodiscard]] std::optional<Result<void>> on_found(Now now, const Lookup::Found& found);

    JobPort& port_;
    Lookup lookup_;
    bool looking_ = false;
    int tries_ = 0;
    std::string last_failure_;
};

}  // namespace mc::worker

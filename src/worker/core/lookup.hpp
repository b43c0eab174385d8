#pragma once

#include <optional>
#include <string>
#include <vector>

#include "worker/core/job.hpp"

/// Parts that jobs are made of. Each takes the job's events while it is at work
/// and returns its result once, with the event that completes it.
namespace mc::worker {

/// Which of two containers of one VM stays: one that was ever started, then the older one.
[[nodiscard]] bool is_better(const engine::ContainerInfo& a, const engine::ContainerInfo& b);

/// Finds a VM's container by its labels, whatever its name is by now, and proves
/// that it is ours (pitfalls 27): the first step of everything that touches one.
/// Asks a silent engine a few times. When a VM has several, the worse ones are
/// removed first (ADR 9).
class Lookup {
public:
    enum class Detail : std::uint8_t {
        listed,     ///< what a list tells: id, labels, state, port
        inspected,  ///< everything
    };
    /// No container: nullopt. Errors: engine_unreachable, engine_failed, deadline_exceeded.
    using Found = Result<std::optional<engine::ContainerInfo>>;

    explicit Lookup(JobPort& port) : port_(port) {}

    void begin(Detail detail);
    [[nodiscard]] std::optional<Found> on_call_done(Now now, CallPurpose purpose, const CallResult& result);
    void on_timer() { find(); }

private:
    void find();
    [[nodiscard]] std::optional<Found> on_list(Now now, const CallResult& result);
    [[nodiscard]] std::optional<Found> on_inspected(Now now, const CallResult& result);
    [[nodiscard]] std::optional<Found> again(Now now, Error why);

    JobPort& port_;
    Detail detail_ = Detail::inspected;
    int tries_ = 0;
    int surplus_removed_ = 0;
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
    void look(Lookup::Detail detail);
    [[nodiscard]] Result<void> removed(Now now);
    [[nodiscard]] std::optional<Result<void>> on_found(Now now, const Lookup::Found& found);

    JobPort& port_;
    Lookup lookup_;
    Lookup::Detail detail_ = Lookup::Detail::listed;
    bool looking_ = false;
    int tries_ = 0;
    std::string container_;  ///< that was last asked to be removed
    std::string last_failure_;
};

}  // namespace mc::worker

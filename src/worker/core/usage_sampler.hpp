#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "worker/core/inventory.hpp"

namespace mc::worker {

/// What a VM uses, by its counters at two times. Without rates (span_ms 0) when there is no earlier sample, when a
/// counter went backwards (it was restarted in between), and when the two are more than bounds::usage_span_max apart.
[[nodiscard]] protocol::VmUsage usage_of(VmId vm, const std::optional<engine::UsageCounters>& before,
                                         const engine::UsageCounters& now);

/// Measures the node's running VMs in rounds while the broker says that somebody looks, and tells it after each.
/// ADR 30.
///
/// A round asks about each container of the last list, bounds::usage_calls_max at a time, and the next one begins when
/// it is over: an engine that is slow is asked less often, never more at once. Nothing is asked, and nothing kept,
/// while nobody looks.
class UsageSampler {
public:
    UsageSampler(JobContext& context, const Inventory& inventory) : context_(context), inventory_(inventory) {}

    /// A heartbeat of the broker has said it.
    void on_wanted(Now now, bool wanted);
    /// The broker is not there any more, or the worker is about to end.
    void stop();
    void on_tick(Now now);
    void on_call_done(Now now, CallId id, const CallResult& result);
    [[nodiscard]] Instant next_deadline() const { return asked_.empty() ? next_round_ : Instant::never(); }

private:
    struct Container {
        VmId vm;
        std::string id;
    };
    void finish_round(Now now);

    JobContext& context_;
    const Inventory& inventory_;
    Instant next_round_ = Instant::never();  ///< never: nobody looks
    Instant round_began_;
    std::map<CallId, Container> asked_;
    std::map<std::string, engine::UsageCounters> counters_;  ///< of the round under way, by container
    std::map<std::string, engine::UsageCounters> before_;    ///< of the one before
    std::vector<protocol::VmUsage> measured_;
};

}  // namespace mc::worker

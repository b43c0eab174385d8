#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "protocol/vm.hpp"
#include "worker/core/engine_replies.hpp"

namespace mc::worker {

/// Judges how exited containers ended: by themselves, together with the engine, or
/// before this process first looked. docs/adr/0012.
///
/// A container ended with the engine when it was first seen exited in the first
/// complete list after the engine was gone, or in the bounds::engine_ending_max before:
/// an engine that stops in an orderly way ends its containers first and still answers.
/// So did one that the engine stopped on an order which had got no answer.
///
/// Pure; from lists and this process's own clock only. Invariant: not larger than the
/// last list.
class Endings {
public:
    /// The engine can't be reached, or broke a connection off: it is being stopped. One
    /// that is merely slow, or answers with an error, is not gone.
    void on_engine_gone(Now now);
    /// One complete list of our containers.
    void on_list(Now now, const std::vector<engine::ContainerInfo>& listed);
    /// It was started just now: a later end is another one.
    void on_started(const std::string& container) { exits_.erase(container); }
    /// An order to stop or restart it has got no answer: the engine may carry it out at any
    /// time in the next bounds::late_stop_max, and that end is not the VM's own.
    void on_stop_unanswered(Now now, const std::string& container) { late_stops_[container] = now.instant; }

    /// `by_itself` for one that is not known to have exited.
    [[nodiscard]] protocol::Ended of(const std::string& container) const;

    /// Whether an end that is seen now, before the next list, was the engine's.
    [[nodiscard]] bool with_engine(const std::string& container) const {
        return gone_ || of(container) == protocol::Ended::with_engine;
    }

private:
    struct Exit {
        Instant seen;
        protocol::Ended ended = protocol::Ended::by_itself;
    };
    std::unordered_map<std::string, Exit> exits_;  ///< by the engine's id
    std::unordered_map<std::string, Instant> late_stops_;
    bool watching_ = false;  ///< there was a complete list already
    bool gone_ = false;      ///< the engine was gone after the last list
};

}  // namespace mc::worker

#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "protocol/vm.hpp"
#include "worker/core/engine_replies.hpp"
#include "worker/core/leftovers.hpp"

namespace mc::worker {

/// Judges how exited containers ended: by themselves, together with the engine, or
/// before this process first looked. docs/adr/0012.
///
/// A container ended with the engine when it was first seen exited in the first
/// complete list after the engine was gone, or in the bounds::engine_ending_max before:
/// an engine that stops in an orderly way ends its containers first and still answers.
///
/// Pure; from lists and this process's own clock only. Invariant: not larger than the
/// last list.
class Endings {
public:
    /// The engine can't be reached, or broke a connection off: it is being stopped. One
    /// that is merely slow, or answers with an error, is not gone.
    void on_engine_gone(Now now);
    /// Nothing can be seen of the engine, though it may live: it might be restarted meanwhile.
    void on_engine_unseen() { unseen_ = true; }
    /// One complete list of our containers.
    void on_list(Now now, const std::vector<engine::ContainerInfo>& listed);
    /// It was started just now: a later end is another one.
    void on_started(const std::string& container) { exits_.erase(container); }

    /// What is known of it since the last list.
    [[nodiscard]] Leftovers::Engine engine() const {
        if (watching_ && gone_) return Leftovers::Engine::gone;
        return watching_ && !unseen_ ? Leftovers::Engine::there : Leftovers::Engine::unseen;
    }

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
    bool watching_ = false;                        ///< there was a complete list already
    bool gone_ = false;                            ///< the engine was gone after the last list
    bool unseen_ = false;                          ///< it may have been
};

}  // namespace mc::worker

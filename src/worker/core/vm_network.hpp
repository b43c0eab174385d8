#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "worker/core/effects.hpp"
#include "worker/core/engine_calls.hpp"
#include "worker/core/engine_replies.hpp"
#include "worker/core/settings.hpp"

namespace mc::worker {

/// Which of the engine's networks new VMs are put in: one in which they can't reach each other (ADR 22).
///
/// The one of --vm-network as it is. Without, the engine's default bridge if that keeps its containers apart, else one
/// of the workers' own, which is made when it is missing.
///
/// Pure. Owned by WorkerCore; single thread. Invariant: at most one call is in flight.
class VmNetwork {
public:
    VmNetwork(Outbox& outbox, EngineCalls& calls, const Settings& settings);

    /// Looks again whether the network is there; the engine has just said what it is.
    void look(const engine::EngineInfo& engine);
    /// Of a call with CallPurpose::network.
    void on_call_done(const CallResult& result);
    /// Any answer of the engine: a start tells when the network has gone. True: look() is due at once.
    [[nodiscard]] bool on_answer(CallPurpose purpose, const CallResult& result);

    /// As the engine's NetworkMode, "" for its default; nullopt: not known yet, or there is none.
    [[nodiscard]] const std::optional<std::string>& name() const { return name_; }
    /// Why there is none, as a sentence; "" while it is not known yet, and when there is one.
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    enum class Step : std::uint8_t { idle, named, bridge, own, make, after_refusal };

    void inspect(Step step, const std::string& network);
    void on_named(const EngineResponse& answer);
    void on_bridge(const EngineResponse& answer);
    void on_own(const EngineResponse& answer);
    void make();
    /// A look has told nothing, which may pass: what is known goes on.
    void on_nothing_told(const std::string& problem);
    void settle_on(const std::string& name);
    void settle_on_none(std::string problem);

    Outbox& outbox_;
    EngineCalls& calls_;
    const Settings& settings_;
    Step step_ = Step::idle;
    std::string engine_;   ///< tells it from other engines of its machine
    std::string refusal_;  ///< what the engine said instead of making the network
    std::optional<std::string> name_;
    std::string problem_;
    int looks_ = 0;      ///< in a row that told nothing
    bool told_ = false;  ///< about the named one
};

}  // namespace mc::worker

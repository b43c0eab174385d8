#pragma once

#include <cstdint>

#include "worker/core/inventory.hpp"

namespace mc::worker {

/// Listens to the engine's events, as hints: each makes the inventory look
/// sooner. Missing any is harmless (pitfalls 21).
class EngineWatch {
public:
    EngineWatch(JobContext& context, Inventory& inventory) : context_(context), inventory_(inventory) {}

    /// From now on, for the identity of the context. Begins anew when it was at work.
    void begin(Now now);
    /// The engine does not answer: the connection may be dead without having said so.
    void on_engine_lost(Now now);
    /// It does: listen at once, lest it go away once more unnoticed.
    void on_engine_answers(Now now) {
        if (!open_) open(now);
    }
    void on_tick(Now now);
    void on_call_chunk(Now now, std::string_view bytes);
    void on_call_done(Now now, const CallResult& result);
    [[nodiscard]] Instant next_deadline() const { return open_ ? Instant::never() : next_try_; }

private:
    void close(Now now);
    void open(Now now);

    JobContext& context_;
    Inventory& inventory_;
    engine::LineReader lines_;
    bool open_ = false;
    Instant next_try_ = Instant::never();
    std::int64_t last_event_unix_seconds_ = 0;  ///< by the engine's clock
};

}  // namespace mc::worker

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/disk_space.hpp"
#include "protocol/worker_bodies.hpp"
#include "worker/core/engine_calls.hpp"
#include "worker/core/engine_replies.hpp"

namespace mc::worker {

/// Whether the engine is fit for new VMs, judged by its last complete list
/// (pitfalls 24) and by what its answers say about its disk.
class EngineHealth {
public:
    explicit EngineHealth(const Settings& settings) : settings_(settings) {}

    void on_info(Now now, const engine::EngineInfo& info) {
        info_ = info;
        info_at_ = now.instant;
    }
    [[nodiscard]] bool has_info(Instant since) const { return info_ && info_at_ >= since; }
    /// The engine's directory, if it has said so since then.
    [[nodiscard]] std::optional<std::string> data_root(Instant since) const {
        return has_info(since) && !info_->data_root.empty() ? std::optional(info_->data_root) : std::nullopt;
    }
    /// As last said; "" = not yet, or it says none.
    [[nodiscard]] std::string data_root() const { return info_ ? info_->data_root : ""; }
    /// Where its data are.
    void on_disk(DiskSpace disk) { disk_ = disk; }
    void on_list_answered(Now now);
    void on_list_failed(const Error& error);
    /// Every answer of the engine passes here: a full disk shows in creates, starts and uploads.
    void on_answer(Now now, CallPurpose purpose, const CallResult& result);

    /// Why no VM can be made here; empty = ready.
    [[nodiscard]] std::string not_ready_reason(Now now) const;
    /// Since the last complete list; since the worker's start when there was none.
    [[nodiscard]] milliseconds age(Now now) const;
    [[nodiscard]] bool answers() const { return !list_error_ && listed_at_; }
    /// Nothing is known yet, neither good nor bad.
    [[nodiscard]] bool is_starting() const { return !list_error_ && (!listed_at_ || !info_); }
    [[nodiscard]] bool has_info() const { return info_.has_value(); }

    /// Fills in everything but jobs_running. Capacity is the settings', else the engine's.
    [[nodiscard]] protocol::NodeStatus status(Now now) const;

private:
    const Settings& settings_;
    std::optional<engine::EngineInfo> info_;
    Instant info_at_;
    DiskSpace disk_;
    std::optional<Instant> listed_at_;
    mutable std::optional<Instant> first_asked_;
    std::optional<Error> list_error_;
    std::optional<Instant> full_until_;
    std::string full_reason_;
};

}  // namespace mc::worker

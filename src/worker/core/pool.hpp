#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "worker/core/job.hpp"

namespace mc::worker {

/// Containers that are started before there is a VM for them, so that a create takes milliseconds (ADR 35).
///
/// A spare has its VmId from the beginning, in its labels; the broker is told of it with each inventory, and gives the
/// VmId to a VM, whose create then takes the spare. So whose a container is never depends on anything that changes. A
/// spare is this process's: one of an earlier process is nobody's, and goes as any container that no VM accounts for.
/// taken() spares are forgotten, so none is given away twice.
///
/// Keeps Settings::pool of the default image and as many of the image that was asked for last. Makes one at a time,
/// while no create is under way or has been for bounds::pool_rest.
///
/// Pure. Owned by WorkerCore; single thread.
class Pool {
public:
    struct Spare {
        engine::ContainerInfo container;  ///< as inspected when it was ready
        protocol::VmReport report;        ///< of then
    };
    /// Begins a job that makes a spare: on_ready(), if it can, and then on_ended().
    using Make = std::function<void(Now, protocol::CreateOrder)>;
    /// What ready() gives is not the same any more.
    using Changed = std::function<void(Now)>;

    Pool(JobContext& context, Make make, Changed changed)
        : context_(context), make_(std::move(make)), changed_(std::move(changed)) {}

    /// What a spare of that image is made as: limits are changed when it is taken, where others are asked for.
    [[nodiscard]] static protocol::VmSpec spec_of(const std::string& image);

    /// Somebody asked for a VM that a spare of that image can become.
    void on_wanted(Now now, const std::string& image);
    /// The spare of that VmId, to be used or removed by the caller; nullopt: there is none.
    [[nodiscard]] std::optional<Spare> take(VmId vm);
    /// The image's name has come to mean another one.
    void drop_image(const std::string& image);
    /// What there is goes: it is another cloud's.
    void drop_all();
    /// And nothing is made any more.
    void begin_stop();

    /// `may_make`: the engine can make VMs, and nobody waits for one.
    void on_tick(Now now, bool may_make);
    void on_ready(const engine::ContainerInfo& container, const protocol::VmReport& report);
    void on_ended(Now now, VmId vm, const Outcome& outcome);
    void on_personalised(Now now, const VisitResult& result);
    void on_call_done(Now now, CallId id, const CallResult& result);
    /// Takes the pool's own out of a list that began then, and drops those that have ended.
    void on_list(Instant began, std::vector<engine::ContainerInfo>& listed);

    /// For the broker.
    [[nodiscard]] std::vector<protocol::Spare> ready() const;
    /// No removal is under way.
    [[nodiscard]] bool idle() const { return removals_.empty(); }
    [[nodiscard]] Instant next_deadline() const { return next_try_; }

private:
    struct Image {
        Instant wanted;  ///< last
        Instant retry;   ///< not before
        int failures = 0;
    };
    struct Kept {
        Spare spare;
        std::string image;
        Instant since;
    };

    /// The image of which one is missing most.
    [[nodiscard]] std::optional<std::string> lacking(Now now);
    void forget_unwanted(Now now);
    void on_failure(Now now, const Error& why);
    void remove(const std::string& container);

    JobContext& context_;
    Make make_;
    Changed changed_;
    std::map<std::string, Image> images_;  ///< at most bounds::pool_images_max besides the default one
    std::map<VmId, Kept> kept_;
    VmId making_;  ///< zero: none
    std::string making_image_;
    std::optional<Spare> trial_;  ///< made, and being shown that it can be given away
    std::map<CallId, std::string> removals_;
    std::uint64_t made_ = 0;
    Instant rest_until_;
    Instant next_try_ = Instant::never();
    std::string told_;  ///< in the log, of a failure
    bool stopping_ = false;
};

}  // namespace mc::worker

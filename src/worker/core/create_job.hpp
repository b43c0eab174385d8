#pragma once

#include <optional>
#include <string>

#include "protocol/worker_bodies.hpp"
#include "worker/core/image_fetch.hpp"
#include "worker/core/lookup.hpp"
#include "worker/core/pool.hpp"
#include "worker/core/readiness.hpp"

namespace mc::worker {

/// vm_create: image there (else pulled) -> container created (or adopted) -> keys put in place -> started -> answers.
/// Keys alone are put in place when it answers, where that can be done from outside. Whatever fails, nothing stays
/// behind. With a spare of that VmId, which has been started: limits as asked for -> host name and keys. Where the
/// spare does not do, it is removed, and the VM made as without one. Also makes the spares (Purpose::spare): as a VM,
/// without what only a person can say.
///
/// Safe to repeat at every step: a container that carries the VM's labels is
/// continued with. It is looked for before a create wherever one may be there
/// (ADR 9); the name, which is the VM's, keeps two creates at once from making two.
class CreateJob final : public Job {
public:
    CreateJob(JobContext& context, JobHead head, protocol::CreateOrder order, Purpose purpose = Purpose::vm);

    void begin(Now now) override;
    void on_call_done(Now now, CallPurpose purpose, CallResult result) override;
    void on_call_chunk(Now now, CallPurpose purpose, std::string_view bytes) override;
    void on_probe_done(Now now, const ProbeResult& result) override;
    void on_personalised(Now now, const VisitResult& result) override;
    void on_timer(Now now) override;
    void give_up(Now now, Error why) override;
    [[nodiscard]] bool can_be_cancelled() const override { return true; }

private:
    enum class Step {
        image,    ///< is it on the engine, else pulled
        network,  ///< which one is not known yet
        create,
        look,   ///< the order may have been here before, the name is taken, or an answer got lost
        whose,  ///< the name is taken, and by no container of ours: by whose?
        upload,
        start,
        limits,   ///< a spare's, changed
        visit,    ///< a spare gets its name and keys; no call
        discard,  ///< a spare that does not do is removed
        ready,
        words,  ///< reading the last log lines of a VM that exited
        tidy_up,
    };

    void on_image(Now now, const ImageFetch::Fetched& fetched);
    void look_or_create(Now now);
    void create(Now now);
    void on_created(Now now, const CallResult& result);
    void look(Now now);
    void on_looked(Now now, const Lookup::Found& found);
    void ask_whose();
    void on_whose(Now now, const CallResult& result);
    void go_on_with(Now now, const engine::ContainerInfo& container);
    void take_spare(Now now, const engine::ContainerInfo& container);
    void on_limits_set(const CallResult& result);
    void visit();
    void make_anew(const std::string& why);
    void prepare(Now now);
    void on_uploaded(Now now, const CallResult& result);
    void start(Now now);
    void on_started(Now now, const CallResult& result);
    void wait_until_ready(Now now);
    void reconnect(Now now);
    void end_done(protocol::VmReport report);
    void on_readiness(Now now, const std::optional<Readiness::Result>& result);
    /// It stopped because the engine did, and may be started once more.
    [[nodiscard]] bool ended_with_engine() const;
    void fail_with(Now now, Error error);
    /// An unknown outcome: looks, at most a few times.
    void look_again(Now now, const Error& why);

    protocol::CreateOrder order_;
    Purpose purpose_;
    std::optional<Pool::Spare> spare_;  ///< of this process, which nobody else gets
    Step step_ = Step::image;
    ImageInfo image_;
    std::string container_;
    engine::ContainerInfo taken_;  ///< a spare
    bool has_files_ = false;       ///< what first_files() gives is in the container
    ImageFetch fetch_;
    std::optional<Lookup> lookup_;
    std::optional<Readiness> readiness_;
    std::optional<Removal> removal_;
    protocol::VmReport exited_;
    int unknowns_ = 0;  ///< calls whose outcome had to be looked up
    int start_tries_ = 0;
    int reconnects_ = 0;
    bool late_stop_ = false;       ///< such a restart got no answer: the engine may yet carry it out
    bool may_exist_ = false;       ///< a create call has been made, or ours was found: tidy up after a failure
    bool name_taken_ = false;      ///< the last create said so
    std::optional<Error> ending_;  ///< why the job is being given up
    Instant tidy_until_ = Instant::never();
};

}  // namespace mc::worker

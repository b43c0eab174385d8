#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/codec.hpp"
#include "protocol/message.hpp"
#include "protocol/worker_bodies.hpp"
#include "worker/core/effects.hpp"
#include "worker/core/endings.hpp"
#include "worker/core/engine_calls.hpp"
#include "worker/core/engine_health.hpp"
#include "worker/core/known_containers.hpp"
#include "worker/core/leftovers.hpp"
#include "worker/core/visits.hpp"
#include "worker/core/vm_network.hpp"

namespace mc::worker {

class Pool;

/// What all jobs of a worker share. Owned by WorkerCore; outlives every job.
struct JobContext {
    Outbox& outbox;
    EngineCalls& calls;
    KnownContainers& known;
    Endings& endings;
    Leftovers& leftovers;
    Visits& visits;
    const VmNetwork& network;
    Pool& pool;
    const Settings& settings;
    Identity identity;
};

/// What is the same for every kind of job.
struct JobHead {
    JobId id;  ///< zero: the worker's own, of which the broker is told nothing
    protocol::Verb verb = protocol::Verb::vm_inspect;
    VmId vm;
    OwnerId owner;
    Instant deadline;
};

/// How a job ended: the reply's code and body.
struct Outcome {
    ErrorCode code = ErrorCode::ok;
    protocol::Bytes body;

    template <protocol::Body T>
    static Outcome done(const T& body) {
        return Outcome{ErrorCode::ok, protocol::encode(body)};
    }
    static Outcome failed(const Error& error);
};

/// A job's only way to the world: its calls, its probe, its timer, its messages.
class JobPort {
public:
    JobPort(JobContext& context, JobHead head) : context_(context), head_(head) {}

    void call(CallPurpose purpose, EngineRequest request, const std::string& vm_owner = {}) {
        context_.calls.start(head_.owner, purpose, std::move(request), vm_owner);
    }
    bool cancel_queued_calls() { return context_.calls.cancel_queued(head_.owner); }
    void cancel_calls() { context_.calls.cancel(head_.owner); }

    /// Looks whether sshd answers on a published port of this node. One at a time.
    void probe(std::uint16_t port);
    void cancel_probe();

    /// on_personalised() tells what came of it. One at a time.
    void personalise(const engine::ContainerInfo& container, const std::string& host_name, std::vector<FileEntry> files,
                     const std::string& read = {});

    /// on_vm_ended() tells when nothing of it runs any more. One at a time.
    void end_vm(const engine::ContainerInfo& container);

    /// on_timer is due then. One timer; the last call counts.
    void wake_at(Instant when) { wake_ = when; }
    void no_wake() { wake_ = Instant::never(); }
    [[nodiscard]] Instant wake() const { return wake_; }

    /// Tells the broker how far the job is; more often than bounds::progress_interval
    /// only for a new stage.
    void progress(Now now, const std::string& stage, const std::string& detail = {}, std::uint8_t percent = 0);

    void send(protocol::Kind kind, std::uint32_t value, protocol::Bytes body, protocol::Bytes data,
              std::uint32_t sequence);
    void log(LogLevel level, const std::string& text);

    [[nodiscard]] JobContext& context() { return context_; }
    [[nodiscard]] const JobContext& context() const { return context_; }
    [[nodiscard]] const JobHead& head() const { return head_; }

private:
    JobContext& context_;
    JobHead head_;
    Instant wake_ = Instant::never();
    bool probing_ = false;
    std::string last_stage_;
    Instant last_progress_;

    friend class JobTable;
};

/// One order of the broker being carried out: a state machine of engine calls.
///
/// Ends by setting its outcome, exactly once; the job table then replies and
/// destroys it. Time-outs of calls mean "unknown": a job looks before it acts again.
class Job {
public:
    Job(JobContext& context, JobHead head) : port_(context, head) {}
    virtual ~Job() = default;
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    virtual void begin(Now now) = 0;
    virtual void on_call_done(Now now, CallPurpose purpose, CallResult result) = 0;
    virtual void on_call_chunk(Now /*now*/, CallPurpose /*purpose*/, std::string_view /*bytes*/) {}
    virtual void on_probe_done(Now /*now*/, const ProbeResult& /*result*/) {}
    virtual void on_personalised(Now /*now*/, const VisitResult& /*result*/) {}
    virtual void on_vm_ended(Now /*now*/, const Result<void>& /*result*/) {}
    virtual void on_timer(Now /*now*/) {}

    /// Cancelled, or past its deadline: end soon, with `why`, leaving nothing
    /// half-made behind. May be called again; once is enough.
    virtual void give_up(Now now, Error why) = 0;

    /// True when a broker that cancels this job wants it stopped, rather than ended.
    [[nodiscard]] virtual bool can_be_cancelled() const { return false; }

    [[nodiscard]] const std::optional<Outcome>& outcome() const { return outcome_; }
    /// What is to be replied now; from then on the job is the worker's own. Once; nullopt: nothing.
    [[nodiscard]] std::optional<Outcome> take_answer() { return std::exchange(answer_, std::nullopt); }
    [[nodiscard]] JobPort& port() { return port_; }
    [[nodiscard]] const JobPort& port() const { return port_; }

protected:
    void end(Outcome outcome) {
        if (!outcome_) outcome_ = std::move(outcome);
    }
    void end(const Error& error) { end(Outcome::failed(error)); }
    /// Replies before the end: what is left to do is nobody's to wait for.
    void answer(Outcome outcome) { answer_ = std::move(outcome); }

private:
    JobPort port_;
    std::optional<Outcome> outcome_;
    std::optional<Outcome> answer_;
};

}  // namespace mc::worker

#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "worker/core/stream_jobs.hpp"

namespace mc::worker {

/// The jobs of a worker: each runs once, however often its order comes, and its
/// result is remembered for when the order comes again.
///
/// Jobs of one VM run one after another; a vm_remove makes those before it give
/// up first. Streams run beside them. Bounded by bounds::jobs_max, streams_max,
/// creates_under_way_max and creates_of_owner_max. An order's own deadline counts from its receipt, the
/// default one from the job's beginning, so that a long queue fails nobody. A job that has replied before its end goes
/// on as the worker's own.
class JobTable {
public:
    using ResultSent = std::function<void(Now)>;
    /// A job of the worker's own has ended.
    using OwnDone = std::function<void(Now, VmId, const Outcome&)>;

    JobTable(JobContext& context, ResultSent result_sent, OwnDone own_done);

    /// Takes an order; its epoch has been checked. Answers by itself: with the
    /// acknowledgement, the remembered result, or a refusal (bad_message, busy, …).
    void on_order(Now now, const protocol::Message& message);
    /// Makes a container for a VM to come; the broker is told nothing.
    void make_spare(Now now, protocol::CreateOrder order);
    /// Answers an order that no job carries out.
    void reply(const protocol::Header& order, const Outcome& outcome);
    /// job_cancel: the job of that id replies `cancelled` if it can still be stopped. For one
    /// that is over or unknown there is an answer only if one is wanted (a request, not a notice).
    void on_cancel(Now now, JobId id, bool answer_wanted);
    /// data, credit, end or control of a stream; nothing when it is over.
    void on_peer(Now now, protocol::Message message);

    void on_call_done(Now now, OwnerId owner, CallPurpose purpose, CallResult result);
    void on_call_chunk(Now now, OwnerId owner, CallPurpose purpose, std::string_view bytes);
    void on_probe_done(Now now, OwnerId owner, const ProbeResult& result);
    void on_personalised(Now now, OwnerId owner, const VisitResult& result);
    void on_vm_ended(Now now, OwnerId owner, const Result<void>& result);
    void on_stream_opened(Now now, OwnerId owner);
    void on_stream_bytes(Now now, OwnerId owner, std::string_view bytes);
    void on_stream_written(Now now, OwnerId owner, std::size_t bytes);
    void on_stream_closed(Now now, OwnerId owner, const Result<void>& result);
    void on_tick(Now now);

    /// The broker is not the one they were asked by: their clients are gone.
    void end_streams(Now now, const Error& why);
    /// Ends the streams, and begins no job any more.
    void begin_stop(Now now);
    /// What is said to who can't wait for this worker's next process.
    [[nodiscard]] Error stopping_error() const;

    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] std::size_t size() const { return jobs_.size(); }
    /// Whether anything is done, or waits to be done, to a VM; streams don't count.
    [[nodiscard]] bool has_jobs(VmId vm) const { return queues_.contains(vm); }
    /// Its removal has been replied, and is still to be done at the engine.
    [[nodiscard]] bool removes_behind(VmId vm) const { return removed_behind_.contains(vm); }
    /// Without those that have not begun.
    [[nodiscard]] std::size_t under_way() const;
    [[nodiscard]] bool creates_any() const { return creates_under_way_ > 0 || !creates_waiting_.empty(); }

private:
    struct Entry {
        std::unique_ptr<Job> job;
        StreamJob* stream = nullptr;  ///< the same job, when it is one
        JobId id;
        VmId vm;
        bool begun = false;
        bool create = false;
        std::string vm_owner;  ///< of a create
        bool overdue = false;
        bool answered = false;  ///< before its end
    };

    /// nullptr and an error reply when the order can't be read or accepted.
    [[nodiscard]] Result<Entry> make(Now now, const protocol::Message& message, OwnerId owner);
    void report(const JobHead& head, const Outcome& outcome);
    void begin_next(Now now, VmId vm);
    void begin_waiting_creates(Now now);
    void reap(Now now, OwnerId owner);
    [[nodiscard]] Entry* find(OwnerId owner);
    /// The VM's job whose turn it is.
    [[nodiscard]] Entry* first_of(VmId vm);
    /// Whether one more create, of that owner's VMs, may be under way.
    [[nodiscard]] bool has_room_for(const Entry& create) const;
    void remember(JobId id, protocol::Message result);
    /// From here on the job is the worker's own.
    void pass_on_answer(Now now, Entry& entry, const Outcome& answer);

    JobContext& context_;
    ResultSent result_sent_;
    OwnDone own_done_;
    std::map<OwnerId, Entry> jobs_;
    std::unordered_map<JobId, OwnerId> by_id_;
    std::unordered_map<VmId, std::deque<OwnerId>> queues_;  ///< per VM; the first one runs
    std::unordered_map<JobId, protocol::Message> results_;
    std::deque<JobId> results_order_;
    std::deque<VmId> creates_waiting_;
    std::size_t creates_under_way_ = 0;
    std::map<std::string, std::size_t> creates_of_;  ///< of these, by the VM's owner
    std::set<VmId> removed_behind_;
    std::size_t streams_ = 0;
    bool stopping_ = false;
    OwnerId next_owner_ = owner_first_job;
};

}  // namespace mc::worker

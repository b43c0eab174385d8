#include "worker/core/job_table.hpp"

#include <algorithm>

#include "base/rule.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/validate.hpp"
#include "worker/core/create_job.hpp"
#include "worker/core/images_job.hpp"
#include "worker/core/vm_jobs.hpp"

namespace mc::worker {

using protocol::Kind;
using protocol::Message;
using protocol::Verb;

namespace {

protocol::Bytes accepted_body() {
    protocol::Progress body;
    body.stage = "accepted";
    return protocol::encode(body);
}

Message reply_message(Verb verb, RequestId id, const Outcome& outcome) {
    Message message;
    message.header.kind = Kind::reply;
    message.header.verb = verb;
    message.header.id = id;
    message.header.code = outcome.code;
    message.header.value = outcome.code == ErrorCode::ok ? 0 : 1;  // 1: the body is an ErrorBody
    message.body = outcome.body;
    return message;
}

/// Whose turn it is in a VM's queue, which is not empty.
OwnerId next_in(const std::deque<OwnerId>& queue) {
    return rule_holds(Rule::one_job_at_a_time) ? queue.front() : queue.back();
}

}  // namespace

JobTable::JobTable(JobContext& context, ResultSent result_sent, OwnDone own_done)
    : context_(context), result_sent_(std::move(result_sent)), own_done_(std::move(own_done)) {}

void JobTable::reply(const protocol::Header& order, const Outcome& outcome) {
    context_.outbox.push(SendBroker{reply_message(order.verb, order.id, outcome)});
}

Result<JobTable::Entry> JobTable::make(Now now, const Message& message, OwnerId owner) {
    const auto& header = message.header;
    const milliseconds wanted = std::min(milliseconds(header.value), milliseconds(limits::request_deadline_max));
    JobHead head{.id = protocol::as_job_id(header.id),
                 .verb = header.verb,
                 .vm = {},
                 .owner = owner,
                 .deadline = header.value == 0 ? Instant::never() : now.instant + wanted};
    Entry entry;
    entry.id = head.id;
    if (header.verb == Verb::vm_create) {
        auto order = protocol::decode<protocol::CreateOrder>(message.body);
        if (!order) return fail(order.error());
        if (const auto valid = protocol::check_spec(order->spec); !valid) return fail(valid.error());
        if (!order->setup.empty()) {
            if (const auto valid = protocol::check_setup(order->setup); !valid) return fail(valid.error());
        }
        if (order->spec.image.empty() || order->spec.name.empty()) {
            return fail(ErrorCode::invalid_argument, "a create order needs the VM's name and image");
        }
        head.vm = entry.vm = order->vm;
        entry.create = true;
        entry.vm_owner = order->owner;
        entry.job = std::make_unique<CreateJob>(context_, head, std::move(*order));
    } else if (header.verb == Verb::node_images) {
        auto order = protocol::decode<protocol::NodeImagesOrder>(message.body);
        if (!order) return fail(order.error());
        const bool named = order->action != protocol::ImageAction::list;
        if (const auto valid = named ? protocol::check_image(order->image) : Result<void>{}; !valid) {
            return fail(valid.error());
        }
        head.deadline = Instant::never();  // the broker knows how long somebody waits
        auto job = std::make_unique<ImagesJob>(context_, head, std::move(*order));
        entry.stream = job.get();
        entry.job = std::move(job);
        return entry;  // of no VM
    } else if (protocol::is_stream_order(header.verb)) {
        const auto order = protocol::decode<protocol::StreamOrder>(message.body);
        if (!order) return fail(order.error());
        head.vm = entry.vm = order->vm;
        head.deadline = Instant::never();  // a shell may stay open for days
        const std::uint32_t window = std::min(order->window_bytes, limits::window_bytes_max);
        std::unique_ptr<StreamJob> stream;
        if (header.verb == Verb::vm_exec) {
            auto spec = protocol::decode<protocol::ExecSpec>(message.data);
            if (!spec) return fail(spec.error());
            for (const auto& variable : spec->env) {
                if (auto checked = protocol::check_env(variable); !checked) return fail(checked.error());
            }
            stream = std::make_unique<ExecJob>(context_, head, window, std::move(*spec));
        } else if (header.verb == Verb::vm_tunnel) {
            stream = std::make_unique<TunnelJob>(context_, head, window);
        } else {
            const auto spec = protocol::decode<protocol::LogsSpec>(message.data);
            if (!spec) return fail(spec.error());
            stream = std::make_unique<LogsJob>(context_, head, window, *spec);
        }
        entry.stream = stream.get();
        entry.job = std::move(stream);
    } else {
        const auto order = protocol::decode<protocol::VmOrder>(message.body);
        if (!order) return fail(order.error());
        if (!order->name.empty()) {
            if (const auto valid = protocol::check_name("VM name", order->name); !valid) return fail(valid.error());
        }
        head.vm = entry.vm = order->vm;
        if (header.verb == Verb::vm_remove) {
            entry.job = std::make_unique<RemoveJob>(context_, head);
        } else if (header.verb == Verb::vm_inspect) {
            entry.job = std::make_unique<InspectJob>(context_, head);
        } else {
            entry.job = std::make_unique<SwitchJob>(
                context_, head, std::min(order->grace_seconds, bounds::grace_seconds_max), order->name);
        }
    }
    if (!entry.vm) return fail(ErrorCode::bad_message, "an order names no VM");
    return entry;
}

void JobTable::on_order(Now now, const Message& message) {
    const JobId id = protocol::as_job_id(message.header.id);
    if (const auto done = results_.find(id); done != results_.end() && rule_holds(Rule::job_runs_once)) {
        context_.outbox.push(SendBroker{done->second});
        return;
    }
    if (const auto running = by_id_.find(id); running != by_id_.end() && rule_holds(Rule::job_runs_once)) {
        // A stream's acknowledgement grants credit, so it is not said twice.
        Entry* entry = find(running->second);
        if (entry && !entry->stream) {
            entry->job->port().send(Kind::progress, 0, accepted_body(), {}, 0);
        }
        return;
    }
    const OwnerId owner = next_owner_;
    auto made = make(now, message, owner);
    if (!made) return reply(message.header, Outcome::failed(made.error()));
    if (jobs_.size() >= bounds::jobs_max || (made->stream && streams_ >= bounds::streams_max)) {
        return reply(message.header, Outcome::failed({ErrorCode::busy,
                                                      "node " + context_.settings.name +
                                                          " has as many jobs or streams as it takes; try again later",
                                                      static_cast<std::uint32_t>(bounds::busy_retry.count())}));
    }
    ++next_owner_.value;
    by_id_[id] = owner;
    const VmId vm = made->vm;
    Entry& entry = jobs_.emplace(owner, std::move(*made)).first->second;
    if (entry.stream) {
        ++streams_;
        entry.begun = true;
        entry.job->begin(now);
        return reap(now, owner);
    }
    entry.job->port().progress(now, "accepted");
    auto& queue = queues_[vm];
    queue.push_back(owner);
    if (message.header.verb == Verb::vm_remove && rule_holds(Rule::removal_makes_others_give_up)) {
        const auto earlier = std::vector<OwnerId>(queue.begin(), queue.end() - 1);
        for (const OwnerId before : earlier) {
            Entry* other = find(before);
            // Whatever it is at, a stop with an hour's grace too, is not worth waiting for any more.
            if (!other || other->job->port().head().verb == Verb::vm_remove) continue;
            other->job->give_up(now, {ErrorCode::cancelled, "the VM is being removed"});
            reap(now, before);
        }
    }
    begin_next(now, vm);
}

void JobTable::make_spare(Now now, protocol::CreateOrder order) {
    Entry entry;
    entry.vm = order.vm;
    entry.create = true;
    const JobHead head{
        .id = {}, .verb = Verb::vm_create, .vm = order.vm, .owner = next_owner_, .deadline = Instant::never()};
    entry.job = std::make_unique<CreateJob>(context_, head, std::move(order), Purpose::spare);
    const VmId vm = entry.vm;
    queues_[vm].push_back(next_owner_);
    jobs_.emplace(next_owner_, std::move(entry));
    ++next_owner_.value;
    begin_next(now, vm);
}

void JobTable::begin_next(Now now, VmId vm) {
    const auto queue = queues_.find(vm);
    if (queue == queues_.end()) return;
    if (queue->second.empty()) {
        queues_.erase(queue);
        return;
    }
    const OwnerId owner = next_in(queue->second);
    Entry* entry = find(owner);
    if (!entry || entry->begun || stopping_) return;
    if (entry->create && !has_room_for(*entry)) return creates_waiting_.push_back(vm);
    if (entry->create) {
        ++creates_under_way_;
        ++creates_of_[entry->vm_owner];
    }
    entry->begun = true;
    Instant& deadline = entry->job->port().head_.deadline;
    if (deadline == Instant::never()) deadline = now.instant + limits::request_deadline_default;
    entry->job->begin(now);
    reap(now, owner);
}

void JobTable::begin_waiting_creates(Now now) {
    while (!stopping_ && creates_under_way_ < bounds::creates_under_way_max) {
        const auto next = std::find_if(creates_waiting_.begin(), creates_waiting_.end(), [this](VmId vm) {
            const Entry* entry = first_of(vm);
            return !entry || !entry->create || has_room_for(*entry);
        });
        if (next == creates_waiting_.end()) return;
        const VmId vm = *next;
        creates_waiting_.erase(next);
        begin_next(now, vm);  // nothing happens when its create was cancelled meanwhile
    }
}

bool JobTable::has_room_for(const Entry& create) const {
    const auto of_owner = creates_of_.find(create.vm_owner);
    return creates_under_way_ < bounds::creates_under_way_max &&
           (of_owner == creates_of_.end() || of_owner->second < bounds::creates_of_owner_max);
}

JobTable::Entry* JobTable::first_of(VmId vm) {
    const auto queue = queues_.find(vm);
    return queue == queues_.end() || queue->second.empty() ? nullptr : find(next_in(queue->second));
}

JobTable::Entry* JobTable::find(OwnerId owner) {
    const auto found = jobs_.find(owner);
    return found == jobs_.end() ? nullptr : &found->second;
}

void JobTable::reap(Now now, OwnerId owner) {
    Entry* entry = find(owner);
    if (!entry) return;
    if (const auto answer = entry->job->take_answer()) pass_on_answer(now, *entry, *answer);
    if (!entry->job->outcome()) return;
    context_.calls.cancel(owner);
    entry->job->port().cancel_probe();
    const Outcome outcome = *entry->job->outcome();
    const bool own = !entry->id;
    const bool answered = entry->answered;
    if (!own) report(entry->job->port().head(), outcome);
    const VmId vm = entry->vm;
    const bool stream = entry->stream != nullptr;
    if (stream) --streams_;
    if (entry->create && entry->begun) {
        --creates_under_way_;
        if (const auto of_owner = creates_of_.find(entry->vm_owner); --of_owner->second == 0)
            creates_of_.erase(of_owner);
    }
    by_id_.erase(entry->id);
    jobs_.erase(owner);
    if (stream) return;
    if (answered) removed_behind_.erase(vm);
    own ? own_done_(now, vm, outcome) : result_sent_(now);
    if (const auto queue = queues_.find(vm); queue != queues_.end()) std::erase(queue->second, owner);
    begin_next(now, vm);
    begin_waiting_creates(now);
}

void JobTable::pass_on_answer(Now now, Entry& entry, const Outcome& answer) {
    JobHead& head = entry.job->port().head_;
    report(head, answer);
    by_id_.erase(entry.id);
    entry.id = head.id = {};
    entry.answered = true;
    head.deadline = now.instant + limits::request_deadline_default;
    removed_behind_.insert(entry.vm);
    result_sent_(now);
}

void JobTable::report(const JobHead& head, const Outcome& outcome) {
    Message result = reply_message(head.verb, protocol::as_request_id(head.id), outcome);
    context_.outbox.push(SendBroker{result});
    // A list may be half a MiB, and the broker does not repeat its order.
    if (head.verb != Verb::node_images) remember(head.id, std::move(result));
}

void JobTable::remember(JobId id, Message result) {
    if (results_order_.size() >= bounds::results_remembered_max) {
        results_.erase(results_order_.front());
        results_order_.pop_front();
    }
    results_order_.push_back(id);
    results_[id] = std::move(result);
}

void JobTable::on_cancel(Now now, JobId id, bool answer_wanted) {
    if (const auto done = results_.find(id); done != results_.end()) {
        if (answer_wanted) context_.outbox.push(SendBroker{done->second});
        return;
    }
    const auto running = by_id_.find(id);
    if (running == by_id_.end()) {
        if (!answer_wanted) return;
        protocol::Header header;
        header.verb = Verb::job_cancel;
        header.id = protocol::as_request_id(id);
        return reply(header, Outcome::failed({ErrorCode::not_found, "this worker has no such job"}));
    }
    const OwnerId owner = running->second;
    Entry* entry = find(owner);
    // A stop or removal that the engine is at goes on to its end: cancelling it would only hide the outcome.
    if (!entry || (entry->begun && !entry->job->can_be_cancelled())) return;
    entry->job->give_up(now, {ErrorCode::cancelled, "the job was cancelled"});
    reap(now, owner);
}

void JobTable::on_peer(Now now, Message message) {
    const auto running = by_id_.find(protocol::as_job_id(message.header.id));
    if (running == by_id_.end()) return;
    const OwnerId owner = running->second;
    Entry* entry = find(owner);
    if (!entry || !entry->stream) return;
    entry->stream->on_peer(now, std::move(message));
    reap(now, owner);
}

void JobTable::on_call_done(Now now, OwnerId owner, CallPurpose purpose, CallResult result) {
    Entry* entry = find(owner);
    if (!entry) return;
    entry->job->on_call_done(now, purpose, std::move(result));
    reap(now, owner);
}

void JobTable::on_call_chunk(Now now, OwnerId owner, CallPurpose purpose, std::string_view bytes) {
    Entry* entry = find(owner);
    if (!entry) return;
    entry->job->on_call_chunk(now, purpose, bytes);
    reap(now, owner);
}

void JobTable::on_probe_done(Now now, OwnerId owner, const ProbeResult& result) {
    Entry* entry = find(owner);
    if (!entry || !entry->job->port().probing_) return;
    entry->job->port().probing_ = false;
    entry->job->on_probe_done(now, result);
    reap(now, owner);
}

void JobTable::on_personalised(Now now, OwnerId owner, const VisitResult& result) {
    Entry* entry = find(owner);
    if (!entry) return;
    entry->job->on_personalised(now, result);
    reap(now, owner);
}

void JobTable::on_vm_ended(Now now, OwnerId owner, const Result<void>& result) {
    Entry* entry = find(owner);
    if (!entry) return;
    entry->job->on_vm_ended(now, result);
    reap(now, owner);
}

void JobTable::on_stream_opened(Now now, OwnerId owner) {
    Entry* entry = find(owner);
    if (!entry || !entry->stream) return;
    entry->stream->on_stream_opened(now);
    reap(now, owner);
}

void JobTable::on_stream_bytes(Now now, OwnerId owner, std::string_view bytes) {
    Entry* entry = find(owner);
    if (!entry || !entry->stream) return;
    entry->stream->on_stream_bytes(now, bytes);
    reap(now, owner);
}

void JobTable::on_stream_written(Now now, OwnerId owner, std::size_t bytes) {
    Entry* entry = find(owner);
    if (!entry || !entry->stream) return;
    entry->stream->on_stream_written(now, bytes);
    reap(now, owner);
}

void JobTable::on_stream_closed(Now now, OwnerId owner, const Result<void>& result) {
    Entry* entry = find(owner);
    if (!entry || !entry->stream) return;
    entry->stream->on_stream_closed(now, result);
    reap(now, owner);
}

void JobTable::on_tick(Now now) {
    std::vector<OwnerId> due;
    for (const auto& [owner, entry] : jobs_) {
        const bool overdue = !entry.overdue && now.instant >= entry.job->port().head().deadline;
        if (overdue || now.instant >= entry.job->port().wake()) due.push_back(owner);
    }
    for (const OwnerId owner : due) {
        Entry* entry = find(owner);
        if (!entry) continue;
        JobPort& port = entry->job->port();
        if (now.instant >= port.wake()) {
            port.no_wake();
            entry->job->on_timer(now);
        }
        if (!entry->job->outcome() && !entry->overdue && now.instant >= port.head().deadline) {
            entry->overdue = true;
            entry->job->give_up(now, {ErrorCode::deadline_exceeded, "the job took longer than it was given"});
        }
        reap(now, owner);
    }
}

Error JobTable::stopping_error() const {
    return {ErrorCode::node_unreachable,
            "the worker of node " + context_.settings.name + " is stopping; try again when it is back"};
}

void JobTable::begin_stop(Now now) {
    stopping_ = true;
    end_streams(now, stopping_error());
}

std::size_t JobTable::under_way() const {
    const auto count = std::count_if(jobs_.begin(), jobs_.end(), [](const auto& e) { return e.second.begun; });
    return static_cast<std::size_t>(count);
}

void JobTable::end_streams(Now now, const Error& why) {
    std::vector<OwnerId> streams;
    for (const auto& [owner, entry] : jobs_) {
        if (entry.stream) streams.push_back(owner);
    }
    for (const OwnerId owner : streams) {
        Entry* entry = find(owner);
        if (!entry) continue;
        entry->job->give_up(now, why);
        reap(now, owner);
    }
}

Instant JobTable::next_deadline() const {
    Instant next = Instant::never();
    for (const auto& [owner, entry] : jobs_) {
        next = std::min(next, entry.job->port().wake());
        if (!entry.overdue) next = std::min(next, entry.job->port().head().deadline);
    }
    return next;
}

}  // namespace mc::worker

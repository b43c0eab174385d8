#include "worker/core/stream_jobs.hpp"

#include <algorithm>

#include "worker/core/engine_requests.hpp"

namespace mc::worker {

using protocol::Channel;
using protocol::ContainerState;
using protocol::Kind;

namespace {

Error no_container(VmId vm) {
    return {ErrorCode::not_found, "the engine has no container of VM " + vm.str()};
}

Result<void> check_runs(const std::optional<engine::ContainerInfo>& container, VmId vm) {
    if (!container) return fail(no_container(vm));
    if (container->state != ContainerState::running) {
        return fail(ErrorCode::wrong_state, "the VM is not running: start it first");
    }
    return {};
}

}  // namespace

// ConnectionJob

void ConnectionJob::balance() {
    Outbox& outbox = port().context().outbox;
    switch (output_.turn()) {
        case OutputPump::Turn::pause:
            return outbox.push(PauseStream{stream_});
        case OutputPump::Turn::resume:
            return outbox.push(ResumeStream{stream_});
        case OutputPump::Turn::none:
            return;
    }
}

// ExecJob

ExecJob::ExecJob(JobContext& context, JobHead head, std::uint32_t window_bytes, protocol::ExecSpec spec)
    : ConnectionJob(context, head, window_bytes, spec.input), spec_(std::move(spec)) {}

void ExecJob::begin(Now /*now*/) {
    input_.begin();
    lookup_.begin(Lookup::Detail::listed);
}

void ExecJob::on_call_done(Now now, CallPurpose purpose, CallResult result) {
    if (purpose == CallPurpose::exec_resize) {
        resizing_ = false;
        return resize();
    }
    switch (step_) {
        case Step::look:
            if (const auto found = lookup_.on_call_done(now, purpose, result)) on_looked(*found);
            return;
        case Step::create:
            return on_created(result);
        case Step::exit_code:
            return on_exit_code(now, result);
        case Step::hang_up:
            return on_hang_up(result);
        case Step::open:
        case Step::flow:
        case Step::drain:
            return;
    }
}

void ExecJob::on_looked(const Lookup::Found& found) {
    if (!found) return end(found.error());
    if (auto running = check_runs(*found, port().head().vm); !running) return end(running.error());
    step_ = Step::create;
    container_ = (*found)->id;
    port().call(CallPurpose::exec_create, engine::exec_create(container_, spec_, port().head().id.str()));
}

void ExecJob::on_created(const CallResult& result) {
    // Nothing runs yet: an exec whose id got lost is only forgotten.
    if (!result) return end(result.error());
    if (!engine::is_good(*result)) {
        const ErrorCode code = result->status == 409   ? ErrorCode::wrong_state
                               : result->status == 404 ? ErrorCode::not_found
                               : result->status == 400 ? ErrorCode::invalid_argument
                                                       : ErrorCode::engine_failed;
        return end(Error{code, "the engine can't run the command: " + engine::message_of(*result)});
    }
    auto id = engine::parse_id(result->body);
    if (!id) return end(id.error());
    exec_ = std::move(*id);
    step_ = Step::open;
    opened_ = true;
    port().context().outbox.push(OpenStream{stream_, engine::exec_start(exec_, spec_.tty)});
}

void ExecJob::on_stream_opened(Now /*now*/) {
    if (step_ != Step::open) return;
    step_ = Step::flow;
    if (spec_.tty) {
        if (!wanted_size_) wanted_size_ = protocol::Resize{.rows = spec_.rows, .columns = spec_.columns};
        resize();
    }
    input_.open();
}

void ExecJob::resize() {
    if (resizing_ || !wanted_size_ || step_ != Step::flow) return;
    resizing_ = true;
    port().call(CallPurpose::exec_resize, engine::exec_resize(exec_, *std::exchange(wanted_size_, std::nullopt)));
}

void ExecJob::on_stream_bytes(Now now, std::string_view bytes) {
    if (step_ != Step::flow) return;
    if (spec_.tty) {
        output_.push(Channel::output, bytes);
    } else {
        const auto fed =
            streams_.feed(bytes, [&](Channel channel, std::string_view piece) { output_.push(channel, piece); });
        if (!fed) return give_up(now, fed.error());
    }
    balance();
}

void ExecJob::on_stream_closed(Now /*now*/, const Result<void>& result) {
    closed_ = true;
    input_.close();
    if (step_ == Step::hang_up) return;
    if (!result) return end(result.error());
    step_ = Step::exit_code;
    port().call(CallPurpose::exec_inspect, engine::exec_inspect(exec_));
}

void ExecJob::on_exit_code(Now now, const CallResult& result) {
    const auto info =
        result && engine::is_good(*result)
            ? engine::parse_exec(result->body)
            : Result<engine::ExecInfo>(
                  fail(ErrorCode::engine_failed, "the command ended, but the engine can't tell its exit code: " +
                                                     (result ? engine::message_of(*result) : result.error().message)));
    // The connection ends a moment before the engine has noted the exit.
    if ((!info || info->running) && ++exit_polls_ < bounds::exec_exit_polls_max) {
        port().wake_at(now.instant + bounds::exec_exit_poll);
        return;
    }
    if (!info) return end(info.error());
    if (info->running) {
        return end(Error{ErrorCode::engine_failed, "the engine closed the connection while the command still runs"});
    }
    result_.exit_code = info->exit_code;
    step_ = Step::drain;
    finish_when_drained();
}

void ExecJob::finish_when_drained() {
    if (step_ == Step::drain && output_.empty()) end(Outcome::done(result_));
}

void ExecJob::on_timer(Now /*now*/) {
    if (step_ == Step::look) lookup_.on_timer();
    if (step_ == Step::hang_up) end(*ending_);
    if (step_ == Step::exit_code) port().call(CallPurpose::exec_inspect, engine::exec_inspect(exec_));
}

void ExecJob::on_peer(Now now, protocol::Message message) {
    switch (message.header.kind) {
        case Kind::credit:
            output_.add_credit(message.header.value);
            if (step_ == Step::flow) balance();
            return finish_when_drained();
        case Kind::data:
            if (ending_) return;
            if (auto taken = input_.on_data(std::move(message)); !taken) {
                give_up(now, {taken.error().code, taken.error().message + "; the command's connection was closed"});
            }
            return;
        case Kind::end:
            return input_.on_end();
        case Kind::control:
            if (const auto size = protocol::decode<protocol::Resize>(message.body); size && spec_.tty) {
                wanted_size_ = *size;
                resize();
            }
            return;
        default:
            return;
    }
}

void ExecJob::give_up(Now now, Error why) {
    if (ending_) return;
    const bool runs = opened_ && !closed_;
    if (!runs) return end(why);
    port().context().outbox.push(CloseStream{stream_});
    input_.close();
    closed_ = true;
    ending_ = std::move(why);
    step_ = Step::hang_up;
    exec_.clear();
    port().wake_at(now.instant + bounds::hang_up_max);
    port().call(CallPurpose::hang_up, engine::hang_up(container_, spec_.user, port().head().id.str()));
}

void ExecJob::on_hang_up(const CallResult& result) {
    // First the making of the messenger, then its start. Best effort: a VM without a shell has neither.
    const auto id = result && engine::is_good(*result) && exec_.empty() ? engine::parse_id(result->body)
                                                                        : Result<std::string>(fail(ErrorCode::ok, ""));
    if (!id) return end(*ending_);
    exec_ = *id;
    port().call(CallPurpose::hang_up, engine::exec_start_detached(exec_));
}

// TunnelJob

TunnelJob::TunnelJob(JobContext& context, JobHead head, std::uint32_t window_bytes)
    : ConnectionJob(context, head, window_bytes, true) {}

void TunnelJob::begin(Now /*now*/) {
    input_.begin();
    lookup_.begin(Lookup::Detail::listed);
}

void TunnelJob::on_call_done(Now now, CallPurpose purpose, CallResult result) {
    if (step_ != Step::look) return;
    if (const auto found = lookup_.on_call_done(now, purpose, result)) on_looked(*found);
}

void TunnelJob::on_looked(const Lookup::Found& found) {
    if (!found) return end(found.error());
    if (auto running = check_runs(*found, port().head().vm); !running) return end(running.error());
    const std::uint16_t published = (*found)->ssh_port;
    if (published == 0) {
        return end(Error{ErrorCode::ssh_not_answering, "the VM publishes no SSH port: its image has no sshd"});
    }
    step_ = Step::open;
    JobContext& context = port().context();
    context.outbox.push(DialStream{stream_, context.settings.probe_host, published, bounds::tunnel_open_max});
}

void TunnelJob::on_stream_opened(Now /*now*/) {
    if (step_ != Step::open) return;
    step_ = Step::flow;
    input_.open();
}

void TunnelJob::on_stream_bytes(Now /*now*/, std::string_view bytes) {
    if (step_ != Step::flow) return;
    output_.push(Channel::output, bytes);
    balance();
}

void TunnelJob::on_stream_closed(Now /*now*/, const Result<void>& result) {
    input_.close();
    if (step_ == Step::open) {
        return end(Error{ErrorCode::ssh_not_answering, "the VM's SSH port takes no connection at its node" +
                                                           (result ? std::string() : ": " + result.error().message)});
    }
    step_ = Step::drain;
    finish_when_drained();
}

void TunnelJob::finish_when_drained() {
    if (step_ == Step::drain && output_.empty()) end(Outcome{});
}

void TunnelJob::on_timer(Now /*now*/) {
    if (step_ == Step::look) lookup_.on_timer();
}

void TunnelJob::on_peer(Now now, protocol::Message message) {
    switch (message.header.kind) {
        case Kind::credit:
            output_.add_credit(message.header.value);
            if (step_ == Step::flow) balance();
            return finish_when_drained();
        case Kind::data:
            if (auto taken = input_.on_data(std::move(message)); !taken) give_up(now, taken.error());
            return;
        case Kind::end:
            return input_.on_end();
        default:
            return;
    }
}

void TunnelJob::give_up(Now /*now*/, Error why) {
    if (step_ == Step::open || step_ == Step::flow) port().context().outbox.push(CloseStream{stream_});
    input_.close();
    end(why);
}

// LogsJob

LogsJob::LogsJob(JobContext& context, JobHead head, std::uint32_t window_bytes, protocol::LogsSpec spec)
    : StreamJob(context, head), spec_(spec), lookup_(port()), output_(port(), window_bytes) {}

void LogsJob::begin(Now /*now*/) {
    port().send(Kind::progress, 0, {}, {}, 0);
    lookup_.begin(Lookup::Detail::listed);
}

void LogsJob::on_call_done(Now now, CallPurpose purpose, CallResult result) {
    if (step_ == Step::look) {
        const auto found = lookup_.on_call_done(now, purpose, result);
        if (!found) return;
        if (!*found) return end(found->error());
        if (!**found) return end(no_container(port().head().vm));
        step_ = Step::flow;
        return port().call(CallPurpose::logs, engine::logs((**found)->id, spec_));
    }
    if (!result) return end(result.error());
    if (!engine::is_good(*result)) {
        return end(Error{ErrorCode::engine_failed, "the engine can't read the logs: " + engine::message_of(*result)});
    }
    step_ = Step::drain;
    balance();
}

void LogsJob::on_call_chunk(Now /*now*/, CallPurpose /*purpose*/, std::string_view bytes) {
    const auto fed =
        streams_.feed(bytes, [&](Channel channel, std::string_view piece) { output_.push(channel, piece); });
    if (!fed) return end(fed.error());
    balance();
}

void LogsJob::balance() {
    if (step_ == Step::drain) {
        if (output_.empty()) end(Outcome{});
        return;
    }
    const auto call = port().context().calls.in_flight(port().head().owner, CallPurpose::logs);
    if (!call) return;
    Outbox& outbox = port().context().outbox;
    switch (output_.turn()) {
        case OutputPump::Turn::pause:
            return outbox.push(PauseCall{*call});
        case OutputPump::Turn::resume:
            return outbox.push(ResumeCall{*call});
        case OutputPump::Turn::none:
            return;
    }
}

void LogsJob::on_timer(Now /*now*/) {
    if (step_ == Step::look) lookup_.on_timer();
}

void LogsJob::on_peer(Now /*now*/, protocol::Message message) {
    if (message.header.kind != Kind::credit) return;
    output_.add_credit(message.header.value);
    balance();
}

void LogsJob::give_up(Now /*now*/, Error why) {
    end(why);
}

}  // namespace mc::worker

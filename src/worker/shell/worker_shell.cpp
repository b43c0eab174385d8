#include "worker/shell/worker_shell.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "io/clock.hpp"
#include "io/log.hpp"
#include "io/personalise.hpp"
#include "io/tar.hpp"
#include "protocol/limits.hpp"
#include "protocol/message.hpp"
#include "worker/shell/state_file.hpp"

namespace mc::worker {
namespace {

/// Drained in batches; the rest waits a turn, so that a flood starves no timer.
constexpr std::size_t messages_per_turn_max = 256;
/// Of a host key's archive.
constexpr std::size_t archive_bytes_max = 256 * 1024;
constexpr milliseconds engine_connect_max = 5s;

std::vector<io::TarEntry> tar_entries(std::vector<FileEntry> files) {
    std::vector<io::TarEntry> entries;
    for (auto& file : files) {
        entries.push_back({.path = std::move(file.path),
                           .mode = file.mode,
                           .content = std::move(file.content),
                           .is_directory = file.directory});
    }
    return entries;
}

io::SocketOptions broker_socket_options(const io::Security& security) {
    io::SocketOptions options;
    options.security = security;
    // What can't be sent now is said again in another form: heartbeats come each
    // second, results when the broker asks again.
    options.only_when_connected = true;
    return options;
}

}  // namespace

WorkerShell::WorkerShell(io::Context& context, io::Poller& poller, Places places, Settings settings, WorkerState state)
    : context_(context),
      poller_(poller),
      places_(std::move(places)),
      core_(std::move(settings), state),
      engine_(poller, places_.engine),
      probes_(poller),
      ender_(poller) {}

WorkerShell::~WorkerShell() {
    leave_broker();
}

Result<void> WorkerShell::begin() {
    if (auto connected = connect_broker(); !connected) return connected;
    core_.begin(io::read_clock());
    run_effects();
    return {};
}

Result<void> WorkerShell::connect_broker() {
    leave_broker();
    broker_ = std::make_unique<io::Socket>(io::Socket::dealer(context_, broker_socket_options(places_.security)));
    handshakes_ = std::make_unique<io::HandshakeWatch>(context_, *broker_);
    auto connected = broker_->connect(places_.broker);
    if (connected) {
        poller_.add(*broker_, {.read = true, .write = false}, [this](io::Readiness) { drain_broker(); });
        poller_.add(handshakes_->events(), {.read = true, .write = false}, [this](io::Readiness) { on_handshakes(); });
    }
    return connected;
}

void WorkerShell::leave_broker() {
    if (handshakes_) poller_.remove(handshakes_->events());
    handshakes_.reset();
    if (broker_) poller_.remove(*broker_);
    broker_.reset();
}

void WorkerShell::on_handshakes() {
    while (const auto outcome = handshakes_->next()) {
        if (*outcome == io::Handshake::done) {
            trouble_told_.reset();
        } else if (std::exchange(trouble_told_, outcome) != outcome) {
            const bool with_key = std::holds_alternative<io::CurveClient>(places_.security);
            io::log_warn(io::handshake_sentence(*outcome, places_.broker, with_key));
        }
    }
}

void WorkerShell::turn(milliseconds max) {
    const Now before = io::read_clock();
    const milliseconds until_due = core_.next_deadline() - before.instant;
    poller_.wait(std::clamp(until_due, 0ms, max));
    tick();
}

void WorkerShell::tick() {
    leftovers_.on_turn(io::read_clock().instant);
    look_at_disk(io::read_clock().instant);
    core_.on_tick(io::read_clock());
    run_effects();
}

void WorkerShell::look_at_disk(Instant now) {
    const std::string data_root = core_.data_root();
    // An engine that is reached over tcp is mostly another machine's, and a directory of that name here is not its own.
    if (places_.engine.is_unix() && !data_root.empty()) core_.on_disk(disk_.look(now, data_root));
}

void WorkerShell::begin_stop() {
    core_.begin_stop(io::read_clock());
    run_effects();
}

void WorkerShell::drain_broker() {
    for (std::size_t i = 0; i < messages_per_turn_max; ++i) {
        auto frames = broker_->receive();
        if (!frames) return;
        const RequestId id = frames->empty() ? RequestId{} : protocol::peek_id(frames->front());
        auto message = protocol::from_frames(*frames);
        if (message) {
            core_.on_broker_message(io::read_clock(), std::move(*message));
        } else {
            core_.on_broker_garbage(io::read_clock(), id, message.error());
        }
    }
}

void WorkerShell::run_effects() {
    // Carrying one out may cause another, e.g. a state that can't be saved.
    for (auto effects = core_.take_effects(); !effects.empty(); effects = core_.take_effects()) {
        for (auto& effect : effects) {
            std::visit([this](auto& one) { run(one); }, effect);
        }
    }
}

void WorkerShell::run(SendBroker& effect) {
    const auto verb = effect.message.header.verb;
    const auto frames = protocol::to_frames(std::move(effect.message));
    if (broker_->send(frames) != io::SendOutcome::sent) {
        io::log_debug("not sent, no connection to the broker: " + std::string(protocol::name_of(verb)));
    }
}

void WorkerShell::run(ReconnectBroker& /*effect*/) {
    if (const auto connected = connect_broker(); !connected) io::log_error(connected.error().message);
}

void WorkerShell::run(StartCall& effect) {
    const CallId id = effect.id;
    EngineRequest& request = effect.request;
    io::EngineCall call;
    call.method = request.method;
    call.path = request.target;
    call.body = std::move(request.body);
    call.connect_timeout = engine_connect_max;
    call.total_timeout = request.time_max;
    call.idle_timeout = request.idle_max;
    call.streaming = request.stream;
    if (!request.files.empty()) {
        auto archive = io::pack_tar(tar_entries(std::move(request.files)));
        if (!archive) return core_.on_call_done(io::read_clock(), id, fail(archive.error()));
        call.content_type = "application/x-tar";
        call.body = std::move(*archive);
    }
    io::EngineHandlers handlers;
    handlers.on_done = [this, id, archive = request.archive](Result<io::EngineResponse> answer) {
        on_call_done(id, archive, std::move(answer));
    };
    handlers.on_chunk = [this, id](std::string_view bytes) { return on_call_chunk(id, bytes); };
    engine_.start(io::CallId{id.value}, std::move(call), std::move(handlers));
}

void WorkerShell::on_call_done(CallId id, bool archive, Result<io::EngineResponse> answer) {
    paused_calls_.erase(id);
    if (!answer) {
        core_.on_call_done(io::read_clock(), id, fail(answer.error()));
        return run_effects();
    }
    EngineResponse response{.status = answer->status, .body = std::move(answer->body), .files = {}};
    if (archive && response.status == 200) {
        auto entries = io::unpack_tar(response.body, archive_bytes_max);
        if (!entries) {
            core_.on_call_done(io::read_clock(), id, fail(ErrorCode::engine_failed, entries.error().message));
            return run_effects();
        }
        for (auto& entry : *entries) {
            response.files.push_back({.path = std::move(entry.path),
                                      .mode = entry.mode,
                                      .directory = entry.is_directory,
                                      .content = std::move(entry.content)});
        }
        response.body.clear();
    }
    core_.on_call_done(io::read_clock(), id, std::move(response));
    run_effects();
}

io::Flow WorkerShell::on_call_chunk(CallId id, std::string_view bytes) {
    core_.on_call_chunk(io::read_clock(), id, bytes);
    run_effects();
    return paused_calls_.contains(id) ? io::Flow::pause : io::Flow::go_on;
}

void WorkerShell::run(CancelCall& effect) {
    paused_calls_.erase(effect.id);
    engine_.cancel(io::CallId{effect.id.value});
}

void WorkerShell::run(PauseCall& effect) {
    paused_calls_.insert(effect.id);
}

void WorkerShell::run(ResumeCall& effect) {
    paused_calls_.erase(effect.id);
    engine_.resume(io::CallId{effect.id.value});
}

void WorkerShell::run(OpenStream& effect) {
    io::HijackCall call;
    call.path = effect.request.target;
    call.body = std::move(effect.request.body);
    call.open_timeout = effect.request.time_max;
    auto handlers = stream_handlers(effect.id);
    streams_.insert_or_assign(effect.id,
                              io::ByteStream::hijack(poller_, places_.engine, std::move(call), std::move(handlers)));
}

void WorkerShell::run(DialStream& effect) {
    auto handlers = stream_handlers(effect.id);
    streams_.insert_or_assign(
        effect.id, io::ByteStream::dial(poller_, effect.host, effect.port, effect.time_max, std::move(handlers)));
}

io::ByteStreamHandlers WorkerShell::stream_handlers(StreamId id) {
    io::ByteStreamHandlers handlers;
    handlers.on_open = [this, id] {
        core_.on_stream_opened(io::read_clock(), id);
        run_effects();
    };
    handlers.on_bytes = [this, id](std::string_view bytes) {
        core_.on_stream_bytes(io::read_clock(), id, bytes);
        run_effects();
    };
    handlers.on_written = [this, id](std::size_t bytes) {
        core_.on_stream_written(io::read_clock(), id, bytes);
        run_effects();
    };
    handlers.on_closed = [this, id](Result<void> result) {
        streams_.erase(id);
        core_.on_stream_closed(io::read_clock(), id, result);
        run_effects();
    };
    return handlers;
}

void WorkerShell::run(WriteStream& effect) {
    if (const auto found = streams_.find(effect.id); found != streams_.end()) {
        found->second.write(std::move(effect.bytes));
    }
}

void WorkerShell::run(CloseWrite& effect) {
    if (const auto found = streams_.find(effect.id); found != streams_.end()) found->second.close_write();
}

void WorkerShell::run(CloseStream& effect) {
    streams_.erase(effect.id);
}

void WorkerShell::run(PauseStream& effect) {
    if (const auto found = streams_.find(effect.id); found != streams_.end()) found->second.pause_reading();
}

void WorkerShell::run(ResumeStream& effect) {
    if (const auto found = streams_.find(effect.id); found != streams_.end()) {
        found->second.resume_reading();
    }
}

void WorkerShell::run(StartProbe& effect) {
    const ProbeId id = effect.id;
    probes_.start(io::ProbeId{id.value}, effect.host, effect.port, effect.time_max,
                  [this, id](const Result<std::string>& host_key) {
                      core_.on_probe_done(io::read_clock(), id,
                                          host_key ? ProbeResult::answered(*host_key) : ProbeResult::silent());
                      run_effects();
                  });
}

void WorkerShell::run(CancelProbe& effect) {
    probes_.cancel(io::ProbeId{effect.id.value});
}

void WorkerShell::run(PersonaliseVm& effect) {
    const auto done = io::personalise({.pid = effect.pid, .container = effect.container},
                                      {.host_name = std::move(effect.host_name),
                                       .files = tar_entries(std::move(effect.files)),
                                       .read = std::move(effect.read)});
    core_.on_personalised(io::read_clock(), effect.id, done);
}

void WorkerShell::run(EndVm& effect) {
    const VisitId id = effect.id;
    const auto begun = ender_.start({.pid = effect.pid, .container = effect.container}, effect.time_max,
                                    [this, id](const Result<void>& ended) {
                                        core_.on_vm_ended(io::read_clock(), id, ended);
                                        run_effects();
                                    });
    if (!begun) core_.on_vm_ended(io::read_clock(), id, begun);
}

void WorkerShell::run(EndLeftovers& effect) {
    leftovers_.end(io::read_clock().instant, effect);
}

void WorkerShell::run(SaveState& effect) {
    if (const auto saved = save_state(places_.state_dir, effect.state); !saved) {
        core_.on_save_failed(io::read_clock(), saved.error());
    }
}

void WorkerShell::run(Log& effect) {
    switch (effect.level) {
        case LogLevel::debug:
            return io::log_debug(effect.text);
        case LogLevel::info:
            return io::log_info(effect.text);
        case LogLevel::warning:
            return io::log_warn(effect.text);
        case LogLevel::error:
            return io::log_error(effect.text);
    }
}

}  // namespace mc::worker

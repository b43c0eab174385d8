#include "sim/worker_process.hpp"

#include <type_traits>
#include <variant>

#include "protocol/codec.hpp"
#include "protocol/message.hpp"
#include "protocol/worker_bodies.hpp"

namespace mc::sim {
namespace {

constexpr milliseconds dead_connection_min{6000};  // io/zmq.hpp: heartbeats find a process that stands still
constexpr milliseconds stop_max{4000};             // worker/shell: for what is under way at a SIGTERM

}  // namespace

WorkerProcess::WorkerProcess(World& world, Network& network, Engine& engine, HostId host, std::uint32_t slots,
                             milliseconds wall_offset, std::optional<PublicKey> key)
    : world_(world),
      dice_(world.dice("worker " + std::to_string(host))),
      network_(network),
      engine_(engine),
      host_(host),
      slots_(slots),
      pool_(dice_.below(3)),
      visits_(!dice_.one_in(4)),
      key_(std::move(key)),
      name_(node_name(host)),
      clock_(world, dice_.between(1s, 100000s), wall_offset) {
    state_.node = NodeId{dice_.number()};
}

WorkerProcess::~WorkerProcess() = default;

void WorkerProcess::boot() {
    if (core_) return;
    ++life_;
    tick_at_ = Moment::max();
    paused_until_ = world_.now();
    ending_ = unsaved_ = false;
    inbox_.clear();
    worker::Settings settings;
    settings.name = name_;
    settings.boot = BootId{dice_.number()};
    settings.version = "sim";
    settings.advertise = "10.0.0." + std::to_string(host_);
    settings.probe_host = settings.advertise;
    settings.port_host_ip = "0.0.0.0";
    settings.engine = "unix:///sim";
    settings.slots = slots_;
    settings.pool = pool_;
    settings.visits = visits_;
    settings.labels = {{"number", host_ % 2 == 1 ? "odd" : "even"}};
    core_ = std::make_unique<worker::WorkerCore>(settings, state_);
    manners_.emplace(world_, engine_);
    dealer_ = std::make_unique<Dealer>(network_, host_, Side::workers, true, key_, [this](Frames frames) {
        deliver([this, frames = std::move(frames)]() mutable {
            const auto message = protocol::from_frames(frames);
            if (!message) return;
            manners_->is_told(*message);
            core_->on_broker_message(clock_.now(), *message);
        });
    });
    world_.say([&] { return name_ + " started"; });
    core_->begin(clock_.now());
    settle();
}

void WorkerProcess::terminate() {
    if (!core_) return;
    world_.fired(Fault::worker_terminated);
    deliver([this] {
        core_->begin_stop(clock_.now());
        wait_for_end(world_.now() + stop_max);
    });
}

void WorkerProcess::wait_for_end(Moment latest) {
    world_.schedule.in(10ms, [this, latest, life = life_] {
        if (life != life_ || !core_) return;
        if (core_->idle() || world_.now() >= latest) return crash();
        wait_for_end(latest);
    });
}

void WorkerProcess::meet_old_broker(CloudId cloud, std::vector<BrokerProcess::OldOrder> orders) {
    if (!core_) return;
    old_cloud_ = cloud;
    old_orders_ = std::move(orders);
    crash();
}

void WorkerProcess::answer_as_old_broker(const protocol::Message& registration) {
    world_.fired(Fault::old_broker_answers);
    const auto orders = std::exchange(old_orders_, {});
    protocol::Message answer;
    answer.header = registration.header;
    answer.header.kind = protocol::Kind::reply;
    answer.body = protocol::encode(protocol::RegisterReply{old_cloud_, orders.front().epoch, "sim"});
    std::vector<Frames> all{protocol::to_frames(answer)};
    for (const auto& order : orders) all.push_back(order.frames);
    world_.schedule.in(2ms, [this, all, life = life_] {
        if (life != life_) return;
        for (auto frames : all) {
            deliver([this, frames = std::move(frames)]() mutable {
                if (const auto message = protocol::from_frames(frames))
                    core_->on_broker_message(clock_.now(), *message);
            });
        }
    });
}

void WorkerProcess::crash(milliseconds away_min, milliseconds away_max) {
    if (!core_) return;
    world_.say([&] { return name_ + " ended"; });
    ++life_;
    core_.reset();
    dealer_.reset();
    for (auto& [id, call] : calls_) call->cancelled = true;
    for (auto& [id, stream] : streams_) stream->cancelled = true;
    calls_.clear();
    streams_.clear();
    probes_.clear();
    inbox_.clear();
    world_.schedule.in(dice_.between(away_min, away_max), [this] { boot(); });
}

void WorkerProcess::pause(milliseconds time) {
    if (!core_) return;
    world_.fired(Fault::worker_paused);
    paused_until_ = std::max(paused_until_, world_.now() + time);
    world_.schedule.at(paused_until_, [this, life = life_] {
        if (life == life_) settle();
    });
    if (time < dead_connection_min) return;
    world_.schedule.in(dead_connection_min, [this, life = life_] {
        if (life == life_) network_.drop(host_);
    });
}

void WorkerProcess::deliver(Task task) {
    if (!core_) return;
    inbox_.push_back(std::move(task));
    settle();
}

void WorkerProcess::settle() {
    if (!core_ || settling_ || world_.now() < paused_until_) return;
    settling_ = true;
    run_effects();
    while (core_ && !inbox_.empty()) {
        const Task task = std::move(inbox_.front());
        inbox_.pop_front();
        task();
        run_effects();
    }
    if (core_ && core_->next_deadline() <= clock_.now().instant) {
        core_->on_tick(clock_.now());
        run_effects();
    }
    settling_ = false;
    if (core_) want_tick();
}

void WorkerProcess::want_tick() {
    const Moment when = std::max(clock_.moment_of(core_->next_deadline()), world_.now() + 1ms);
    if (when >= tick_at_) return;
    tick_at_ = when;
    world_.schedule.at(when, [this, when, life = life_] {
        if (life != life_ || tick_at_ != when) return;
        tick_at_ = Moment::max();
        settle();
    });
}

void WorkerProcess::run_effects() {
    for (auto effects = core_->take_effects(); !effects.empty(); effects = core_->take_effects()) {
        for (auto& effect : effects) {
            std::visit([this](auto& one) { run(one); }, effect);
            if (!std::exchange(ending_, false)) continue;
            return std::exchange(quick_, false) ? crash(5ms, 60ms) : crash();
        }
    }
}

void WorkerProcess::on_call_done(worker::CallId id, worker::CallResult result) {
    if (calls_.erase(id) == 0) return;
    deliver(
        [this, id, result = std::move(result)]() mutable { core_->on_call_done(clock_.now(), id, std::move(result)); });
}

template <class Effect>
void WorkerProcess::run(Effect& effect) {
    using namespace worker;
    if constexpr (std::is_same_v<Effect, SendBroker>) {
        if (!old_orders_.empty() && effect.message.header.verb == protocol::Verb::node_register) {
            return answer_as_old_broker(effect.message);
        }
        if (effect.message.header.verb == protocol::Verb::node_heartbeat && !unsaved_) {
            const auto heartbeat = protocol::decode<protocol::Heartbeat>(effect.message.body);
            if (heartbeat) obeys_ = std::max(obeys_, heartbeat->epoch);
        }
        manners_->says(effect.message, calls_);
        static_cast<void>(dealer_->send(protocol::to_frames(effect.message)));
    } else if constexpr (std::is_same_v<Effect, ReconnectBroker>) {
        dealer_->renew();
    } else if constexpr (std::is_same_v<Effect, StartCall>) {
        manners_->asks(effect.request, calls_);
        auto call = std::make_shared<Engine::Call>();
        const CallId id = effect.id;
        const milliseconds time_max = std::max(effect.request.time_max, effect.request.idle_max);
        call->request = std::move(effect.request);
        call->on_done = [this, id](CallResult result) { on_call_done(id, std::move(result)); };
        call->on_chunk = [this, id](std::string_view bytes) {
            deliver([this, id, text = std::string(bytes)] { core_->on_call_chunk(clock_.now(), id, text); });
        };
        calls_[id] = call;
        engine_.start(call);
        if (crash_in_create_ && call->request.target.find("/containers/create") != std::string::npos) {
            crash_in_create_ = false;
            world_.fired(Fault::worker_crashed_in_create);
            ending_ = true;
            quick_ = true;
        }
        if (time_max > 0ms) {
            world_.schedule.in(time_max, [this, id, call] {
                if (call->cancelled || !call->on_done) return;
                call->cancelled = true;  // the engine goes on with it
                on_call_done(id, fail(ErrorCode::deadline_exceeded, "the engine did not answer in time"));
            });
        }
    } else if constexpr (std::is_same_v<Effect, CancelCall>) {
        const auto found = calls_.find(effect.id);
        if (found == calls_.end()) return;
        found->second->cancelled = true;
        calls_.erase(found);
    } else if constexpr (std::is_same_v<Effect, OpenStream>) {
        auto stream = std::make_shared<Engine::Stream>();
        const StreamId id = effect.id;
        stream->on_opened = [this, id] { deliver([this, id] { core_->on_stream_opened(clock_.now(), id); }); };
        stream->on_bytes = [this, id](std::string_view bytes) {
            deliver([this, id, text = std::string(bytes)] { core_->on_stream_bytes(clock_.now(), id, text); });
        };
        stream->on_closed = [this, id](Result<void> result) {
            streams_.erase(id);
            deliver([this, id, result = std::move(result)] { core_->on_stream_closed(clock_.now(), id, result); });
        };
        streams_[id] = stream;
        engine_.open_stream(stream, effect.request);
    } else if constexpr (std::is_same_v<Effect, DialStream>) {
        // Simulated VMs have an sshd that is looked at, and none that is talked to: a tunnel is taken and closed.
        deliver([this, id = effect.id] { core_->on_stream_opened(clock_.now(), id); });
        deliver([this, id = effect.id] { core_->on_stream_closed(clock_.now(), id, {}); });
    } else if constexpr (std::is_same_v<Effect, WriteStream>) {
        deliver(
            [this, id = effect.id, size = effect.bytes.size()] { core_->on_stream_written(clock_.now(), id, size); });
    } else if constexpr (std::is_same_v<Effect, CloseStream>) {
        const auto found = streams_.find(effect.id);
        if (found == streams_.end()) return;
        found->second->cancelled = true;
        streams_.erase(found);
    } else if constexpr (std::is_same_v<Effect, StartProbe>) {
        const auto number = ++last_probe_;
        probes_[effect.id] = number;
        world_.schedule.in(dice_.between(1ms, 5ms), [this, id = effect.id, port = effect.port, number, life = life_] {
            if (life != life_ || !probes_.contains(id) || probes_[id] != number) return;
            probes_.erase(id);
            const auto key = engine_.host_key_at(port);
            const auto found = key ? ProbeResult::answered(*key) : ProbeResult::silent();
            deliver([this, id, found] { core_->on_probe_done(clock_.now(), id, found); });
        });
    } else if constexpr (std::is_same_v<Effect, CancelProbe>) {
        probes_.erase(effect.id);
    } else if constexpr (std::is_same_v<Effect, PersonaliseVm>) {
        const VisitResult denied = fail(ErrorCode::denied, "this needs root");
        core_->on_personalised(clock_.now(), effect.id, visits_ ? engine_.personalise(effect) : denied);
    } else if constexpr (std::is_same_v<Effect, EndVm>) {
        const auto done = [this, id = effect.id, life = life_](const Result<void>& result) {
            if (life == life_) deliver([this, id, result] { core_->on_vm_ended(clock_.now(), id, result); });
        };
        const Result<void> denied = fail(ErrorCode::denied, "this needs root");
        const auto at_once = visits_ ? engine_.end_vm(effect, done) : denied;
        if (at_once) core_->on_vm_ended(clock_.now(), effect.id, *at_once);
    } else if constexpr (std::is_same_v<Effect, EndLeftovers>) {
        engine_.end_leftovers(effect);
    } else if constexpr (std::is_same_v<Effect, SaveState>) {
        if (std::exchange(break_save_, false)) {
            world_.fired(Fault::worker_state_not_saved);
            if (dice_.one_in(2)) {
                ending_ = true;
            } else {
                unsaved_ = true;
                core_->on_save_failed(clock_.now(), {ErrorCode::io_failed, "no space left on device"});
            }
            return;
        }
        unsaved_ = false;
        state_ = effect.state;
    } else if constexpr (std::is_same_v<Effect, Log>) {
        world_.say([&] { return "  " + name_ + ": " + effect.text; });
    }
}

}  // namespace mc::sim

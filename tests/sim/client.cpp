#include "sim/client.hpp"

#include <algorithm>

#include "protocol/codec.hpp"

namespace mc::sim {
namespace {

using protocol::encode;
using protocol::Verb;

constexpr std::size_t names_kept_max = 24;
constexpr std::size_t creates_kept_max = 8;
constexpr seconds hour{3600};

}  // namespace

Client::Client(World& world, Network& network, Checker& checker, People& people, Person& person, HostId host)
    : world_(world),
      network_(network),
      checker_(checker),
      people_(people),
      person_(person),
      dice_(world.dice("client " + std::to_string(host))),
      host_(host),
      clock_(world, dice_.between(1s, 1000s), 0ms) {}

void Client::begin(milliseconds pause_mean) {
    pause_mean_ = pause_mean;
    rest();
}

void Client::rest() {
    call_.reset();
    if (stream_) streams_left_.push_back(world_.now());
    stream_.reset();
    if (stopped_ && stops_.empty()) return;
    world_.schedule.in(dice_.wait(pause_mean_), [this, turn = ++turn_] {
        if (turn != turn_) return;
        if (!stops_.empty()) return remove_stopping();
        if (!stopped_) act();
    });
}

std::size_t Client::streams_held_for_it() {
    // It may be paused just then, or wait for its disk, and the last words may be late.
    constexpr milliseconds noticed = limits::stream_silence_max + seconds(60);
    std::erase_if(streams_left_, [&](Moment left) { return world_.now() - left > noticed; });
    return streams_left_.size() + (stream_ ? 1 : 0);
}

bool Client::die() {
    if (!call_ && !stream_) return false;
    world_.fired(Fault::client_died);
    leave();
    return true;
}

void Client::leave() {
    if (call_) checker_.request_ended(call_->driver().id());
    rest();
}

void Client::act() {
    const auto what = dice_.below(100);
    const bool watches = person_.role == protocol::Role::viewer;
    if (person_.is_admin && dice_.one_in(20)) return operate();
    if (what < 34) return watches && dice_.one_in(2) ? look(Verb::list) : create();
    if (what < 54) return watches && dice_.one_in(2) ? look(Verb::info) : change(Verb::remove);
    if (what < 60) return change(Verb::stop);
    if (what < 67) return change(Verb::start);
    if (what < 71) return dice_.one_in(3) ? update() : change(Verb::restart);
    if (what < 82) return look(dice_.pick(std::vector{Verb::list, Verb::list, Verb::info, Verb::info, Verb::usage}));
    if (what < 88) return cancel_or_ask();
    if (what < 94) return stream();
    // Who may not operate tries it now and then.
    if (what < 97) return person_.is_admin || dice_.one_in(4) ? operate() : look(Verb::list);
    static const std::vector<Verb> rarely{Verb::nodes, Verb::jobs, Verb::jobs, Verb::keys, Verb::audit};
    look(dice_.pick(rarely));
}

std::string Client::some_target() {
    if (!people_.gossip.vms.empty() && meddles()) {
        const Gossip::Vm& vm = dice_.pick(people_.gossip.vms);
        const auto how = dice_.below(3);
        return how == 0 ? vm.id.str() : how == 1 ? vm.name : vm.owner + '/' + vm.name;
    }
    return names_.empty() ? "vm-" + std::to_string(dice_.between(1, 40)) : dice_.pick(names_);
}

std::string Client::some_node() {
    return "node-" + std::to_string(dice_.between(1, 5));
}

void Client::ask(cli::Request request, std::function<void(const cli::RequestDriver&)> then) {
    checker_.request_began(request.id);
    checker_.access().asked(person_, request);
    world_.say([&] {
        return person_.name + ", client " + std::to_string(host_) + ", asks " +
               std::string(protocol::name_of(request.verb)) + " " + request.id.str();
    });
    const auto turn = ++turn_;
    call_ = std::make_unique<CallProcess>(
        world_, network_, host_, clock_, person_.key, std::move(request),
        [this, turn, then = std::move(then)](const cli::RequestDriver& driver) {
            checker_.request_ended(driver.id());
            world_.say([&] {
                return "client " + std::to_string(host_) + " has " +
                       (driver.reply() ? "reply " + std::string(mc::name_of(driver.reply()->header.code))
                                       : "error " + driver.error()->message);
            });
            then(driver);
            // The process object can't end inside its own callback.
            world_.schedule.in(0ms, [this, turn] {
                if (turn == turn_) rest();
            });
        },
        [this, turn] {
            if (turn == turn_) leave();
        });
}

void Client::create() {
    if (!creates_.empty() && dice_.one_in(6)) return repeat_create();
    if (!person_.sees_all() && dice_.one_in(20)) return steal_id();
    protocol::CreateRequest body;
    if (dice_.one_in(4)) {
        body.spec.name = std::string("web-") + std::to_string(dice_.between(1, 6));
    } else {
        body.count = dice_.one_in(3) ? static_cast<std::uint32_t>(dice_.between(2, 4)) : 1;
    }
    if (dice_.one_in(6)) body.spec.image = dice_.one_in(8) ? "nowhere:1" : dice_.one_in(2) ? "alpine:3" : "plain:1";
    if (dice_.one_in(8)) body.spec.ttl_seconds = static_cast<std::uint64_t>(dice_.between(5, 60));
    if (body.spec.image.empty() && dice_.one_in(2))
        body.spec.authorized_keys = {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZg"};
    if (dice_.one_in(4)) body.spec.memory_bytes = 256ULL << 20;
    if (dice_.one_in(8)) body.node = some_node();
    if (dice_.one_in(4)) body.on_lost = protocol::OnLost::replace;
    if (dice_.one_in(3)) body.placement.policy = static_cast<protocol::PlacementPolicy>(dice_.below(4));
    if (dice_.one_in(8)) body.placement.require = {{"number", "odd"}};
    if (body.spec.image.empty() && dice_.one_in(8)) body.setup = "#!/bin/sh\n";
    cli::Request request;
    request.verb = Verb::create;
    request.id = new_id();
    request.body = encode(body);
    request.timeout = dice_.one_in(3) ? dice_.between(1s, 20s) : dice_.between(30s, 150s);
    request.reply_timeout = request.timeout + 5s;
    checker_.create_asked(person_, request.id, body);
    creates_.push_back(request);
    if (creates_.size() > creates_kept_max) creates_.erase(creates_.begin());
    send_create(request);
}

void Client::repeat_create() {
    const cli::Request again = dice_.pick(creates_);
    if (!dice_.one_in(5) || !checker_.has_outcome(again.id)) {
        world_.fired(Fault::client_repeated);
        return send_create(again);
    }
    // The same id for something else must be refused.
    world_.fired(Fault::client_reused_id);
    cli::Request other = again;
    protocol::CreateRequest body;
    body.spec.name = "never";
    other.body = encode(body);
    ask(std::move(other), [this](const cli::RequestDriver& driver) {
        if (driver.reply() && driver.reply()->header.value == 0) {
            world_.violated("the id of a request was taken for another one");
        }
    });
}

void Client::steal_id() {
    if (people_.gossip.creates.empty()) return look(Verb::list);
    const cli::Request theirs = dice_.pick(people_.gossip.creates);
    const Person* author = checker_.access().author_of(theirs.id);
    if (!author || author->name == person_.name) return look(Verb::list);
    world_.fired(Fault::others_id_used);
    ask(theirs, [this](const cli::RequestDriver& driver) {
        if (driver.reply() && driver.reply()->header.value == 0) {
            world_.violated(person_.name + " was given the outcome of another's request");
        }
    });
}

void Client::send_create(const cli::Request& request) {
    ask(request, [this, request](const cli::RequestDriver& driver) {
        if (!driver.reply() || driver.reply()->header.value != 0) return;
        const auto reply = protocol::decode<protocol::ItemsReply>(driver.reply()->body);
        if (!reply) return world_.violated("a client can't read its reply");
        checker_.create_answered(driver.id(), *reply);
        for (const auto& item : reply->items) {
            if (!item.vm) continue;
            names_.push_back(dice_.one_in(4)   ? item.vm->id.str()
                             : dice_.one_in(6) ? item.vm->owner + '/' + item.vm->name
                                               : item.vm->name);
            people_.gossip.heard_of({item.vm->owner, item.vm->name, item.vm->id});
        }
        if (dice_.one_in(4)) people_.gossip.heard_of(request);
        if (names_.size() > names_kept_max) names_.erase(names_.begin(), names_.end() - names_kept_max);
    });
}

void Client::change(Verb verb) {
    protocol::ActionRequest body;
    const auto count = dice_.one_in(4) ? dice_.between(2, 3) : 1;
    for (std::int64_t i = 0; i < count; ++i) body.targets.push_back(some_target());
    body.grace_seconds = static_cast<std::uint32_t>(dice_.between(0, 5));
    if (verb == Verb::remove) checker_.delete_asked(person_, body.targets);
    // By id: a name that somebody else uses, too, by the time it is to be deleted, means nobody's VM.
    const bool by_id = std::all_of(body.targets.begin(), body.targets.end(),
                                   [](const std::string& target) { return VmId::parse(target).has_value(); });
    const bool patient = verb == Verb::stop && by_id && dice_.one_in(2) && person_.role != protocol::Role::viewer;
    if (patient) {
        body.grace_seconds = static_cast<std::uint32_t>(hour.count());
        stops_ = body.targets;
    }
    cli::Request request;
    request.verb = verb;
    request.id = new_id();
    request.body = encode(body);
    request.timeout = patient ? dice_.between(1s, 5s) : dice_.between(5s, 120s);
    const milliseconds patience = request.timeout;
    // Half of those who lose patience have told the broker to wait for the whole hour: the worker's
    // job does not end by itself then.
    const bool interrupts = patient && request.id.low % 2 == 0;
    if (interrupts) request.timeout = hour;
    request.reply_timeout = request.timeout + 5s;
    ask(std::move(request), [](const cli::RequestDriver&) {});
    if (!interrupts) return;
    world_.schedule.in(patience, [this, turn = turn_] {
        if (turn == turn_) leave();
    });
}

void Client::update() {
    // Never an end for what had none: the checker knows from the create whether a VM may end by itself.
    protocol::UpdateRequest body{{some_target()}, "", protocol::Expiry::keep, 0};
    if (dice_.one_in(2)) body.name = std::string("web-") + std::to_string(dice_.between(1, 6));
    if (body.name.empty() || dice_.one_in(4)) {
        body.expiry = dice_.one_in(4) ? protocol::Expiry::never : protocol::Expiry::later;
        body.seconds = static_cast<std::uint64_t>(dice_.between(1, 60));
    }
    ask(new_request(Verb::update, encode(body), 30s), [](const cli::RequestDriver&) {});
}

cli::Request Client::new_request(Verb verb, protocol::Bytes body, milliseconds timeout) {
    cli::Request request;
    request.verb = verb;
    request.id = new_id();
    request.body = std::move(body);
    request.timeout = timeout;
    request.reply_timeout = timeout + 5s;
    return request;
}

void Client::remove_stopping() {
    protocol::ActionRequest body;
    body.targets = stops_;
    checker_.delete_asked(person_, body.targets);
    ask(new_request(Verb::remove, encode(body), 60s), [this](const cli::RequestDriver& driver) {
        if (driver.reply() && driver.reply()->header.value == 0) stops_.clear();
    });
}

void Client::look(Verb verb) {
    cli::Request request;
    request.verb = verb;
    request.id = new_id();
    if (verb == Verb::list) {
        const bool from_others = !people_.gossip.vms.empty() && dice_.one_in(4);
        const Gossip::Vm vm = from_others ? dice_.pick(people_.gossip.vms) : Gossip::Vm{};
        request.body = encode(protocol::ListRequest{from_others ? vm.owner + '/' + vm.name : ""});
    }
    if (verb == Verb::keys) request.body = encode(protocol::KeysRequest{});
    if (verb == Verb::audit) request.body = encode(protocol::AuditRequest{});
    if (verb == Verb::info) request.body = encode(protocol::InfoRequest{some_target()});
    request.reply_timeout = 10s;
    ask(std::move(request), [this, verb](const cli::RequestDriver& driver) {
        if (!driver.reply() || verb != Verb::list) return;
        // Its key was taken back meanwhile; the next command uses the new one.
        if (driver.reply()->header.code == ErrorCode::not_authorised) return;
        const auto list = protocol::decode<protocol::ListReply>(driver.reply()->body);
        if (!list) return world_.violated("a client can't read its list");
        for (const auto& vm : list->vms) {
            if (checker_.is_gone(vm.id) && vm.state != protocol::VmState::deleting) names_.push_back(vm.name);
            if (dice_.one_in(8)) names_.push_back(vm.name);
        }
        if (names_.size() > names_kept_max) names_.erase(names_.begin(), names_.end() - names_kept_max);
    });
}

void Client::cancel_or_ask() {
    const bool others = !people_.gossip.creates.empty() && meddles();
    if (creates_.empty() && !others) return look(Verb::list);
    const RequestId about = dice_.pick(others ? people_.gossip.creates : creates_).id;
    if (others) world_.fired(Fault::others_request_asked);
    const bool cancel = dice_.one_in(2);
    if (cancel) checker_.cancel_asked(person_, about);
    cli::Request request;
    request.verb = cancel ? Verb::cancel : Verb::job;
    request.id = new_id();
    request.body = encode(protocol::JobRequest{about});
    request.reply_timeout = 10s;
    ask(std::move(request), [](const cli::RequestDriver&) {});
}

void Client::operate() {
    static const std::vector<Verb> verbs{Verb::cordon, Verb::uncordon, Verb::uncordon, Verb::drain, Verb::forget};
    protocol::NodeActionRequest body;
    body.targets.push_back(some_node());
    body.deadline_seconds = static_cast<std::uint64_t>(dice_.between(0, 40));
    body.with_vms = dice_.one_in(2);
    cli::Request request;
    request.verb = dice_.pick(verbs);
    request.id = new_id();
    request.body = encode(body);
    request.timeout = dice_.between(5s, 60s);
    request.reply_timeout = request.timeout + 5s;
    if (request.verb == Verb::forget) checker_.forget_asked(person_, request.id);
    ask(std::move(request), [](const cli::RequestDriver&) {});
}

void Client::stream() {
    const Verb verb = dice_.pick(std::vector{Verb::exec, Verb::exec, Verb::logs, Verb::logs, Verb::tunnel});
    protocol::ExecSpec exec;
    exec.argv = {"true"};
    exec.input = dice_.one_in(2);
    protocol::LogsSpec spec;
    spec.follow = dice_.one_in(3);
    const auto turn = ++turn_;
    const RequestId id = new_id();
    const std::string target = some_target();
    checker_.access().asked(person_, id, verb, {target});
    const auto done = [this, turn] {
        world_.schedule.in(0ms, [this, turn] {
            if (turn == turn_) rest();
        });
    };
    stream_ = std::make_unique<StreamProcess>(world_, network_, host_, clock_, person_.key, verb, id, new_id(), target,
                                              verb == Verb::logs   ? encode(spec)
                                              : verb == Verb::exec ? encode(exec)
                                                                   : protocol::Bytes(),
                                              done);
    // What ends by itself must be seen to end.
    if ((verb != Verb::logs || !spec.follow) && dice_.one_in(2)) return;
    // Ctrl-C, or a terminal that is closed.
    world_.schedule.in(dice_.between(1s, 40s), [this, turn] {
        if (turn != turn_ || !stream_) return;
        if (dice_.one_in(3)) {
            die();
        } else {
            stream_->cancel(new_id());
        }
    });
}

CallProcess::CallProcess(World& world, Network& network, HostId host, const ProcessClock& clock,
                         std::optional<PublicKey> key, cli::Request request, Done done, std::function<void()> refused)
    : world_(world),
      clock_(clock),
      driver_(std::move(request), clock.now().instant),
      dealer_(network, host, Side::clients, false, std::move(key),
              [this](Frames frames) {
                  if (const auto message = protocol::from_frames(frames))
                      driver_.on_message(clock_.now().instant, *message);
                  settle();
              }),
      done_(std::move(done)) {
    if (refused) {
        // It ends the process, and with it this socket: not within its own doing.
        dealer_.set_refused([this, refused = std::move(refused), alive = std::weak_ptr<int>(alive_)] {
            world_.schedule.in(0ms, [refused, alive] {
                if (!alive.expired()) refused();
            });
        });
    }
    settle();
}

void CallProcess::settle() {
    if (!done_) return;
    driver_.on_tick(clock_.now().instant);
    while (const auto send = driver_.take_send()) {
        if (send->fresh_socket) dealer_.renew();
        static_cast<void>(dealer_.send(protocol::to_frames(send->message)));
    }
    static_cast<void>(driver_.take_progress());
    if (driver_.done()) {
        const Done done = std::exchange(done_, {});
        return done(driver_);
    }
    const Moment when = std::max(clock_.moment_of(driver_.next_deadline()), world_.now() + 1ms);
    if (when >= tick_at_) return;
    tick_at_ = when;
    world_.schedule.at(when, [this, when, alive = std::weak_ptr<int>(alive_)] {
        if (alive.expired() || tick_at_ != when) return;
        tick_at_ = Moment::max();
        settle();
    });
}

StreamProcess::StreamProcess(World& world, Network& network, HostId host, const ProcessClock& clock,
                             std::optional<PublicKey> key, Verb verb, RequestId id, RequestId probe,
                             const std::string& target, protocol::Bytes data, std::function<void()> done)
    : world_(world),
      clock_(clock),
      session_(verb, id, probe, target, std::move(data), 3000ms, clock.now().instant),
      dealer_(network, host, Side::clients, false, std::move(key),
              [this](Frames frames) {
                  if (const auto message = protocol::from_frames(frames))
                      session_.on_message(clock_.now().instant, *message);
                  settle();
              }),
      done_(std::move(done)) {
    settle();
}

void StreamProcess::cancel(RequestId id) {
    session_.cancel(clock_.now().instant, id);
    settle();
}

void StreamProcess::settle() {
    if (!done_) return;
    const Instant now = clock_.now().instant;
    session_.on_tick(now);
    while (auto* output = session_.next_output()) {
        output->written = output->bytes.size();
        session_.output_written(now);
    }
    if (!input_ended_ && session_.input_bytes_max() > 0) {
        input_ended_ = true;
        session_.input_ended(now);
    }
    for (const auto& message : session_.take_sends()) static_cast<void>(dealer_.send(protocol::to_frames(message)));
    if (session_.done()) {
        const auto done = std::exchange(done_, {});
        return done();
    }
    const Moment when = std::max(clock_.moment_of(session_.next_deadline()), world_.now() + 1ms);
    if (when >= tick_at_) return;
    tick_at_ = when;
    world_.schedule.at(when, [this, when, alive = std::weak_ptr<int>(alive_)] {
        if (alive.expired() || tick_at_ != when) return;
        tick_at_ = Moment::max();
        settle();
    });
}

Watcher::Watcher(World& world, Network& network, Checker& checker, const Person& person, HostId host)
    : world_(world),
      checker_(checker),
      person_(person),
      dice_(world.dice("watcher " + std::to_string(host))),
      name_(person.name + ", watcher " + std::to_string(host)),
      clock_(world, dice_.between(1s, 1000s), 0ms),
      last_(dice_.one_in(2) ? std::optional(EventSeq{0}) : std::nullopt),
      follower_(last_, clock_.now().instant),
      events_(network, host, Side::events, true, person.key, [this](Frames frames) { on_events_frames(frames); }),
      requests_(network, host, Side::clients, false, person.key, [this](Frames frames) {
          const auto message = protocol::from_frames(frames);
          if (!message || message->header.id != replay_) return;
          // Its person has another key by now.
          if (message->header.code == ErrorCode::not_authorised) return requests_.renew(person_.key);
          if (message->header.code != ErrorCode::ok) return;
          if (const auto reply = protocol::decode<protocol::EventsReply>(message->body)) {
              follower_.on_replay(clock_.now().instant, *reply);
          }
          settle();
      }) {
    events_.set_refused([this] { events_.renew(person_.key); });
    requests_.set_refused([this] { requests_.renew(person_.key); });
    settle();
}

void Watcher::on_events_frames(Frames& frames) {
    const auto message = protocol::from_frames(std::span(frames).subspan(1));
    if (!message) return;
    if (message->header.verb == Verb::events_published) {
        if (const auto batch = protocol::decode<protocol::EventBatch>(message->body)) {
            for (const auto& event : batch->events) {
                checker_.access().event_received(person_, event);
                follower_.on_event(clock_.now().instant, event);
            }
        }
    } else if (const auto beacon = protocol::decode<protocol::Beacon>(message->body)) {
        if (!last_) last_ = beacon->last;
        follower_.on_beacon(clock_.now().instant, *beacon);
    }
    settle();
}

void Watcher::send(Verb verb, RequestId id, protocol::Bytes body) {
    protocol::Message message;
    message.header.verb = verb;
    message.header.id = id;
    message.body = std::move(body);
    checker_.access().asked(person_, id, verb);
    static_cast<void>(requests_.send(protocol::to_frames(message)));
}

void Watcher::settle() {
    follower_.on_tick(clock_.now().instant);
    for (const auto& effect : follower_.take_effects()) {
        using Follower = cli::EventFollower;
        if (const auto* print = std::get_if<Follower::Print>(&effect)) {
            checker_.watcher_printed(name_, person_, last(), print->event);
            last_ = print->event.seq;
        } else if (const auto* gap = std::get_if<Follower::Gap>(&effect)) {
            checker_.watcher_missed(name_, person_, last(), gap->first, gap->last);
            last_ = gap->last;
        } else if (const auto* replay = std::get_if<Follower::AskReplay>(&effect)) {
            replay_ = RequestId{dice_.number(), dice_.number()};
            send(Verb::events, replay_, encode(protocol::EventsRequest{replay->after}));
        } else if (std::holds_alternative<Follower::AskBeacon>(effect)) {
            send(Verb::beacon, RequestId{dice_.number(), dice_.number()}, {});
        } else if (std::holds_alternative<Follower::OtherCloud>(effect)) {
            world_.violated(name_ + " was told that this is another cloud");
        }
    }
    const Moment when = std::max(clock_.moment_of(follower_.next_deadline()), world_.now() + 1ms);
    if (when >= tick_at_) return;
    tick_at_ = when;
    world_.schedule.at(when, [this, when] {
        if (tick_at_ != when) return;
        tick_at_ = Moment::max();
        settle();
    });
}

}  // namespace mc::sim

#include "worker/core/worker_core.hpp"

#include <algorithm>

#include "base/rule.hpp"
#include "protocol/client_bodies.hpp"
#include "worker/core/engine_requests.hpp"
#include "worker/core/text.hpp"

namespace mc::worker {

using protocol::Kind;
using protocol::Message;
using protocol::Verb;

namespace {

/// What the bodies of all orders begin with.
struct OrderHead {
    Epoch epoch;

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.epoch);
    }
};

/// For some milliseconds after the engine's first answer.
constexpr const char* network_not_known = "the engine has not told about its networks yet";

std::string without_digits(std::string text) {
    std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
    return text;
}

}  // namespace

WorkerCore::WorkerCore(Settings settings, WorkerState state)
    : settings_(std::move(settings)),
      calls_(outbox_, std::clamp<std::size_t>(settings_.engine_calls, 1, bounds::engine_calls_max)),
      visits_(settings_.visits),
      health_(settings_),
      network_(outbox_, calls_, settings_),
      context_{outbox_, calls_,   known_, endings_,  leftovers_,
               visits_, network_, pool_,  settings_, Identity{state.cloud, state.node}},
      pool_(
          context_, [this](Now now, protocol::CreateOrder order) { jobs_.make_spare(now, std::move(order)); },
          [this](Now now) { inventory_.hint(now); }),
      jobs_(
          context_, [this](Now now) { inventory_.on_result_sent(now); },
          [this](Now now, VmId vm, const Outcome& outcome) {
              pool_.on_ended(now, vm, outcome);
              inventory_.on_result_sent(now);  // a list under way may still show what it has removed
          }),
      inventory_(context_, health_, jobs_),
      usage_(context_, inventory_),
      watch_(context_, inventory_),
      session_(outbox_, settings_, state, [this](Now now) { return status(now); }) {}

void WorkerCore::begin(Now now) {
    next_info_ = now.instant;
    ask_info(now);
    inventory_.on_tick(now);
    watch_.begin(now);
    session_.begin(now);
}

protocol::NodeStatus WorkerCore::status(Now now) const {
    protocol::NodeStatus status = health_.status(now);
    status.jobs_running = static_cast<std::uint32_t>(jobs_.size());
    std::string reason;
    if (stopping_) {
        reason = "the worker is stopping";
    } else if (!save_error_.empty()) {
        reason = save_error_;
    } else if (status.ready && !network_.name()) {
        reason = network_.problem().empty() ? network_not_known : network_.problem();
    }
    if (!reason.empty()) {
        status.ready = false;
        status.reason = reason;
    }
    return status;
}

void WorkerCore::on_broker_message(Now now, Message message) {
    on_session_change(now, session_.on_message(now, message));
    if (!session_.is_registered()) return;
    switch (message.header.kind) {
        case Kind::request:
            return on_order(now, message);
        case Kind::data:
        case Kind::credit:
        case Kind::end:
        case Kind::control:
            return jobs_.on_peer(now, std::move(message));
        case Kind::notice:
            return on_notice(now, message);
        case Kind::reply:
        case Kind::progress:
            return;
    }
}

void WorkerCore::on_notice(Now now, const Message& message) {
    if (message.header.verb == Verb::job_cancel) {
        jobs_.on_cancel(now, protocol::as_job_id(message.header.id), false);
    } else if (message.header.verb == Verb::node_heartbeat && !stopping_) {
        const auto heartbeat = protocol::decode<protocol::Heartbeat>(message.body);
        const bool is_for_us = heartbeat && heartbeat->boot == settings_.boot;
        if (!is_for_us || heartbeat->epoch < session_.state().epoch) return;
        session_.on_heartbeat(now, milliseconds(heartbeat->interval_ms));
        usage_.on_wanted(now, heartbeat->usage_wanted);
        inventory_.on_settled(message.header.sequence);
    }
}

void WorkerCore::on_order(Now now, const Message& message) {
    const Verb verb = message.header.verb;
    if (verb == Verb::job_cancel) return jobs_.on_cancel(now, protocol::as_job_id(message.header.id), true);
    const bool known = verb == Verb::vm_create || verb == Verb::vm_start || verb == Verb::vm_stop ||
                       verb == Verb::vm_restart || verb == Verb::vm_remove || verb == Verb::vm_inspect ||
                       protocol::is_stream_order(verb);
    if (!known) {
        return refuse(message.header, {ErrorCode::unknown_verb, "a worker takes no orders of this verb"});
    }
    if (stopping_) {
        // An order that is not taken is not answered either: the broker sends it again,
        // to this worker's next start. A stream is not sent again, and its client waits.
        if (protocol::is_stream_order(verb)) refuse(message.header, jobs_.stopping_error());
        return;
    }
    const auto order = protocol::decode<OrderHead>(message.body);
    if (!order) return refuse(message.header, order.error());
    if (!session_.accept_epoch(order->epoch)) {
        return refuse(message.header,
                      {ErrorCode::stale_epoch, "this order is of epoch " + std::to_string(order->epoch.value) +
                                                   ", and the worker has seen a later one"});
    }
    if (!save_error_.empty()) return refuse(message.header, {ErrorCode::io_failed, save_error_});
    jobs_.on_order(now, message);
}

void WorkerCore::refuse(const protocol::Header& order, const Error& error) {
    jobs_.reply(order, Outcome::failed(error));
}

void WorkerCore::on_broker_garbage(Now /*now*/, RequestId id, const Error& error) {
    ++garbage_count_;
    outbox_.log(LogLevel::warning, "message " + std::to_string(garbage_count_) + " of the broker that can't be read (" +
                                       id.str() + "): " + to_sentence(error.message, limits::reason_bytes_max));
}

void WorkerCore::on_session_change(Now now, Session::Change change) {
    switch (change) {
        case Session::Change::none:
            return;
        case Session::Change::lost:
            inventory_.on_connection_lost();
            usage_.stop();
            if (!rule_holds(Rule::streams_end_with_the_session)) return;
            return jobs_.end_streams(now, {ErrorCode::node_unreachable, "the connection to the broker was lost"});
        case Session::Change::registered:
            if (context_.identity.cloud != session_.state().cloud) {
                pool_.drop_all();
                context_.identity = Identity{session_.state().cloud, session_.state().node};
                endings_ = {};  // of other containers
                leftovers_ = {};
                watch_.begin(now);
            }
            inventory_.on_registered(now);
            return inventory_.on_tick(now);
    }
}

void WorkerCore::on_call_done(Now now, CallId id, CallResult result) {
    const auto known = calls_.finish(id);
    if (!known) return;
    health_.on_answer(now, known->purpose, result);
    if (network_.on_answer(known->purpose, result)) ask_info(now);
    if (known->owner == owner_inventory) {
        inventory_.on_call_done(now, id, known->purpose, result);
        if (known->purpose == CallPurpose::list) {
            health_.answers() ? watch_.on_engine_answers(now) : watch_.on_engine_lost(now);
            // It may be another one.
            const auto since = leftovers_.engine_is_back_since();
            if (health_.answers() && since && !health_.has_info(*since)) ask_info(now);
        }
    } else if (known->owner == owner_watch) {
        watch_.on_call_done(now, result);
    } else if (known->owner == owner_health) {
        if (known->purpose == CallPurpose::info) on_info(now, result);
        if (known->purpose == CallPurpose::network) {
            network_.on_call_done(result);
            next_info_ = std::min(next_info_, now.instant + info_pause());
        }
    } else if (known->owner == owner_usage) {
        usage_.on_call_done(now, id, result);
    } else if (known->owner == owner_pool) {
        pool_.on_call_done(now, id, result);
    } else {
        jobs_.on_call_done(now, known->owner, known->purpose, std::move(result));
    }
    watch_readiness(now);
}

void WorkerCore::on_call_chunk(Now now, CallId id, std::string_view bytes) {
    const auto known = calls_.find(id);
    if (!known) return;
    if (known->owner == owner_watch) return watch_.on_call_chunk(now, bytes);
    jobs_.on_call_chunk(now, known->owner, known->purpose, bytes);
}

void WorkerCore::on_stream_opened(Now now, StreamId id) {
    jobs_.on_stream_opened(now, OwnerId{id.value});
}

void WorkerCore::on_stream_bytes(Now now, StreamId id, std::string_view bytes) {
    jobs_.on_stream_bytes(now, OwnerId{id.value}, bytes);
}

void WorkerCore::on_stream_written(Now now, StreamId id, std::size_t bytes) {
    jobs_.on_stream_written(now, OwnerId{id.value}, bytes);
}

void WorkerCore::on_stream_closed(Now now, StreamId id, const Result<void>& result) {
    jobs_.on_stream_closed(now, OwnerId{id.value}, result);
}

void WorkerCore::on_probe_done(Now now, ProbeId id, const ProbeResult& result) {
    jobs_.on_probe_done(now, OwnerId{id.value}, result);
}

void WorkerCore::on_personalised(Now now, VisitId id, const VisitResult& result) {
    const OwnerId owner{id.value};
    owner == owner_pool ? pool_.on_personalised(now, result) : jobs_.on_personalised(now, owner, result);
}

void WorkerCore::on_vm_ended(Now now, VisitId id, const Result<void>& result) {
    jobs_.on_vm_ended(now, OwnerId{id.value}, result);
}

void WorkerCore::on_save_failed(Now now, const Error& error) {
    save_error_ = to_sentence("the worker can't write its state: " + error.message, limits::reason_bytes_max);
    next_save_ = now.instant + bounds::save_retry;
    watch_readiness(now);
}

void WorkerCore::on_tick(Now now) {
    if (!save_error_.empty() && now.instant >= next_save_) {
        // Taken for good until on_save_failed says otherwise.
        save_error_.clear();
        next_save_ = Instant::never();
        outbox_.push(SaveState{session_.state()});
    }
    on_session_change(now, session_.on_tick(now));
    calls_.on_tick(now);
    jobs_.on_tick(now);
    inventory_.on_tick(now);
    if (settings_.pool > 0) pool_.on_tick(now, session_.is_registered() && status(now).ready && !jobs_.creates_any());
    usage_.on_tick(now);
    watch_.on_tick(now);
    if (now.instant >= next_info_) ask_info(now);
    watch_readiness(now);
}

milliseconds WorkerCore::info_pause() const {
    if (!network_.problem().empty()) return bounds::network_retry;
    return health_.has_info() && network_.name() ? bounds::info_interval : bounds::inventory_retry;
}

void WorkerCore::ask_info(Now now) {
    next_info_ = now.instant + info_pause();
    if (std::exchange(asking_info_, true)) return;
    calls_.start(owner_health, CallPurpose::info, engine::info());
}

void WorkerCore::on_info(Now now, const CallResult& result) {
    asking_info_ = false;
    if (!result || !engine::is_good(*result)) return;  // the list tells why
    const auto info = engine::parse_info(result->body);
    if (!info) return;
    health_.on_info(now, *info);
    if (!std::exchange(told_about_engine_, true)) tell_about(*info);
    network_.look(*info);
}

void WorkerCore::tell_about(const engine::EngineInfo& engine) {
    if (!engine.live_restore) {
        outbox_.log(LogLevel::warning,
                    "the engine's live-restore is off: stopping the engine stops every VM on it (docs/operations.md)");
    }
    if (!engine.filters_calls) {
        outbox_.log(LogLevel::warning,
                    "the engine does not run its default seccomp profile: VMs may make system calls that it keeps "
                    "from them, and reach more of the kernel; start dockerd without --seccomp-profile "
                    "(docs/security.md)");
    }
    outbox_.log(LogLevel::info, engine.remaps_users
                                    ? "root in a VM is not root on this machine: the engine remaps users"
                                    : "root in a VM is root's user id on this machine too: the engine does not "
                                      "remap users (docs/operations.md, userns-remap)");
}

void WorkerCore::watch_readiness(Now now) {
    const auto now_is = status(now);
    if (now_is.reason == last_reason_) return;
    // The seconds in "has not answered for N s" are no news.
    const bool news = now_is.ready || without_digits(last_reason_) != without_digits(now_is.reason);
    last_reason_ = now_is.reason;
    if (!news) return;
    session_.hasten_heartbeat(now);
    if (!now_is.ready && (stopping_ || health_.is_starting() || now_is.reason == network_not_known)) return;
    outbox_.log(now_is.ready ? LogLevel::info : LogLevel::warning,
                now_is.ready
                    ? "ready for VMs: " + std::to_string(now_is.slots) + " slots, engine " + now_is.engine_version
                    : "not ready for new VMs: " + now_is.reason);
}

void WorkerCore::begin_stop(Now now) {
    stopping_ = true;
    jobs_.begin_stop(now);
    inventory_.begin_stop();
    pool_.begin_stop();
    usage_.stop();
    watch_readiness(now);
    on_session_change(now, session_.on_tick(now));
}

Instant WorkerCore::next_deadline() const {
    return std::min({session_.next_deadline(), calls_.next_deadline(), jobs_.next_deadline(),
                     inventory_.next_deadline(), pool_.next_deadline(), usage_.next_deadline(), watch_.next_deadline(),
                     next_info_, next_save_});
}

}  // namespace mc::worker

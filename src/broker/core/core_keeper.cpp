#include "broker/core/core_keeper.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace mc::broker {
namespace {

constexpr seconds retry_interval{1};
/// After a store that takes a write was read, and could not be served from: reading it costs.
constexpr seconds retry_interval_read{30};
/// So much room there must be at least, or a broker that writes again would stop again at once.
constexpr std::size_t probe_bytes = 256 * 1024;

}  // namespace

CoreKeeper::CoreKeeper(BrokerConfig config, Prng prng, StateStore& store)
    : config_(std::move(config)), prng_(prng), store_(store) {}

Result<std::unique_ptr<BrokerCore>> CoreKeeper::load(Now now) {
    auto core = std::make_unique<BrokerCore>(config_, Prng(prng_.next()));
    Result<void> restored;
    bool rows = false;
    const auto read = store_.load([&](std::uint8_t table, std::string_view key, std::string_view value) {
        rows = true;
        if (restored) restored = core->restore(table, key, value, now);
    });
    if (!read) return fail(read.error());
    if (!restored) return fail(restored.error());
    if (rows && !core->cloud()) {
        return fail(ErrorCode::store_failed,
                    "the store has lost the record of its cloud; restore the state directory from a backup");
    }
    return core;
}

Result<Effects> CoreKeeper::start(BrokerCore& core, Now now) {
    core.start(now);
    Effects effects = core.take_effects();
    if (auto committed = store_.commit(effects.changes); !committed) return fail(committed.error());
    effects.changes.clear();
    return effects;
}

Result<Effects> CoreKeeper::begin(Now now) {
    auto core = load(now);
    if (!core) return fail(core.error());
    auto started = start(**core, now);
    if (started) {
        core_ = std::move(*core);
        return started;
    }
    // One that has started can't be used: it has an epoch that is not in the store.
    core = load(now);
    if (!core) return fail(core.error());
    core_ = std::move(*core);
    core_->serve_read_only(now, refusal_text(started.error()), false);
    next_try_ = now.instant + retry_interval;
    Effects effects;
    effects.log.push_back({LogLevel::warning, core_->read_only_why()});
    return effects;
}

Effects CoreKeeper::commit_failed(Now now, const Error& error) {
    const std::string why = refusal_text(error);
    core_->take_leave(now, "the broker can't write to its disk: " + error.message);
    Effects effects = core_->take_effects();
    effects.changes.clear();
    effects.events.clear();
    effects.beacon = false;
    effects.log.push_back({LogLevel::warning, why});
    auto fresh = load(now);
    in_doubt_ = !fresh;
    // Who waits for what is not in the store is told nothing: it was never accepted.
    std::erase_if(effects.to_clients, [&](const auto& out) {
        const protocol::Header& header = out.message.header;
        return header.kind == protocol::Kind::progress && !(fresh && (*fresh)->knows(header.id));
    });
    if (fresh) {
        core_ = std::move(*fresh);
    } else {
        effects.log.push_back({LogLevel::warning, "reads are answered from memory: " + fresh.error().message});
    }
    core_->serve_read_only(now, why, in_doubt_);
    next_try_ = now.instant + retry_interval;
    return effects;
}

std::optional<Effects> CoreKeeper::on_tick(Now now) {
    core_->on_tick(now);
    if (!core_->read_only() || now.instant < next_try_) return std::nullopt;
    next_try_ = now.instant + retry_interval;
    if (auto writable = try_disk(); !writable) {
        core_->serve_read_only(now, refusal_text(writable.error()), in_doubt_);
        return std::nullopt;
    }
    next_try_ = now.instant + retry_interval_read;
    auto fresh = load(now);
    if (!fresh) {
        core_->serve_read_only(now, refusal_text(fresh.error()), in_doubt_);
        return std::nullopt;
    }
    auto started = start(**fresh, now);
    if (!started) {
        core_->serve_read_only(now, refusal_text(started.error()), in_doubt_);
        return std::nullopt;
    }
    // Answers to this turn's reads are still to be given; who waits for more has to ask the next one.
    core_->take_leave(now, "the broker writes again");
    Effects last = core_->take_effects();
    std::move(last.to_clients.begin(), last.to_clients.end(), std::back_inserter(started->to_clients));
    core_ = std::move(*fresh);
    in_doubt_ = false;
    started->log.push_back({LogLevel::info, "the disk takes writes again: serving as after a restart, epoch " +
                                                std::to_string(core_->epoch().value)});
    return std::move(*started);
}

Instant CoreKeeper::next_deadline() const {
    const Instant core = core_->next_deadline();
    return core_->read_only() ? std::min(core, next_try_) : core;
}

void CoreKeeper::set_endpoints(const Endpoints& endpoints) {
    config_.endpoints = endpoints;
    core_->set_endpoints(endpoints);
}

Result<void> CoreKeeper::try_disk() {
    const auto table = static_cast<std::uint8_t>(Table::probe);
    const std::array written{StoreChange{table, "", std::string(probe_bytes, '\0')}};
    if (auto done = store_.commit(written); !done) return done;
    const std::array removed{StoreChange{table, "", std::nullopt}};
    return store_.commit(removed);
}

std::string CoreKeeper::refusal_text(const Error& error) {
    return error.message + "; until then nothing can be changed, VMs run on, and what only reads is answered";
}

}  // namespace mc::broker

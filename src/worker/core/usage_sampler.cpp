#include "worker/core/usage_sampler.hpp"

#include <algorithm>
#include <utility>

#include "protocol/limits.hpp"
#include "worker/core/engine_requests.hpp"

namespace mc::worker {
namespace {

/// Per second; nullopt: it went backwards, or by more than any machine can.
std::optional<std::uint64_t> rate(std::uint64_t before, std::uint64_t now, std::uint64_t span_ms) {
    constexpr std::uint64_t growth_max = 1ULL << 53;  // times 1000 it still is a number of 64 bits
    if (now < before || now - before > growth_max) return std::nullopt;
    return (now - before) * 1000 / span_ms;
}

}  // namespace

protocol::VmUsage usage_of(VmId vm, const std::optional<engine::UsageCounters>& before,
                           const engine::UsageCounters& now) {
    protocol::VmUsage usage;
    usage.vm = vm;
    usage.memory_bytes = now.memory_bytes;
    if (!before) return usage;
    const milliseconds span{now.read.unix_ms - before->read.unix_ms};
    if (span <= 0ms || span > bounds::usage_span_max) return usage;
    const auto span_ms = static_cast<std::uint64_t>(span.count());
    const auto cpu_ns = rate(before->cpu_ns, now.cpu_ns, span_ms);
    const auto rx = rate(before->rx_bytes, now.rx_bytes, span_ms);
    const auto tx = rate(before->tx_bytes, now.tx_bytes, span_ms);
    constexpr std::uint64_t ns_per_milli = 1'000'000;  // of a core, each second
    if (!cpu_ns || !rx || !tx || *cpu_ns / ns_per_milli > limits::cpus_milli_max) return usage;
    usage.span_ms = static_cast<std::uint32_t>(span_ms);
    usage.cpu_milli = static_cast<std::uint32_t>(*cpu_ns / ns_per_milli);
    usage.rx_bytes_per_s = *rx;
    usage.tx_bytes_per_s = *tx;
    return usage;
}

void UsageSampler::on_wanted(Now now, bool wanted) {
    if (!wanted) return stop();
    if (next_round_ != Instant::never()) return;
    next_round_ = now.instant;
    on_tick(now);
}

void UsageSampler::stop() {
    if (next_round_ == Instant::never()) return;
    next_round_ = Instant::never();
    context_.calls.cancel(owner_usage);
    asked_.clear();
    counters_.clear();
    before_.clear();
    measured_.clear();
}

void UsageSampler::on_tick(Now now) {
    if (!asked_.empty() || now.instant < next_round_) return;
    round_began_ = now.instant;
    for (const auto& [vm, container] : inventory_.running()) {
        const CallId id = context_.calls.start(owner_usage, CallPurpose::usage, engine::usage(container));
        asked_.emplace(id, Container{vm, container});
    }
    if (asked_.empty()) finish_round(now);
}

void UsageSampler::on_call_done(Now now, CallId id, const CallResult& result) {
    const auto found = asked_.find(id);
    if (found == asked_.end()) return;
    const Container container = std::move(found->second);
    asked_.erase(found);
    // One that has ended meanwhile has nothing to tell; whether the engine is well is not judged here.
    if (result && engine::is_good(*result)) {
        if (const auto counters = engine::parse_usage(result->body)) {
            const auto before = before_.find(container.id);
            measured_.push_back(usage_of(
                container.vm, before == before_.end() ? std::nullopt : std::optional(before->second), *counters));
            counters_[container.id] = *counters;
        }
    }
    if (asked_.empty()) finish_round(now);
}

void UsageSampler::finish_round(Now now) {
    const bool rates_wanted =
        std::any_of(measured_.begin(), measured_.end(), [](const auto& one) { return one.span_ms == 0; });
    protocol::NodeUsage body{context_.settings.boot, std::exchange(measured_, {})};
    if (body.vms.size() > limits::inventory_max) body.vms.resize(limits::inventory_max);
    before_ = std::exchange(counters_, {});
    next_round_ =
        std::max(now.instant, round_began_ + (rates_wanted ? bounds::usage_first_interval : bounds::usage_interval));
    protocol::Message message;
    message.header.kind = protocol::Kind::notice;
    message.header.verb = protocol::Verb::node_usage;
    message.body = protocol::encode(body);
    context_.outbox.push(SendBroker{std::move(message)});
}

}  // namespace mc::worker

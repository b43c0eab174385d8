#include "broker/core/event_log.hpp"

#include <algorithm>

#include "base/rule.hpp"
#include "broker/core/records.hpp"
#include "broker/core/vm_table.hpp"
#include "protocol/codec.hpp"

namespace mc::broker {
namespace {

/// Of one encoded event without its strings: numbers, id, lengths.
constexpr std::size_t event_bytes_fixed_max = 96;

}  // namespace

void EventLog::restore(protocol::Event event) {
    if (!rule_holds(Rule::event_numbers_go_on)) return;
    last_ = event.seq;
    kept_.push_back(std::move(event));
}

void EventLog::append(protocol::Event event) {
    ++last_.value;
    event.seq = last_;
    changes_.push_back({static_cast<std::uint8_t>(Table::events), key_of(last_.value), protocol::encode(event)});
    kept_.push_back(std::move(event));
    ++new_;
    // One turn may append more than is kept: those stay until they are published.
    while (kept_.size() > std::max(kept_max_, new_)) {
        changes_.push_back({static_cast<std::uint8_t>(Table::events), key_of(kept_.front().seq.value), std::nullopt});
        kept_.pop_front();
    }
}

protocol::EventsReply EventLog::replay(const protocol::EventsRequest& request,
                                       const std::function<bool(const protocol::Event&)>& wanted) const {
    protocol::EventsReply reply;
    reply.first_kept = first_kept();
    reply.last = last_;
    reply.through = std::max(request.after, EventSeq{reply.first_kept.value - 1});
    if (kept_.empty() || request.after >= last_) return reply;
    const std::uint64_t first = std::max(request.after.value + 1, reply.first_kept.value);
    const std::size_t limit = std::min<std::size_t>(request.limit, limits::page_max);
    // A page must fit one frame, however long its reasons are.
    std::size_t bytes = 0;
    for (std::size_t i = first - reply.first_kept.value; i < kept_.size() && reply.events.size() < limit; ++i) {
        if (!wanted(kept_[i])) {
            reply.through = kept_[i].seq;
            continue;
        }
        bytes += event_bytes_fixed_max + kept_[i].kind.size() + kept_[i].name.size() + kept_[i].node.size() +
                 kept_[i].reason.size() + kept_[i].owner.size();
        if (bytes > limits::message_bytes_max) break;
        reply.events.push_back(kept_[i]);
        reply.through = kept_[i].seq;
    }
    return reply;
}

EventSeq EventLog::first_kept() const {
    return kept_.empty() ? EventSeq{last_.value + 1} : kept_.front().seq;
}

std::vector<protocol::Event> EventLog::take_new() {
    std::vector<protocol::Event> events(kept_.end() - static_cast<std::ptrdiff_t>(new_), kept_.end());
    new_ = 0;
    return events;
}

void EventLog::take_changes(std::vector<StoreChange>& into) {
    std::move(changes_.begin(), changes_.end(), std::back_inserter(into));
    changes_.clear();
}

}  // namespace mc::broker

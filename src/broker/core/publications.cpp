#include "broker/core/publications.hpp"

#include <iterator>
#include <map>
#include <utility>

namespace mc::broker {
namespace {

/// Adds `event` to the last message of that topic among `messages`, or a new one when it is full.
void append(std::vector<Publications::Message>& messages, const std::string& topic, protocol::Event event) {
    if (messages.empty() || messages.back().batch.events.size() == Publications::events_per_message_max)
        messages.push_back({topic, {}});
    messages.back().batch.events.push_back(std::move(event));
}

}  // namespace

void Publications::add(std::vector<protocol::Event> events) {
    std::move(events.begin(), events.end(), std::back_inserter(events_));
}

Instant Publications::due() const {
    return events_.empty() && !beacon_ ? Instant::never() : next_;
}

Publications::Due Publications::take(Instant now, bool by_owner) {
    next_ = now + interval;
    std::map<std::string, std::vector<Message>> of_owners;
    if (by_owner) {
        for (const protocol::Event& event : events_) {
            const std::string topic = protocol::topic_of(event.owner);
            append(of_owners[topic], topic, event);
        }
    }
    Due due;
    for (protocol::Event& event : events_) append(due.messages, protocol::topic_all, std::move(event));
    for (auto& [topic, messages] : of_owners)
        std::move(messages.begin(), messages.end(), std::back_inserter(due.messages));
    events_.clear();
    due.beacon = std::exchange(beacon_, std::nullopt);
    return due;
}

}  // namespace mc::broker

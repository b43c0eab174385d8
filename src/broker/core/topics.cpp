#include "broker/core/topics.hpp"

#include "protocol/event.hpp"

namespace mc::broker {

std::vector<std::string> granted_topics(const std::string& wanted, const std::vector<std::string>& allowed) {
    std::vector<std::string> granted;
    bool all = false;
    for (const std::string& topic : allowed) {
        // The same events, by their owners: nobody wants them twice.
        if (all && topic == protocol::topic_of_owners) continue;
        if (topic.starts_with(wanted)) {
            granted.push_back(topic);
            all = all || topic == protocol::topic_all;
        } else if (wanted.starts_with(topic)) {
            granted.push_back(wanted);
        }
    }
    return granted;
}

}  // namespace mc::broker

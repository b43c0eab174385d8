#include "broker/core/topics.hpp"

namespace mc::broker {

std::vector<std::string> granted_topics(const std::string& wanted, const std::vector<std::string>& allowed) {
    std::vector<std::string> granted;
    for (const std::string& topic : allowed) {
        if (topic.starts_with(wanted)) {
            granted.push_back(topic);
        } else if (wanted.starts_with(topic)) {
            granted.push_back(wanted);
        }
    }
    return granted;
}

}  // namespace mc::broker

#pragma once

#include <string>
#include <vector>

namespace mc::broker {

/// What a watcher that subscribes to `wanted` is given, when it may have the topics that begin with one of `allowed`:
/// the prefixes that both cover. Whoever is given all events is not given them by their owners too. REQUIRES: topic_all
/// stands before those in `allowed`.
[[nodiscard]] std::vector<std::string> granted_topics(const std::string& wanted,
                                                      const std::vector<std::string>& allowed);

}  // namespace mc::broker

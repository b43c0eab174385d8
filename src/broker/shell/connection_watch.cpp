#include "broker/shell/connection_watch.hpp"

#include <utility>

#include "io/log.hpp"

namespace mc::broker {
namespace {

constexpr seconds log_interval{1};

}  // namespace

void ConnectionWatch::watch(const std::string& endpoint) {
    ports_.insert(static_cast<std::uint16_t>(std::stoul(endpoint.substr(endpoint.rfind(':') + 1))));
}

void ConnectionWatch::look(Instant now, const std::function<std::size_t(const PublicKey&)>& open_max) {
    if (now < next_look()) return;
    next_look_ = now + ConnectionTable::look_interval;
    for (const auto& ending : table_.look(now, connections_.list(ports_), open_max)) {
        io::end_connection(ending.descriptor, ending.cookie);
        ++ended_;
        if (now < told_ + log_interval) continue;
        told_ = now;
        const std::uint64_t others = std::exchange(ended_, 0) - 1;
        io::log_info("ended a connection of " + ending.why +
                     (others != 0 ? "; and " + std::to_string(others) + " others since the last such line" : ""));
    }
}

}  // namespace mc::broker

#include "broker/shell/connection_watch.hpp"

#include "io/log.hpp"

namespace mc::broker {

void ConnectionWatch::watch(const std::string& endpoint) {
    ports_.insert(static_cast<std::uint16_t>(std::stoul(endpoint.substr(endpoint.rfind(':') + 1))));
}

void ConnectionWatch::look(Instant now, const std::function<std::size_t(const PublicKey&)>& open_max) {
    if (now < next_look()) return;
    next_look_ = now + ConnectionTable::look_interval;
    for (const auto& ending : table_.look(now, connections_.list(ports_), open_max)) {
        io::end_connection(ending.descriptor, ending.cookie);
        const auto line = ended_.next(now, [&] { return "ended a connection of " + ending.why; });
        if (line) io::log_info(*line);
    }
}

}  // namespace mc::broker

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "base/public_key.hpp"
#include "base/time.hpp"
#include "broker/core/connection_table.hpp"
#include "broker/shell/line_limit.hpp"
#include "io/connections.hpp"

namespace mc::broker {

/// Ends the connections that ConnectionTable says are to end, at the sockets that ask for keys.
///
/// Single thread.
class ConnectionWatch {
public:
    explicit ConnectionWatch(io::Connections connections) : connections_(std::move(connections)) {}

    /// From now on, also those to this tcp endpoint, with the port as it was bound.
    void watch(const std::string& endpoint);

    /// A message of that key has come over it. One that was closed since, and whose descriptor another one has, is
    /// taken for that: it counts as this key's then.
    void heard(int descriptor, const PublicKey& key) {
        if (const auto cookie = io::cookie_of(descriptor)) table_.heard(*cookie, key);
    }
    [[nodiscard]] std::size_t count_of(const PublicKey& key) const { return table_.count_of(key); }

    /// When to call look(); never() when nothing is watched.
    [[nodiscard]] Instant next_look() const { return ports_.empty() ? Instant::never() : next_look_; }
    /// Does nothing before next_look(). What it ends is logged, once a second at most.
    void look(Instant now, const std::function<std::size_t(const PublicKey&)>& open_max);

private:
    io::Connections connections_;
    std::set<std::uint16_t> ports_;
    ConnectionTable table_;
    Instant next_look_;
    LineLimit ended_;
};

}  // namespace mc::broker

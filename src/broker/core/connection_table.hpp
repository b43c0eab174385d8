#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/open_connection.hpp"
#include "base/public_key.hpp"
#include "base/time.hpp"

namespace mc::broker {

/// Which connections are to end: ones that say nothing, that send a message without end, those that one key has too
/// many of (ADR 24), and those of keys that were revoked or have expired (ADR 25). libzmq itself ends none of these;
/// each costs descriptors or memory, or holds a routing id.
///
/// Pure; single thread. Fed with all open connections every look_interval, and with whose message came over which.
class ConnectionTable {
public:
    static constexpr milliseconds look_interval{250};
    /// From its acceptance to the first message, the handshake of at most 5 s included.
    static constexpr seconds first_word_max{10};
    /// That come without a message being complete: more than four times what the largest message has. ZMTP's own
    /// heartbeats take days for that.
    static constexpr std::uint64_t unfinished_bytes_max = 16ULL * 1024 * 1024;

    struct Ending {
        int descriptor = -1;
        std::uint64_t cookie = 0;
        std::string why;  ///< for the log: "key 0123… " and what it did
    };

    /// A message of that key has come over the connection with that cookie.
    void heard(std::uint64_t cookie, const PublicKey& key) { heard_.insert_or_assign(cookie, key); }

    /// `open`: all there are. `open_max`: how many a key may have; 0 = it is not authorised (any longer): its
    /// connections end at the second look that finds it so, since it was just told why. Those that are told of stay in
    /// the table until they are no longer among the open ones.
    [[nodiscard]] std::vector<Ending> look(Instant now, std::span<const OpenConnection> open,
                                           const std::function<std::size_t(const PublicKey&)>& open_max);

    /// Connections over which a message of that key has come, as of the last look.
    [[nodiscard]] std::size_t count_of(const PublicKey& key) const;

private:
    struct Known {
        Instant first_seen;
        std::optional<PublicKey> key;   ///< of its last message; nullopt: it has said nothing
        std::uint64_t heard_bytes = 0;  ///< received when its last message had come
        bool withdrawn = false;         ///< its key was not authorised at the last look
    };
    [[nodiscard]] std::string fault_of(const Known& known, const OpenConnection& connection, Instant now) const;

    std::map<std::uint64_t, Known> known_;      ///< by cookie; as many as are open
    std::map<std::uint64_t, PublicKey> heard_;  ///< since the last look, by cookie
    std::map<PublicKey, std::size_t> counts_;
};

}  // namespace mc::broker

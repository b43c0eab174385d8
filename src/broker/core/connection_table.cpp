#include "broker/core/connection_table.hpp"

#include <algorithm>
#include <utility>

namespace mc::broker {

std::string ConnectionTable::fault_of(const Known& known, const OpenConnection& connection, Instant now) const {
    const std::string who = known.key ? "key " + known.key->fingerprint() : "somebody";
    if (!known.key && now - known.first_seen > first_word_max) {
        return who + " who has said nothing for " + std::to_string(first_word_max.count()) + " s";
    }
    if (connection.received_bytes - known.heard_bytes > unfinished_bytes_max) {
        return who + ", which has sent more than " + std::to_string(unfinished_bytes_max >> 20) +
               " MiB without an end of its message";
    }
    return {};
}

std::vector<ConnectionTable::Ending> ConnectionTable::look(
    Instant now, std::span<const OpenConnection> open, const std::function<std::size_t(const PublicKey&)>& open_max) {
    std::map<std::uint64_t, Known> before = std::exchange(known_, {});
    counts_.clear();
    // The oldest first: where there are too many, those that came last go.
    std::vector<OpenConnection> by_age(open.begin(), open.end());
    for (const OpenConnection& one : by_age) {
        const auto at = before.find(one.cookie);
        Known known = at != before.end() ? at->second : Known{now, std::nullopt, 0, false};
        if (const auto heard = heard_.find(one.cookie); heard != heard_.end()) {
            known.key = heard->second;
            known.heard_bytes = one.received_bytes;
        }
        known_.emplace(one.cookie, known);
    }
    heard_.clear();
    std::stable_sort(by_age.begin(), by_age.end(), [this](const OpenConnection& a, const OpenConnection& b) {
        return known_.at(a.cookie).first_seen < known_.at(b.cookie).first_seen;
    });
    std::vector<Ending> endings;
    for (const OpenConnection& one : by_age) {
        Known& known = known_.at(one.cookie);
        std::string why = fault_of(known, one, now);
        if (known.key) {
            const std::size_t most = open_max(*known.key);
            const bool too_many = ++counts_[*known.key] > most;
            const bool was_withdrawn = std::exchange(known.withdrawn, most == 0);
            if (why.empty() && most != 0 && too_many) why = "key " + known.key->fingerprint() + ", which has too many";
            if (why.empty() && most == 0 && was_withdrawn) {
                why = "key " + known.key->fingerprint() + ", which is no longer authorised";
            }
        }
        if (!why.empty()) endings.push_back({one.descriptor, one.cookie, std::move(why)});
    }
    return endings;
}

std::size_t ConnectionTable::count_of(const PublicKey& key) const {
    const auto at = counts_.find(key);
    return at == counts_.end() ? 0 : at->second;
}

}  // namespace mc::broker

#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <map>
#include <unordered_map>

namespace mc::broker {

struct Node;

/// Nodes by a number, e.g. how much of each is used, so that the lowest or highest is found without a look at the
/// others.
///
/// Pure; owned by NodeTable, whose nodes it points to and never looks into; single thread.
/// Invariant: a node stands on one rung at most; no rung is empty.
class NodeLadder {
public:
    /// Puts it on `rung`, as the last one there; wherever it stood before. Nothing new where it stands there already.
    void put(Node& node, std::uint32_t rung) { put(node, rung, false); }
    /// The same, as the first one there: what undoes a put().
    void put_first(Node& node, std::uint32_t rung) { put(node, rung, true); }

    void remove(Node& node) {
        const auto found = places_.find(&node);
        if (found == places_.end()) return;
        leave(found->second);
        places_.erase(found);
    }

    /// Its rung, or 0 when it stands on none.
    [[nodiscard]] std::uint32_t rung_of(const Node& node) const {
        const auto found = places_.find(&node);
        return found == places_.end() ? 0 : found->second.rung;
    }

    [[nodiscard]] std::size_t size() const { return places_.size(); }
    [[nodiscard]] bool empty() const { return places_.empty(); }

    /// Shows nodes to `visit` from the lowest rung up, those of one rung by how long they have stood there, until it
    /// returns false.
    template <class Visit>
    void upward(Visit visit) const {
        for (auto rung = rungs_.begin(); rung != rungs_.end(); ++rung) {
            for (const Place& place : rung->second) {
                if (!visit(*place.node)) return;
            }
        }
    }

    /// As upward(), from the highest rung down.
    template <class Visit>
    void downward(Visit visit) const {
        for (auto rung = rungs_.rbegin(); rung != rungs_.rend(); ++rung) {
            for (const Place& place : rung->second) {
                if (!visit(*place.node)) return;
            }
        }
    }

private:
    /// Where a node stands. An owner's VMs may each be on another node, so there may be as many places as VMs.
    struct Place : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
        Node* node = nullptr;
        std::uint32_t rung = 0;
    };
    using Rung = boost::intrusive::list<Place, boost::intrusive::constant_time_size<false>>;

    void put(Node& node, std::uint32_t number, bool first) {
        const auto [found, fresh] = places_.try_emplace(&node);
        Place& place = found->second;
        if (!fresh && place.rung == number) return;
        if (!fresh) leave(place);
        place.node = &node;
        place.rung = number;
        Rung& there = rungs_[number];
        there.insert(first ? there.begin() : there.end(), place);
    }

    void leave(Place& place) {
        const auto found = rungs_.find(place.rung);
        found->second.erase(Rung::s_iterator_to(place));
        if (found->second.empty()) rungs_.erase(found);
    }

    std::map<std::uint32_t, Rung> rungs_;
    std::unordered_map<const Node*, Place> places_;
};

}  // namespace mc::broker

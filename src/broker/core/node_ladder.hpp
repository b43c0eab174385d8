#pragma once

#include <cstdint>
#include <list>
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
        const Place& place = found->second;
        place.rung->second.erase(place.at);
        if (place.rung->second.empty()) rungs_.erase(place.rung);
        places_.erase(found);
    }

    /// Its rung, or 0 when it stands on none.
    [[nodiscard]] std::uint32_t rung_of(const Node& node) const {
        const auto found = places_.find(&node);
        return found == places_.end() ? 0 : found->second.rung->first;
    }

    [[nodiscard]] std::size_t size() const { return places_.size(); }
    [[nodiscard]] bool empty() const { return places_.empty(); }

    /// Shows nodes to `visit` from the lowest rung up, those of one rung by how long they have stood there, until it
    /// returns false.
    template <class Visit>
    void upward(Visit visit) const {
        for (auto rung = rungs_.begin(); rung != rungs_.end(); ++rung) {
            for (Node* node : rung->second) {
                if (!visit(*node)) return;
            }
        }
    }

    /// As upward(), from the highest rung down.
    template <class Visit>
    void downward(Visit visit) const {
        for (auto rung = rungs_.rbegin(); rung != rungs_.rend(); ++rung) {
            for (Node* node : rung->second) {
                if (!visit(*node)) return;
            }
        }
    }

private:
    using Rungs = std::map<std::uint32_t, std::list<Node*>>;
    struct Place {
        Rungs::iterator rung;
        std::list<Node*>::iterator at;
    };

    void put(Node& node, std::uint32_t number, bool first) {
        const auto [found, fresh] = places_.try_emplace(&node);
        Place& place = found->second;
        if (!fresh && place.rung->first == number) return;
        const auto rung = rungs_.try_emplace(number).first;
        auto& there = rung->second;
        const auto before = first ? there.begin() : there.end();
        if (fresh) {
            place.at = there.insert(before, &node);
        } else {
            there.splice(before, place.rung->second, place.at);
            if (place.rung->second.empty()) rungs_.erase(place.rung);
        }
        place.rung = rung;
    }

    Rungs rungs_;
    std::unordered_map<const Node*, Place> places_;
};

}  // namespace mc::broker

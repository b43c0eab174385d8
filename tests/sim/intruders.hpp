#pragma once

#include <cstdint>
#include <memory>

#include "sim/checker.hpp"
#include "sim/network.hpp"
#include "sim/people.hpp"
#include "sim/world.hpp"

namespace mc::sim {

/// A connection with a key that is about to be taken back. Whoever has it goes on asking, without reading the
/// answers: nothing that came after may be answered.
class Leftover {
public:
    /// `number`: another one for each.
    Leftover(World& world, Network& network, Checker& checker, People& people, const Person& person, HostId host,
             std::uint64_t number);

private:
    void speak();

    World& world_;
    Checker& checker_;
    People& people_;
    const Person& person_;
    PublicKey key_;
    Dice dice_;
    Dealer dealer_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

/// Somebody on a machine with one worker's key, who says to be another machine's worker.
class Impostor {
public:
    Impostor(World& world, Network& network, HostId host, const PublicKey& key, NodeId victim, Dice& dice);

private:
    Dealer dealer_;
};

}  // namespace mc::sim

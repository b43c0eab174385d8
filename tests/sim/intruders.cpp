#include "sim/intruders.hpp"

#include <string>
#include <vector>

#include "protocol/codec.hpp"
#include "protocol/worker_bodies.hpp"

namespace mc::sim {

using protocol::encode;
using protocol::Verb;

Leftover::Leftover(World& world, Network& network, Checker& checker, People& people, const Person& person, HostId host,
                   std::uint64_t number)
    : world_(world),
      checker_(checker),
      people_(people),
      person_(person),
      key_(*person.key),
      dice_(world.dice("leftover " + std::to_string(number))),
      dealer_(network, host, Side::clients, true, key_, [](const Frames&) {}) {
    speak();
}

void Leftover::speak() {
    protocol::Message message;
    message.header.id = RequestId{dice_.number(), dice_.number()};
    std::vector<std::string> targets;
    switch (dice_.below(5)) {
        case 0:
            message.header.verb = Verb::jobs;
            message.body = encode(protocol::JobsRequest{});
            break;
        case 1: {
            message.header.verb = Verb::create;
            const protocol::CreateRequest body;
            checker_.create_asked(person_, message.header.id, body);
            message.body = encode(body);
            break;
        }
        case 2: {
            if (!people_.gossip.vms.empty()) {
                message.header.verb = Verb::restart;
                targets.push_back(dice_.pick(people_.gossip.vms).name);
                message.body = encode(protocol::ActionRequest{targets});
                break;
            }
            [[fallthrough]];
        }
        default:
            message.header.verb = Verb::list;
            message.body = encode(protocol::ListRequest{});
            break;
    }
    checker_.access().asked(person_, message.header.id, message.header.verb, targets);
    const bool sent = dealer_.send(protocol::to_frames(message));
    if (sent && person_.key != key_) world_.fired(Fault::revoked_key_spoke);
    world_.schedule.in(dice_.between(100ms, 6000ms), [this, alive = std::weak_ptr<int>(alive_)] {
        if (!alive.expired()) speak();
    });
}

Impostor::Impostor(World& world, Network& network, HostId host, const PublicKey& key, NodeId victim, Dice& dice)
    : dealer_(network, host, Side::workers, false, key, [&world, victim](Frames frames) {
          const auto message = protocol::from_frames(frames);
          if (!message || message->header.verb != Verb::node_register || message->header.code != ErrorCode::ok) return;
          world.violated("a worker was taken for node " + victim.str() + ", which is another's");
      }) {
    world.fired(Fault::worker_posed_as_another);
    protocol::RegisterRequest body;
    body.name = "node-of-another";
    body.node = victim;
    body.boot = BootId{dice.number()};
    body.version = "sim";
    body.advertise = "10.0.0.66";
    protocol::Message message;
    message.header.verb = Verb::node_register;
    message.header.id = RequestId{dice.number(), dice.number()};
    message.body = encode(body);
    static_cast<void>(dealer_.send(protocol::to_frames(message)));
}

}  // namespace mc::sim

#include "broker/core/vm_states.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace mc::broker {
namespace {

using protocol::VmState;

constexpr std::array moves{
    std::pair{VmState::pending, VmState::creating},  // placed
    std::pair{VmState::pending, VmState::deleted},   // cancelled before it had a node
    std::pair{VmState::pending, VmState::failed},    // nowhere to place it
    std::pair{VmState::creating, VmState::running},
    std::pair{VmState::creating, VmState::failed},
    std::pair{VmState::creating, VmState::deleting},  // deleted or cancelled meanwhile
    std::pair{VmState::creating, VmState::unknown},
    std::pair{VmState::running, VmState::stopped},
    std::pair{VmState::running, VmState::deleting},
    std::pair{VmState::running, VmState::deleted},  // its container was removed behind our back
    std::pair{VmState::running, VmState::unknown},
    std::pair{VmState::stopped, VmState::running},
    std::pair{VmState::stopped, VmState::deleting},
    std::pair{VmState::stopped, VmState::deleted},
    std::pair{VmState::stopped, VmState::unknown},
    std::pair{VmState::deleting, VmState::deleted},
    std::pair{VmState::failed, VmState::deleted},
    std::pair{VmState::unknown, VmState::creating},  // its node is back and still at it
    std::pair{VmState::unknown, VmState::running},
    std::pair{VmState::unknown, VmState::stopped},
    std::pair{VmState::unknown, VmState::failed},
    std::pair{VmState::unknown, VmState::deleting},
    std::pair{VmState::unknown, VmState::deleted},
};

}  // namespace

bool may_move(VmState from, VmState to) {
    return from == to || std::find(moves.begin(), moves.end(), std::pair{from, to}) != moves.end();
}

}  // namespace mc::broker

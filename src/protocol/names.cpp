#include "protocol/client_bodies.hpp"
#include "protocol/key_bodies.hpp"
#include "protocol/vm.hpp"

namespace mc::protocol {

std::string_view name_of(VmState state) {
    switch (state) {
        case VmState::pending:
            return "pending";
        case VmState::creating:
            return "creating";
        case VmState::running:
            return "running";
        case VmState::stopped:
            return "stopped";
        case VmState::deleting:
            return "deleting";
        case VmState::deleted:
            return "deleted";
        case VmState::failed:
            return "failed";
        case VmState::unknown:
            return "unknown";
    }
    return "unknown";
}

std::string_view name_of(OnLost policy) {
    return policy == OnLost::replace ? "replace" : "keep";
}

std::string_view name_of(PlacementPolicy policy) {
    switch (policy) {
        case PlacementPolicy::round_robin:
            return "round-robin";
        case PlacementPolicy::least_loaded:
            return "least-loaded";
        case PlacementPolicy::spread:
            return "spread";
        case PlacementPolicy::pack:
            return "pack";
    }
    return "unknown";
}

std::string_view name_of(ContainerState state) {
    switch (state) {
        case ContainerState::absent:
            return "absent";
        case ContainerState::created:
            return "created";
        case ContainerState::running:
            return "running";
        case ContainerState::exited:
            return "exited";
        case ContainerState::removing:
            return "removing";
    }
    return "absent";
}

std::string_view name_of(Role role) {
    switch (role) {
        case Role::joiner:
            return "joiner";
        case Role::worker:
            return "worker";
        case Role::user:
            return "user";
        case Role::viewer:
            return "viewer";
        case Role::admin:
            return "admin";
    }
    return "joiner";
}

std::string_view name_of(NodeState state) {
    switch (state) {
        case NodeState::ready:
            return "ready";
        case NodeState::not_ready:
            return "not ready";
        case NodeState::silent:
            return "silent";
    }
    return "silent";
}

}  // namespace mc::protocol

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "protocol/image_bodies.hpp"
#include "protocol/key_bodies.hpp"
#include "protocol/message.hpp"

namespace mc::broker {

/// Who may say a verb: a letter per role in the order of its numbers (joiner, worker, user, viewer,
/// admin), or a dash. docs/security.md has the same table; a test compares them.
struct RoleRow {
    protocol::Verb verb;
    std::string_view roles;
};

inline constexpr std::array role_table{
    RoleRow{protocol::Verb::hello, "j-uva"},          RoleRow{protocol::Verb::create, "--u-a"},
    RoleRow{protocol::Verb::list, "--uva"},           RoleRow{protocol::Verb::info, "--uva"},
    RoleRow{protocol::Verb::start, "--u-a"},          RoleRow{protocol::Verb::stop, "--u-a"},
    RoleRow{protocol::Verb::restart, "--u-a"},        RoleRow{protocol::Verb::remove, "--u-a"},
    RoleRow{protocol::Verb::exec, "--u-a"},           RoleRow{protocol::Verb::logs, "--u-a"},
    RoleRow{protocol::Verb::nodes, "---va"},          RoleRow{protocol::Verb::events, "--uva"},
    RoleRow{protocol::Verb::beacon, "--uva"},         RoleRow{protocol::Verb::job, "--uva"},
    RoleRow{protocol::Verb::jobs, "--uva"},           RoleRow{protocol::Verb::cancel, "--u-a"},
    RoleRow{protocol::Verb::cordon, "----a"},         RoleRow{protocol::Verb::uncordon, "----a"},
    RoleRow{protocol::Verb::drain, "----a"},          RoleRow{protocol::Verb::forget, "----a"},
    RoleRow{protocol::Verb::join, "j----"},           RoleRow{protocol::Verb::token_create, "----a"},
    RoleRow{protocol::Verb::keys, "---va"},           RoleRow{protocol::Verb::revoke, "----a"},
    RoleRow{protocol::Verb::audit, "---va"},          RoleRow{protocol::Verb::node_register, "-w---"},
    RoleRow{protocol::Verb::node_heartbeat, "-w---"}, RoleRow{protocol::Verb::node_inventory, "-w---"},
    RoleRow{protocol::Verb::vm_create, "-w---"},      RoleRow{protocol::Verb::vm_start, "-w---"},
    RoleRow{protocol::Verb::vm_stop, "-w---"},        RoleRow{protocol::Verb::vm_restart, "-w---"},
    RoleRow{protocol::Verb::vm_remove, "-w---"},      RoleRow{protocol::Verb::vm_exec, "-w---"},
    RoleRow{protocol::Verb::vm_logs, "-w---"},        RoleRow{protocol::Verb::vm_inspect, "-w---"},
    RoleRow{protocol::Verb::tunnel, "--u-a"},         RoleRow{protocol::Verb::vm_tunnel, "-w---"},
    RoleRow{protocol::Verb::usage, "--uva"},          RoleRow{protocol::Verb::node_usage, "-w---"},
    RoleRow{protocol::Verb::update, "--u-a"},         RoleRow{protocol::Verb::placement, "--u-a"},
    RoleRow{protocol::Verb::images, "---va"},         RoleRow{protocol::Verb::node_images, "-w---"},
};

/// role_table's letters by verb, as each message asks for them; "" = that verb is not in it.
inline constexpr auto roles_by_verb = [] {
    constexpr protocol::Verb last = std::ranges::max(role_table, {}, &RoleRow::verb).verb;
    std::array<std::string_view, static_cast<std::size_t>(last) + 1> roles;
    for (const RoleRow& row : role_table) roles[static_cast<std::size_t>(row.verb)] = row.roles;
    return roles;
}();

/// Whether the table lets `role` say `verb`. What is not in it, nobody may.
[[nodiscard]] constexpr bool role_may(protocol::Role role, protocol::Verb verb) {
    const auto at = static_cast<std::size_t>(verb);
    if (at >= roles_by_verb.size() || roles_by_verb[at].empty()) return false;
    return roles_by_verb[at][static_cast<std::size_t>(role)] != '-';
}

/// Of those who may say `images`: whoever sees nodes sees what is on them; only admins change it.
[[nodiscard]] constexpr bool role_may(protocol::Role role, protocol::ImageAction action) {
    return role_may(role, protocol::Verb::images) &&
           (action == protocol::ImageAction::list || role == protocol::Role::admin);
}

/// Whether `role` sees the VMs, requests and events of everybody.
[[nodiscard]] constexpr bool sees_all(protocol::Role role) {
    return role == protocol::Role::viewer || role == protocol::Role::admin;
}

}  // namespace mc::broker

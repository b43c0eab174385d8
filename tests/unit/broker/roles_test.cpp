#include "broker/core/roles.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "key_harness.hpp"

namespace mc::broker::test {
namespace {

using protocol::Role;

// Goal: what no row of the table allows is denied, and the core asks the table for every verb.
// Spec: docs/security.md "Roles"; tests/lint compares that page with this table.

constexpr std::array roles{Role::joiner, Role::worker, Role::user, Role::viewer, Role::admin};

/// Written out a second time, so that a slip in the table is not its own proof.
const std::map<Verb, std::string> allowed{
    {Verb::hello, "joiner user viewer admin "},
    {Verb::create, "user admin "},
    {Verb::list, "user viewer admin "},
    {Verb::info, "user viewer admin "},
    {Verb::start, "user admin "},
    {Verb::stop, "user admin "},
    {Verb::restart, "user admin "},
    {Verb::remove, "user admin "},
    {Verb::exec, "user admin "},
    {Verb::logs, "user admin "},
    {Verb::nodes, "viewer admin "},
    {Verb::events, "user viewer admin "},
    {Verb::beacon, "user viewer admin "},
    {Verb::job, "user viewer admin "},
    {Verb::jobs, "user viewer admin "},
    {Verb::cancel, "user admin "},
    {Verb::cordon, "admin "},
    {Verb::uncordon, "admin "},
    {Verb::drain, "admin "},
    {Verb::forget, "admin "},
    {Verb::join, "joiner "},
    {Verb::token_create, "admin "},
    {Verb::keys, "viewer admin "},
    {Verb::revoke, "admin "},
    {Verb::audit, "viewer admin "},
    {Verb::tunnel, "user admin "},
    {Verb::usage, "user viewer admin "},
    {Verb::node_usage, "worker "},
    {Verb::update, "user admin "},
    {Verb::placement, "user admin "},
    {Verb::images, "viewer admin "},
    {Verb::node_register, "worker "},
    {Verb::node_heartbeat, "worker "},
    {Verb::node_inventory, "worker "},
    {Verb::vm_create, "worker "},
    {Verb::vm_start, "worker "},
    {Verb::vm_stop, "worker "},
    {Verb::vm_restart, "worker "},
    {Verb::vm_remove, "worker "},
    {Verb::vm_exec, "worker "},
    {Verb::vm_logs, "worker "},
    {Verb::vm_inspect, "worker "},
    {Verb::vm_tunnel, "worker "},
    {Verb::node_images, "worker "},
};

TEST(Roles, HaveEveryCellAsWritten) {
    for (int number = 0; number <= 0xFFFF; ++number) {
        const auto verb = static_cast<Verb>(number);
        std::string may;
        for (const Role role : roles) {
            if (role_may(role, verb)) may += std::string(name_of(role)) + " ";
        }
        const auto row = allowed.find(verb);
        EXPECT_EQ(may, row == allowed.end() ? "" : row->second) << number << " " << name_of(verb);
    }
}

TEST(Roles, HaveOneRowPerVerbThatIsSentToTheBroker) {
    EXPECT_EQ(role_table.size(), allowed.size());
    for (const RoleRow& row : role_table) EXPECT_EQ(row.roles.size(), roles.size()) << name_of(row.verb);
}

TEST(Roles, AreAskedForEveryClientVerb) {
    KeyHarness t;
    t.admit_each_role();
    const std::map<Role, std::string> clients{{Role::joiner, t.client('T')},
                                              {Role::worker, t.client('W')},
                                              {Role::user, t.client('U')},
                                              {Role::viewer, t.client('V')},
                                              {Role::admin, t.client('A')}};
    for (const auto& [verb, may] : allowed) {
        if (!protocol::is_client_verb(verb)) continue;
        for (const auto& [role, client] : clients) {
            const auto id = t.send(verb, {}, {}, client);
            const auto answer = t.answer(id, client);
            const bool allowed_here = may.find(std::string(name_of(role)) + " ") != std::string::npos;
            EXPECT_EQ(answer && answer->header.code == ErrorCode::denied, !allowed_here)
                << name_of(role) << " " << name_of(verb);
        }
    }
}

TEST(Roles, AreAskedForEveryWorkerVerb) {
    KeyHarness t;
    t.admit_each_role(Role::worker);
    const std::map<Role, char> callers{
        {Role::joiner, 'T'}, {Role::worker, 'W'}, {Role::user, 'U'}, {Role::viewer, 'V'}, {Role::admin, 'A'}};
    for (const auto& [verb, may] : allowed) {
        if (!protocol::is_worker_verb(verb)) continue;
        for (const auto& [role, byte] : callers) {
            const std::string name(name_of(role));
            t.keys["w:" + name] = t.key(byte);
            t.to_workers.clear();
            t.from_worker(name, protocol::Kind::request, verb, RequestId{1, 1}, {});
            ASSERT_FALSE(t.to_workers.empty()) << name << " " << name_of(verb);
            EXPECT_EQ(t.to_workers.back().message.header.code == ErrorCode::denied, role != Role::worker)
                << name << " " << name_of(verb);
        }
    }
}

}  // namespace
}  // namespace mc::broker::test

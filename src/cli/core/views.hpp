#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/core/json_views.hpp"
#include "cli/core/text.hpp"
#include "protocol/client_bodies.hpp"

/// `-o table`: replies as people read them. Every text ends with a line break; "" = nothing to print.
namespace mc::cli {

/// Result of one create: what it is called, where it is, how to get in, and the password if there is one.
[[nodiscard]] std::string text_created(const protocol::VmView& vm, const std::string& password);
/// Result of several: a table of those that worked. `passwords`: one for each of `items`, or none at all; of the next
/// two likewise.
[[nodiscard]] std::string text_created_all(const std::vector<protocol::ItemResult>& items,
                                           const std::vector<std::string>& passwords, const TextStyle& style);
/// With --quiet: the name of each, and its password on the next line if there is one.
[[nodiscard]] std::string text_created_names(const std::vector<protocol::ItemResult>& items,
                                             const std::vector<std::string>& passwords);
/// CSV of those that worked, for handing out: name, host, port, user, password, ssh (the command).
[[nodiscard]] std::string sheet(const std::vector<protocol::ItemResult>& items,
                                const std::vector<std::string>& passwords);
/// Result of `--detach`.
[[nodiscard]] std::string text_accepted(const std::vector<Accepted>& accepted);

[[nodiscard]] std::string text_vms(const std::vector<protocol::VmView>& vms, WallTime now, const TextStyle& style);
[[nodiscard]] std::string text_vm(const protocol::VmView& vm, WallTime now, const TextStyle& style);
[[nodiscard]] std::string text_nodes(const std::vector<protocol::NodeView>& nodes, const TextStyle& style);
/// All that is known of one node, a line each.
[[nodiscard]] std::string text_node_fields(const protocol::NodeView& node, WallTime now, const TextStyle& style);
/// "vm-1 stopped", one line per item that worked. `done` is "stopped", ….
[[nodiscard]] std::string text_items(const std::vector<protocol::ItemResult>& items, std::string_view done);
[[nodiscard]] std::string text_job(const protocol::JobView& job, WallTime now, const TextStyle& style);
[[nodiscard]] std::string text_jobs(const std::vector<protocol::JobView>& jobs, WallTime now, const TextStyle& style);
/// A VM whose owner is not `me` is called OWNER/NAME.
[[nodiscard]] std::string text_event(const protocol::Event& event, const std::string& me, const TextStyle& style);
/// "-- events 17 to 23 are no longer kept --".
[[nodiscard]] std::string text_gap(EventSeq first, EventSeq last);
[[nodiscard]] std::string text_other_cloud(CloudId cloud);
[[nodiscard]] std::string text_versions(const Versions& versions);

/// "mccli: vm-9: there is no VM of that name", for stderr.
[[nodiscard]] std::string text_error(const Error& error);

/// The command that logs in without mccli: "ssh -p 49153 root@10.0.0.5"; "" when the VM has no sshd.
[[nodiscard]] std::string plain_ssh_command(const protocol::VmView& vm);

/// "started", "stopped", "restarted", "deleted".
[[nodiscard]] std::string_view done_word(protocol::Verb verb);

}  // namespace mc::cli

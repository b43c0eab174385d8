#pragma once

#include <vector>

#include "cli/core/audit_views.hpp"
#include "cli/core/context_views.hpp"
#include "cli/core/doctor_views.hpp"
#include "cli/core/image_views.hpp"
#include "cli/core/key_views.hpp"
#include "cli/core/node_details.hpp"
#include "cli/core/output.hpp"
#include "cli/core/top.hpp"
#include "cli/core/views.hpp"

/// What the verbs show, in every format at once: text (views.hpp, …), data (json_views.hpp, …), columns and names.
/// A View refers to what it was made of: that must live as long.
namespace mc::cli {

[[nodiscard]] View view_vms(const std::vector<protocol::VmView>& vms, WallTime now);
[[nodiscard]] View view_vm(const protocol::VmView& vm, WallTime now);
/// Nodes and VMs in a table, VMs alone for programs; with --nodes nodes alone for both.
[[nodiscard]] View view_top(const Top& top, bool nodes_only);
[[nodiscard]] View view_nodes(const std::vector<protocol::NodeView>& nodes);
[[nodiscard]] View view_node(const NodeDetails& node, WallTime now);
[[nodiscard]] View view_images(const std::vector<ImageRow>& rows, WallTime now);
[[nodiscard]] View view_image_results(const std::vector<ImageResult>& results);
[[nodiscard]] View view_jobs(const std::vector<protocol::JobView>& jobs, WallTime now);
[[nodiscard]] View view_job(const protocol::JobView& job, WallTime now);
/// Results of a request; `done` is "stopped", …; a string with static storage.
[[nodiscard]] View view_items(const std::vector<protocol::ItemResult>& items, std::string_view done);
[[nodiscard]] View view_keys(const std::vector<protocol::KeyView>& keys, WallTime now);
[[nodiscard]] View view_tokens(const std::vector<protocol::KeyView>& tokens, WallTime now);
[[nodiscard]] View view_new_token(const NewToken& made);
[[nodiscard]] View view_audit(const std::vector<protocol::AuditEntry>& entries);
[[nodiscard]] View view_audit_check(const AuditCheck& check);
[[nodiscard]] View view_contexts(const std::vector<ContextView>& contexts);
[[nodiscard]] View view_context(const ContextDetails& context);
[[nodiscard]] View view_checks(const std::vector<Check>& checks);
[[nodiscard]] View view_versions(const Versions& versions);

}  // namespace mc::cli

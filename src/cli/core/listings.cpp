#include "cli/core/listings.hpp"

#include "cli/core/top_views.hpp"

namespace mc::cli {

View view_vms(const std::vector<protocol::VmView>& vms, WallTime now) {
    return {.json = [&vms] { return json_vms(vms); },
            .text = [&vms, now](const TextStyle& style) { return text_vms(vms, now, style); },
            .objects = {"vm"},
            .none = "there are no VMs; make one with: mccli create"};
}

View view_vm(const protocol::VmView& vm, WallTime now) {
    return {.json = [&vm] { return json_vm(vm); },
            .text = [&vm, now](const TextStyle& style) { return text_vm(vm, now, style); },
            .objects = {"vm"}};
}

View view_top(const Top& top, bool nodes_only) {
    if (nodes_only) {
        return {.json = [&top] { return json_top_nodes(top); },
                .text = [&top](const TextStyle& style) { return text_top_nodes(top, style); },
                .objects = {"node usage"},
                .none = "there are no nodes to show"};
    }
    return {.json = [&top] { return json_top(top); },
            .text = [&top](const TextStyle& style) { return text_top(top, style); },
            .objects = {"usage"},
            .none = "no VM runs"};
}

View view_nodes(const std::vector<protocol::NodeView>& nodes) {
    return {.json = [&nodes] { return json_nodes(nodes); },
            .text = [&nodes](const TextStyle& style) { return text_nodes(nodes, style); },
            .objects = {"node"},
            .none =
                "there are no nodes yet; start a worker on a machine with Docker: mcworker --broker ENDPOINT "
                "--node NAME"};
}

View view_node(const NodeDetails& node, WallTime now) {
    return {.json = [&node] { return json_node(node); },
            .text = [&node, now](const TextStyle& style) { return text_node(node, now, style); },
            .objects = {"node", "nodes info"}};
}

View view_images(const std::vector<ImageRow>& rows, WallTime now) {
    return {.json = [&rows] { return json_images(rows); },
            .text = [&rows, now](const TextStyle& style) { return text_images(rows, now, style); },
            .objects = {"image"},
            .none = "there are no images on the nodes; build one with docker/vm/build, or: mccli images pull IMAGE"};
}

View view_image_results(const std::vector<ImageResult>& results) {
    return {.json = [&results] { return json_image_results(results); },
            .text = [&results](const TextStyle&) { return text_image_results(results); },
            .objects = {"image result"}};
}

View view_jobs(const std::vector<protocol::JobView>& jobs, WallTime now) {
    return {.json = [&jobs] { return json_jobs(jobs); },
            .text = [&jobs, now](const TextStyle& style) { return text_jobs(jobs, now, style); },
            .objects = {"job"},
            .name_field = "request",
            .none = "there are no requests to show"};
}

View view_job(const protocol::JobView& job, WallTime now) {
    return {.json = [&job] { return json_job(job); },
            .text = [&job, now](const TextStyle& style) { return text_job(job, now, style); },
            .objects = {"job", "job with items"},
            .name_field = "request"};
}

View view_items(const std::vector<protocol::ItemResult>& items, std::string_view done) {
    return {.json = [&items, done] { return json_items(items, done); },
            .text = [&items, done](const TextStyle&) { return text_items(items, done); },
            .objects = {"item"}};
}

View view_keys(const std::vector<protocol::KeyView>& keys, WallTime now) {
    return {.json = [&keys] { return json_keys(keys); },
            .text = [&keys, now](const TextStyle& style) { return text_keys(keys, now, style); },
            .objects = {"key", "keys"},
            .name_field = "fingerprint",
            .none = "no key is authorised; this broker is used without"};
}

View view_tokens(const std::vector<protocol::KeyView>& tokens, WallTime now) {
    return {.json = [&tokens] { return json_tokens(tokens); },
            .text = [&tokens, now](const TextStyle& style) { return text_tokens(tokens, now, style); },
            .objects = {"key", "token"},
            .name_field = "fingerprint",
            .none = "there are no tokens"};
}

View view_new_token(const NewToken& made) {
    return {.json = [&made] { return json_new_token(made); },
            .text = [&made](const TextStyle&) { return text_new_token(made); },
            .objects = {"new token"},
            .name_field = "token"};
}

View view_audit(const std::vector<protocol::AuditEntry>& entries) {
    return {.json = [&entries] { return json_audit(entries); },
            .text = [&entries](const TextStyle& style) { return text_audit(entries, style); },
            .objects = {"audit"},
            .name_field = "seq",
            .none = "there are no such entries in the audit log"};
}

View view_audit_check(const AuditCheck& check) {
    return {.json = [&check] { return json_audit_check(check); },
            .text = [&check](const TextStyle&) { return text_audit_check(check); },
            .objects = {"audit check"},
            .name_field = "last_hash"};
}

View view_contexts(const std::vector<ContextView>& contexts) {
    return {
        .json = [&contexts] { return json_contexts(contexts); },
        .text = [&contexts](const TextStyle& style) { return contexts.empty() ? "" : text_contexts(contexts, style); },
        .objects = {"context"},
        .none = "there are no contexts; join a cloud with: mccli join TOKEN"};
}

View view_context(const ContextDetails& context) {
    return {.json = [&context] { return json_context(context); },
            .text = [&context](const TextStyle& style) { return text_context(context, style); },
            .objects = {"context", "context show"}};
}

View view_checks(const std::vector<Check>& checks) {
    return {.json = [&checks] { return json_checks(checks); },
            .text = [&checks](const TextStyle& style) { return text_checks(checks, style); },
            .objects = {"check"},
            .name_field = "check"};
}

View view_versions(const Versions& versions) {
    return {.json = [&versions] { return json_versions(versions); },
            .text = [&versions](const TextStyle&) { return text_versions(versions); },
            .objects = {"version"},
            .name_field = "client"};
}

}  // namespace mc::cli

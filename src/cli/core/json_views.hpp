#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "cli/core/exit_code.hpp"
#include "protocol/client_bodies.hpp"

/// `-o json`: the same facts under stable snake_case names, documented by
/// json_fields() in docs/cli.md. Times are RFC 3339 in UTC or null, absent things
/// are null, names are never reused with another meaning. Every text ends with a line break.
namespace mc::cli {

/// A new VM with the fields that the ancestor of this program gave (status, name,
/// ssh_host, ssh_port, username, password) and all of VmView. `password` "" = none.
[[nodiscard]] std::string json_created(const protocol::ItemResult& item, const std::string& password);
/// The same for `-n N`: an array.
[[nodiscard]] std::string json_created_all(const std::vector<protocol::ItemResult>& items, const std::string& password);

[[nodiscard]] std::string json_vms(const std::vector<protocol::VmView>& vms);
[[nodiscard]] std::string json_vm(const protocol::VmView& vm);
[[nodiscard]] std::string json_nodes(const std::vector<protocol::NodeView>& nodes);
/// Results of start, stop, restart, delete: an array, one object per name asked for.
[[nodiscard]] std::string json_items(const std::vector<protocol::ItemResult>& items, std::string_view done);
[[nodiscard]] std::string json_job(const protocol::JobView& job);
[[nodiscard]] std::string json_jobs(const std::vector<protocol::JobView>& jobs);

/// One line of `watch`.
[[nodiscard]] std::string json_event(const protocol::Event& event);
/// Events that can't be had any more, `first` to `last`.
[[nodiscard]] std::string json_gap(EventSeq first, EventSeq last);
/// The events from here on are numbered by another cloud.
[[nodiscard]] std::string json_other_cloud(CloudId cloud);

/// What goes to stderr with `-o json`.
[[nodiscard]] std::string json_error(const Error& error, ExitCode exit_code);

struct Versions {
    std::string client;
    std::string broker;  ///< "" = not reached
    std::vector<protocol::NodeView> nodes{};
    CloudId cloud{};
    Epoch epoch{};
    EventSeq last_event{};
};
[[nodiscard]] std::string json_versions(const Versions& versions);

struct JsonField {
    std::string_view object;  ///< as help_documents.cpp titles them: vm, create, item, node, …
    std::string_view name;
    std::string_view meaning;
};
/// Every field of every object above, for docs/cli.md. Static storage.
[[nodiscard]] const std::vector<JsonField>& json_fields();

}  // namespace mc::cli

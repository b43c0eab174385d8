#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "cli/core/exit_code.hpp"
#include "cli/core/json_helpers.hpp"
#include "protocol/client_bodies.hpp"

/// What every verb has to show, as data: the truth that `-o json`, yaml, csv and name are made of (output.hpp). Field
/// names are stable, snake_case, and documented by json_fields() in docs/cli.md. Times are RFC 3339 in UTC or null,
/// absent things are null, names are never reused with another meaning.
namespace mc::cli {

/// A new VM with the fields that the ancestor of this program gave (status, name,
/// ssh_host, ssh_port, username, password) and all of VmView. `password` "" = none.
[[nodiscard]] Json json_created(const protocol::ItemResult& item, const std::string& password);
/// The same for several: an array. `passwords`: one for each, or none at all.
[[nodiscard]] Json json_created_all(const std::vector<protocol::ItemResult>& items,
                                    const std::vector<std::string>& passwords);

/// A create that the broker has taken on, with --detach.
struct Accepted {
    std::string name;  ///< "" = it is numbered
    RequestId request;
};
[[nodiscard]] Json json_accepted(const std::vector<Accepted>& accepted);

[[nodiscard]] Json json_vms(const std::vector<protocol::VmView>& vms);
[[nodiscard]] Json json_vm(const protocol::VmView& vm);
/// As a node's field `state` has it.
[[nodiscard]] std::string state_of(const protocol::NodeView& node);
[[nodiscard]] Json json_nodes(const std::vector<protocol::NodeView>& nodes);
/// Results of start, stop, restart, delete: an array, one object per name asked for.
[[nodiscard]] Json json_items(const std::vector<protocol::ItemResult>& items, std::string_view done);
[[nodiscard]] Json json_job(const protocol::JobView& job);
[[nodiscard]] Json json_jobs(const std::vector<protocol::JobView>& jobs);

/// One line of `watch`.
[[nodiscard]] Json json_event(const protocol::Event& event);
/// Events that can't be had any more, `first` to `last`.
[[nodiscard]] Json json_gap(EventSeq first, EventSeq last);
/// The events from here on are numbered by another cloud.
[[nodiscard]] Json json_other_cloud(CloudId cloud);

/// What goes to stderr with `-o json`.
[[nodiscard]] Json json_error(const Error& error, ExitCode exit_code);

struct Versions {
    std::string client;
    std::string broker;  ///< "" = not reached
    std::vector<protocol::NodeView> nodes{};
    CloudId cloud{};
    Epoch epoch{};
    EventSeq last_event{};
};
[[nodiscard]] Json json_versions(const Versions& versions);

struct JsonField {
    std::string_view object;  ///< as help_documents.cpp titles them: vm, create, item, node, …
    std::string_view name;
    std::string_view meaning;
};
/// Every field of every object above, for docs/cli.md. Static storage.
[[nodiscard]] const std::vector<JsonField>& json_fields();

}  // namespace mc::cli

#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/core/commands.hpp"
#include "cli/core/selector.hpp"
#include "protocol/client_bodies.hpp"

/// Choosing and ordering VMs that the broker listed.
namespace mc::cli {

/// Whether `word` has what makes it a glob: *, ? or [.
[[nodiscard]] bool is_glob(std::string_view word);

/// Whether the name or glob `pattern` fits all of `text`.
[[nodiscard]] bool fits(const std::string& pattern, const std::string& text);

/// Whether `pattern`, a name, OWNER/NAME, an id, or a glob of the first two, means `vm`.
[[nodiscard]] bool means(const std::string& pattern, const protocol::VmView& vm);

/// What is asked of each VM; all of it must hold, of each list one entry.
struct VmFilter {
    std::vector<std::string> patterns;  ///< as of means(); empty = any name
    Selector selector;
    std::vector<std::string> states;
    std::vector<std::string> nodes;   ///< names or globs
    std::vector<std::string> owners;  ///< likewise

    [[nodiscard]] bool holds(const protocol::VmView& vm) const;
};

/// How a listing is ordered.
struct VmOrder {
    std::string field;  ///< of json_fields() "vm"; "" = as the broker lists them
    bool descending = false;
};

struct ListCommand {
    VmFilter filter;
    VmOrder order;
    bool watch = false;
};
/// Errors: usage, invalid_argument.
[[nodiscard]] Result<ListCommand> read_list(const Settings& settings, std::span<const std::string> operands);

/// The VMs that `operands`, --selector, --state, --node and --owner mean, as far as the verb has them. Errors: as
/// read_list().
[[nodiscard]] Result<VmFilter> read_filter(const Settings& settings, std::span<const std::string> operands);

/// -l of any verb, given any number of times; nullopt = it was not. Error: invalid_argument.
[[nodiscard]] Result<std::optional<Selector>> read_selector(const Settings& settings);

/// Those of `vms` for which `command` holds, in its order. Numbers are ordered as such, also within texts (vm-2 before
/// vm-10); what has nothing in that field comes last; equals stay as they were.
[[nodiscard]] std::vector<protocol::VmView> chosen(const ListCommand& command,
                                                   const std::vector<protocol::VmView>& vms);

/// What an action with a choice is about: VMs by their ids, since a name may be another's by the time the broker reads
/// it.
struct Choice {
    std::vector<std::string> targets;  ///< the names that were given, then the ids of the chosen
    std::vector<std::string> called;   ///< what people call each of them
    std::vector<std::string> unmatched_globs;
};
/// REQUIRES: command.chooses().
[[nodiscard]] Choice choose(const ActionCommand& command, const std::vector<protocol::VmView>& vms);

/// "delete 12 VMs: lab-1, lab-2, … and 4 more?".
[[nodiscard]] std::string confirmation(std::string_view verb, const std::vector<std::string>& called);

/// Which of `patterns` that are no globs mean none of `vms`: they were mistyped.
[[nodiscard]] std::vector<std::string> unmatched(const std::vector<std::string>& patterns,
                                                 const std::vector<protocol::VmView>& vms);

}  // namespace mc::cli

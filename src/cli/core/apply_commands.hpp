#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "cli/core/command_line.hpp"
#include "cli/core/selector.hpp"
#include "protocol/limits.hpp"

namespace mc::cli {

struct ApplyCommand {
    std::string file;  ///< "-" = stdin
    bool dry_run = false;
    bool replace = false;
    bool yes = false;
    std::optional<Selector> prune;
    std::optional<milliseconds> timeout;  ///< of what is made and what is deleted; nullopt = the usual ones
    std::string sheet;                    ///< as CreateCommand::sheet

    /// Whether VMs may be deleted.
    [[nodiscard]] bool may_delete() const { return replace || prune.has_value(); }
};
/// apply and diff. Errors: usage (also: no file), invalid_argument.
[[nodiscard]] Result<ApplyCommand> read_apply(VerbId verb, const Settings& settings);

/// A key file that a VM's file names: what is relative begins at the folder of that file, ~/ at `home`.
[[nodiscard]] std::string key_path(const std::string& key, const std::string& file, const std::string& home);

}  // namespace mc::cli

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/core/selector.hpp"
#include "cli/core/vm_file.hpp"
#include "protocol/client_bodies.hpp"

/// What it takes to get from the VMs that are there to those of a file. ADR 28.
namespace mc::cli {

enum class PlanAction {
    create,
    unchanged,
    differs,  ///< in what can't be changed in place: nothing is done about it
    replace,  ///< the same, and it is to be deleted and made anew
    remove,   ///< it is not in the file
};
/// "create", "unchanged", "differs", "replace", "delete".
[[nodiscard]] std::string_view name_of(PlanAction action);

struct Difference {
    std::string field;                  ///< as in the file, `labels.KEY` of one label; or `state`
    std::optional<std::string> is;      ///< nullopt = nothing: there is no such label
    std::optional<std::string> wanted;  ///< likewise

    bool operator==(const Difference&) const = default;
};

/// What is to be done about one VM.
struct PlanItem {
    std::string name;
    PlanAction action = PlanAction::create;
    std::vector<Difference> differences{};  ///< of differs and replace
    /// Of a VM that is there the fields of the file that count when it is made and can't be compared, or need not hold
    /// later.
    std::vector<std::string_view> not_compared{};
    std::optional<protocol::VmView> vm{};  ///< as it is now; nullopt = it is not there
    std::size_t index = 0;                 ///< in VmFile::vms; not of remove
};

struct PlanOptions {
    std::string me;  ///< whose VMs the file is about; those without an owner (a broker before 0.2) are anybody's
    bool replace = false;
    std::optional<Selector> prune{};  ///< delete those of my VMs that fit and that the file doesn't have
};

/// One item for each VM of `file`, in its order, then those to be deleted, in the order of `vms`.
///
/// Only what the file says is compared: image, cpus, memory, pids, labels (all of them), password (whether there is
/// one), node, on-lost. A VM that has failed or is being deleted differs in its state; one that was stopped does not.
[[nodiscard]] std::vector<PlanItem> make_plan(const VmFile& file, const std::vector<protocol::VmView>& vms,
                                              const PlanOptions& options);

/// Whether anything is to be done, or would have to be.
[[nodiscard]] bool is_change(const PlanItem& item);

/// Whether carrying `item` out deletes a VM.
[[nodiscard]] bool deletes(const PlanItem& item);

/// The VMs of `file` that `me` has; of the others the names.
struct FileTargets {
    std::vector<protocol::VmView> vms;
    std::vector<std::string> missing;
};
[[nodiscard]] FileTargets targets_of(const VmFile& file, const std::vector<protocol::VmView>& vms,
                                     const std::string& me);

}  // namespace mc::cli

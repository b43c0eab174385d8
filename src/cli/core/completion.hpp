#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

/// What may stand where the cursor is, by the verb table. Pure: live names are the shell's to add.
namespace mc::cli {

struct Completion {
    enum class Live { none, vms, vm_paths, nodes, images, contexts };  ///< vm_paths: a VM's name and a colon

    std::vector<std::string> words;  ///< that begin with what was typed; sorted
    Live live = Live::none;          ///< whose names are also possible
    std::string typed;               ///< what they must begin with
    std::string before;              ///< stands in front of each: `--output=` where that is part of the typed word
    std::string broker;              ///< as on the command line so far; "" = not there
    std::string context;             ///< likewise
};

/// `words`: of the command line after `mccli`, the last one being typed ("" = nothing of it yet).
[[nodiscard]] Completion complete(std::span<const std::string> words);

/// The script that makes `shell` ask `mccli complete`. Error: usage (none of bash, zsh, fish).
[[nodiscard]] Result<std::string> completion_script(std::string_view shell);

}  // namespace mc::cli

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/core/commands.hpp"

/// Files of VMs, for apply, diff and delete --file. docs/vm-files.md.
namespace mc::cli {

/// A field of a VM in a file: an option of create under its own name, or, where that can be given several times, the
/// name of all of them.
struct FileField {
    enum class Shape { text, flag, list, map };

    std::string_view name;    ///< "labels"
    std::string_view option;  ///< of create: "label"
    Shape shape = Shape::text;
};
/// Static storage.
[[nodiscard]] std::span<const FileField> file_fields();

/// One VM that a file asks for.
struct WantedVm {
    std::string name;
    CreateCommand command;                 ///< of this VM alone, as create reads it
    std::vector<std::string_view> fields;  ///< those that the file says, in the order of file_fields()
};

struct VmFile {
    std::vector<WantedVm> vms;  ///< in the file's order, patterns expanded; each name once; at most limits::batch_max
};

/// Reads a whole file: `text` and what people call it, which begins each sentence. Key files are not opened.
/// Error: invalid_argument, with line and field (and as read_yaml).
[[nodiscard]] Result<VmFile> read_vm_file(std::string_view text, std::string_view called);

}  // namespace mc::cli

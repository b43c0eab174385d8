#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "worker/core/settings.hpp"

namespace mc::worker {

/// The lines of the file. Error: invalid_argument.
[[nodiscard]] std::string text_of(const WorkerState& state);
[[nodiscard]] Result<WorkerState> state_in(std::string_view text);

/// Reads the worker's state; a directory without one gives a new identity, which
/// is not written yet. The node id is who this worker is: its VMs carry it.
/// Errors: io_failed (unreadable or damaged; the sentence says what to do).
[[nodiscard]] Result<WorkerState> load_state(const std::filesystem::path& state_dir);

/// Whole or not at all, and on the disk when it returns. Errors: io_failed.
[[nodiscard]] Result<void> save_state(const std::filesystem::path& state_dir, const WorkerState& state);

}  // namespace mc::worker

#pragma once

#include <string>
#include <vector>

#include "cli/shell/app.hpp"

/// What create and apply have in common.
namespace mc::cli {

/// As keys_to_install(); invalid_argument when there are too many for one VM.
[[nodiscard]] Result<std::vector<std::string>> keys_for_vms(App& app, const std::vector<std::string>& files);

/// A hash for each password, in order. Error: internal.
[[nodiscard]] Result<std::vector<std::string>> hashes_of(const std::vector<std::string>& passwords);

/// Before anything is made: a sheet that can't be written would cost the passwords of a whole class, and the one of the
/// class before is not to be lost either. `file` "" = none is wanted. Errors: already_exists, io_failed.
[[nodiscard]] Result<void> begin_sheet(const std::string& file);

/// Writes what `items` made into `file`, or removes it again when that is nothing. False: none is wanted, or it could
/// not be written, which was reported: passwords are then to be shown, nobody else knows them.
[[nodiscard]] bool finish_sheet(const App& app, const std::string& file, const std::vector<protocol::ItemResult>& items,
                                const std::vector<std::string>& passwords);

/// The script of --setup; `file` "-" = stdin, "" = none. Errors: invalid_argument, io_failed; unknown_verb (the broker
/// is too old for one); as App::call().
[[nodiscard]] Result<std::string> setup_script(App& app, const std::string& file);

/// All of `requests`, many at once.
[[nodiscard]] std::vector<CallOutcome> call_creates(App& app, const std::vector<protocol::CreateRequest>& requests,
                                                    milliseconds timeout, bool detach);

/// What became of one request's VMs; one item when all of it failed.
[[nodiscard]] std::vector<protocol::ItemResult> items_of(const protocol::CreateRequest& request,
                                                         const Result<protocol::Message>& reply);

}  // namespace mc::cli

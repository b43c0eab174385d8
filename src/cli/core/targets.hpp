#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/client_bodies.hpp"

/// What people call VMs: names are per owner, so that who sees those of others needs OWNER/NAME.
namespace mc::cli {

/// OWNER/NAME; only NAME when nothing is known of owners (a broker before 0.2).
[[nodiscard]] std::string full_name(const protocol::VmView& vm);

/// Whether names alone don't tell these VMs apart, now or with the next create.
[[nodiscard]] bool of_several_owners(const std::vector<protocol::VmView>& vms);

/// What to call `vm` to somebody who asked for `target`: as they did when they named the owner, else by its name.
[[nodiscard]] std::string called(std::string_view target, const protocol::VmView& vm);

/// Makes the target of each item the one of `asked` in its place: the broker says a VM's name alone, without the owner
/// that was named. Where they are not as many, the items stay as they are.
void name_as_asked(std::vector<protocol::ItemResult>& items, const std::vector<std::string>& asked);

/// The VM that `target` was probably meant to be, as it has to be written; nullopt when none is near.
[[nodiscard]] std::optional<std::string> nearest_target(std::string_view target,
                                                        const std::vector<protocol::VmView>& vms);

/// "; did you mean web?" for the end of a sentence; "" when none is near.
[[nodiscard]] std::string did_you_mean(std::string_view target, const std::vector<protocol::VmView>& vms);

}  // namespace mc::cli

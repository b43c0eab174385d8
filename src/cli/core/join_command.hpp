#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "cli/core/command_line.hpp"

/// What `mccli join` is told.
namespace mc::cli {

struct JoinCommand {
    std::string token;     ///< as given; "-" = it is on stdin
    std::string name;      ///< "" = the login name, where the token has none
    std::string context;   ///< "" = from the broker's endpoint
    bool replace = false;  ///< a context of that name is given up
};
[[nodiscard]] JoinCommand read_join(const Settings& settings, std::span<const std::string> operands);

/// What a person is called where the token does not say: a login name as an owner's name, as near as it comes. "" when
/// nothing of it can be one.
[[nodiscard]] std::string owner_name_from(std::string_view login);

/// What a context is called that leads to that endpoint: its host's name. "cloud-lan" for tcp://cloud.lan:7710.
[[nodiscard]] std::string context_name_from(std::string_view endpoint);

}  // namespace mc::cli

#pragma once

#include <string>
#include <vector>

#include "cli/shell/app.hpp"

/// The user's SSH keys. docs/cli.md "Keys and files".
namespace mc::cli {

/// Public key lines to install: of `files`, else of ~/.ssh/id_*.pub, else of
/// minicloud's own key, which is made when there is none.
/// Errors: invalid_argument (not a public key file), io_failed.
[[nodiscard]] Result<std::vector<std::string>> keys_to_install(App& app, const std::vector<std::string>& files);

/// Private key files that belong to what keys_to_install() takes by default.
[[nodiscard]] std::vector<std::string> private_keys(App& app);

/// Where minicloud's own private key is, or will be. Errors: as App::state_dir().
[[nodiscard]] Result<std::string> own_key(App& app);

}  // namespace mc::cli

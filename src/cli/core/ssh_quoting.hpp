#pragma once

#include <string>
#include <string_view>

/// What OpenSSH is told, so that it takes it literally.
namespace mc::cli {

/// A path as a value of an OpenSSH option: quoted, `%` doubled, since ssh expands both.
[[nodiscard]] std::string ssh_option_path(std::string_view path);

/// As one word to the shell that ssh has run a ProxyCommand; `%` doubled, since ssh expands it first.
[[nodiscard]] std::string ssh_proxy_word(std::string_view text);

}  // namespace mc::cli

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/options.hpp"

/// What io/options.cpp keeps of each option, and how it is shown. For io/ alone.
namespace mc::io {

struct Option {
    std::string name;
    std::string value;
    std::string help;
    std::string group;
    OptionExtra extra;
    std::string default_text;
    bool is_flag = false;
    bool is_list = false;
    std::function<void()> clear;  ///< before the first value of a list
    std::function<Result<void>(const std::string&)> accept;
};

/// "node-name" -> "MC_NODE_NAME".
[[nodiscard]] std::string env_name(std::string_view option);

/// The line, from 1, on which an ini text gives `key`; 0 when it does not. A key of a section is "section.key".
[[nodiscard]] std::size_t line_of_key(std::string_view text, std::string_view key);

[[nodiscard]] std::string help_text(const std::string& usage, const std::string& summary,
                                    const std::vector<Option>& options, const std::string& epilog);

}  // namespace mc::io

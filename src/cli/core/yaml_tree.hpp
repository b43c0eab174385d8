#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace mc::cli {

// A thousand VMs with all that can be said of them are a tenth of it; reading takes 0.3 s at worst, measured with
// nests, empty maps and single characters.
inline constexpr std::size_t yaml_bytes_max = 1024 * 1024;
inline constexpr std::size_t yaml_depth_max = 8;  ///< lists and maps in each other; a file of VMs has four

/// A YAML document as people wrote it: nothing is read as a number or a flag yet.
struct YamlNode {
    enum class Kind { nothing, text, list, map };

    Kind kind = Kind::nothing;
    std::size_t line = 0;  ///< where it begins, of a map's value where its key is; from 1
    std::string text;
    std::vector<YamlNode> items;  ///< of a list; of a map its values, each with its key, which occurs once
    std::string key;              ///< of a map's value
};

/// Reads the one document in `text`. There are no anchors, aliases and tags in it: nothing in a document can grow, or
/// mean something else than it says. `called`, the file's name, begins each sentence, with the line: "lab.yaml:3: …".
/// Errors: invalid_argument (not YAML; not UTF-8; empty; too large or deep; a key twice; what is not taken).
[[nodiscard]] Result<YamlNode> read_yaml(std::string_view text, std::string_view called);

/// The error about `line` of the file: invalid_argument, "lab.yaml:3: …".
[[nodiscard]] tl::unexpected<Error> fail_at(std::string_view called, std::size_t line, std::string_view sentence);

}  // namespace mc::cli

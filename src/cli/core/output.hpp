#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "cli/core/exit_code.hpp"
#include "cli/core/json_helpers.hpp"
#include "cli/core/text.hpp"

/// One thing to show in every format. The JSON value is the truth: yaml, csv and name are made of it, so that a field
/// is called the same everywhere. Pure.
namespace mc::cli {

enum class OutputFormat {
    table,
    wide,  ///< a table with every column, not fitted to the terminal
    json,
    yaml,
    csv,
    name,  ///< one name a line
};

/// nullopt = there is no such format.
[[nodiscard]] std::optional<OutputFormat> output_format_of(std::string_view name);

/// Json and yaml are for programs: errors are too then.
[[nodiscard]] bool for_programs(OutputFormat format);

/// What a verb shows.
struct View {
    std::function<Json()> json;                         ///< an array for a listing, else an object
    std::function<std::string(const TextStyle&)> text;  ///< for table and wide
    std::vector<std::string_view> objects;              ///< whose json_fields() are the columns of csv, in that order
    std::string_view name_field = "name";               ///< the field that -o name prints
    std::string_view none{};                            ///< of a listing: what is said when there is nothing in it
};

/// `view` in `format`; "" = nothing to print. Ends with a line break otherwise.
[[nodiscard]] std::string rendered(const View& view, OutputFormat format, const TextStyle& style);

/// An indented document with a line break at the end; its strings are quoted wherever they could be read as something
/// else than a string.
[[nodiscard]] std::string yaml(const Json& json);

/// RFC 4180: a line of titles, then one line per element of `json` (or one for an object), all ended by CR LF. What is
/// not there is an empty cell; an object or array stands in its cell as JSON on one line. Cells are made printable().
[[nodiscard]] std::string csv(const Json& json, const std::vector<std::string_view>& columns);

/// The columns of csv: the fields that json_fields() has for `objects`, in their order.
[[nodiscard]] std::vector<std::string_view> columns_of_objects(const std::vector<std::string_view>& objects);

/// `field` of each element that did not fail, one a line; OWNER/NAME where elements are of several owners and `field`
/// is "name".
[[nodiscard]] std::string names(const Json& json, std::string_view field = "name");

/// An error as stderr gets it: JSON on one line or YAML for programs, else a sentence.
[[nodiscard]] std::string rendered_error(const Error& error, ExitCode exit_code, OutputFormat format);

}  // namespace mc::cli

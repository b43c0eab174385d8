#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "io/environment.hpp"

namespace mc::io {

/// Seldom needed properties of an option.
struct OptionExtra {
    char short_name = 0;                     ///< e.g. 'o' for -o
    std::vector<std::string> env_aliases{};  ///< other variables, asked after MC_<NAME>, e.g. "DOCKER_HOST"
    std::string default_shown{};             ///< in --help, where the real default is found at run time
    bool command_line_only = false;          ///< neither environment nor ini
};

/// What was on the command line besides options.
struct Parsed {
    std::vector<std::string> positional;
    std::vector<std::string> rest;  ///< what came after "--", or after the words of raw_after(); untouched
    bool has_rest = false;          ///< there was a "--" (or raw words)
    bool help = false;              ///< --help or -h: print help() to stdout and leave with 0; nothing else was checked
    bool version = false;           ///< --version: likewise version_text()
    std::string config_file;        ///< the ini file that was read; "" = none
    /// Of each option that was given where its value is from: "--broker", "MC_BROKER" or "FILE:LINE".
    std::map<std::string, std::string, std::less<>> origins;
};

/// `mccli [options] VERB …` cut at the verb.
struct VerbSplit {
    std::vector<std::string> before;  ///< options before the verb
    std::string verb;                 ///< "" when there is none
    std::vector<std::string> after;
};

/// The options of a program or of one of its commands: each can be given on the
/// command line (--node-name X), in the environment (MC_NODE_NAME) and in an ini
/// file (node-name = X), in this order of precedence, and is bound to a variable
/// whose value at declaration is the default. Parsing is Boost.Program_options'.
///
/// The variables must outlive parse(). --help/-h, --version and --config FILE
/// are there by themselves. The ini file: --config or $MC_CONFIG, else the first
/// that exists of $XDG_CONFIG_HOME/minicloud/<program>.ini (~/.config/…) and /etc/minicloud/<program>.ini.
class Options {
public:
    /// `program` e.g. "mcworker" (names the ini file); `usage` e.g. "mcworker [options]"
    /// or several lines; `summary` is a sentence or two for --help.
    Options(std::string program, std::string usage, std::string summary);
    ~Options();
    Options(Options&&) noexcept;
    Options& operator=(Options&&) noexcept;

    /// Options declared from here on stand under this title in --help.
    void group(std::string title);

    /// `name` without dashes; `value` is the placeholder in --help, e.g. "ENDPOINT".
    /// REQUIRES (of all add functions): the name is not taken.
    void add(std::string name, std::string value, std::string& target, std::string help, OptionExtra extra = {});
    /// Whole numbers; what does not fit the type or `min`..`max` is refused.
    void add(std::string name, std::string value, std::uint32_t& target, std::string help, OptionExtra extra = {},
             std::uint32_t min = 0, std::uint32_t max = UINT32_MAX);
    void add(std::string name, std::string value, std::uint64_t& target, std::string help, OptionExtra extra = {},
             std::uint64_t min = 0, std::uint64_t max = UINT64_MAX);
    /// A duration: a number and ms, s, m, h or d ("1500ms", "90s", "2h"); a bare number is seconds.
    void add(std::string name, std::string value, milliseconds& target, std::string help, OptionExtra extra = {});
    /// Repeatable. In environment and ini: separated by commas. The first source that gives any wins whole.
    void add(std::string name, std::string value, std::vector<std::string>& target, std::string help,
             OptionExtra extra = {});
    /// A flag: --name, or --name=false; true/false, yes/no, on/off, 1/0 elsewhere.
    void add_flag(std::string name, bool& target, std::string help, OptionExtra extra = {});
    /// Anything else: `accept` checks and stores; its Error's sentence is completed with where the value came from.
    /// Not called when nothing is given.
    void add_custom(std::string name, std::string value, std::string default_shown,
                    std::function<Result<void>(const std::string& text)> accept, std::string help,
                    OptionExtra extra = {});

    /// Keys of other commands of the same program, allowed in the ini file and passed over here.
    void pass_over_in_ini(std::vector<std::string> names);
    /// After so many positional words the remaining ones are not looked at but put into Parsed::rest,
    /// e.g. 1 for `exec NAME COMMAND --its-own-options`.
    void raw_after(std::size_t positionals);
    /// How many positional words are allowed; none by default. `names` are for messages, e.g. "NAME".
    void positionals(std::size_t min, std::size_t max, std::string names);
    /// A last paragraph of --help, e.g. examples or exit codes.
    void epilog(std::string text);

    /// Fills the variables. `args` without the program's name.
    /// Errors: usage, with a sentence that names the option, the value, the variable or the file's line, and where it
    /// helps the option that was probably meant. The variables are then in no particular state.
    [[nodiscard]] Result<Parsed> parse(std::span<const std::string> args,
                                       const Environment& environment = process_environment());

    /// For a program with verbs: finds the verb among `args`; give before + after to the verb's own Options.
    [[nodiscard]] VerbSplit split_verb(std::span<const std::string> args) const;

    /// Grouped, with default and environment name of each option; ends with a line break.
    [[nodiscard]] std::string help() const;
    /// "mcworker 0.1.0\n".
    [[nodiscard]] std::string version_text() const;
    /// Every declared name, for pass_over_in_ini of another command.
    [[nodiscard]] std::vector<std::string> names() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// The one of `known` that `word` was probably meant to be (few edits away), or "".
[[nodiscard]] std::string closest(std::string_view word, std::span<const std::string> known);

/// "1500ms", "90s", "2m", "1h", "1d" or bare seconds. Errors: invalid_argument.
[[nodiscard]] Result<milliseconds> parse_duration(std::string_view text);

/// main's arguments without the program's name. What in `argv` begins with `secret_prefix` is overwritten with `*`
/// behind it, so that lists of processes and /proc/PID/cmdline have the secret no longer than until this is called; ""
/// = none.
[[nodiscard]] std::vector<std::string> arguments(int argc, char** argv, std::string_view secret_prefix = {});

}  // namespace mc::io

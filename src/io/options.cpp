#include "io/options.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cctype>
#include <charconv>
#include <limits>
#include <map>
#include <sstream>
#include <utility>

#include "base/assert.hpp"
#include "base/version.hpp"
#include "io/files.hpp"
#include "io/option_table.hpp"

namespace mc::io {
namespace {

namespace po = boost::program_options;

constexpr std::size_t config_bytes_max = 1 << 20;

tl::unexpected<Error> usage_error(std::string message) {
    return fail(ErrorCode::usage, std::move(message));
}

Result<bool> parse_bool(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
    if (text == "false" || text == "no" || text == "off" || text == "0") return false;
    return usage_error("\"" + text + "\" is neither true nor false");
}

template <class Number>
Result<void> parse_number(const std::string& text, Number min, Number max, Number& target) {
    Number number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || rest != text.data() + text.size() || text.empty() || number < min || number > max) {
        std::string range;
        if (min > 0 || max < std::numeric_limits<Number>::max()) {
            range = " from " + std::to_string(min) + " to " + std::to_string(max);
        }
        return usage_error("\"" + text + "\" is not a whole number" + range);
    }
    target = number;
    return {};
}

std::string duration_text(milliseconds value) {
    const auto ms = value.count();
    if (ms % 1000 != 0) return std::to_string(ms) + "ms";
    return std::to_string(ms / 1000) + "s";
}

std::vector<std::string> split_list(const std::string& text) {
    std::vector<std::string> parts;
    std::stringstream in(text);
    for (std::string part; std::getline(in, part, ',');) {
        if (!part.empty()) parts.push_back(part);
    }
    return parts;
}

}  // namespace

struct Options::Impl {
    std::string program;
    std::string usage;
    std::string summary;
    std::string epilog;
    std::string current_group = "Options";
    std::vector<Option> table;
    std::vector<std::string> passed_over;
    std::size_t raw_after = SIZE_MAX;
    std::size_t positional_min = 0;
    std::size_t positional_max = 0;
    std::string positional_names;
    std::string config_file;

    Option& declare(std::string name, std::string value, std::string help, OptionExtra extra) {
        MC_ASSERT(find(name) == nullptr);
        Option& option = table.emplace_back();
        option.name = std::move(name);
        option.value = std::move(value);
        option.help = std::move(help);
        option.group = current_group;
        option.extra = std::move(extra);
        return option;
    }

    [[nodiscard]] const Option* find(std::string_view name) const {
        const auto at = std::find_if(table.begin(), table.end(), [&](const Option& o) { return o.name == name; });
        return at == table.end() ? nullptr : &*at;
    }

    [[nodiscard]] const Option* find_short(char name) const {
        const auto at =
            std::find_if(table.begin(), table.end(), [&](const Option& o) { return o.extra.short_name == name; });
        return at == table.end() ? nullptr : &*at;
    }

    [[nodiscard]] std::string suggestion(const std::string& word, const std::string& dashes) const {
        std::vector<std::string> known;
        for (const auto& option : table) known.push_back(option.name);
        const std::string meant = closest(word, known);
        return meant.empty() ? "" : "; did you mean " + dashes + meant + "?";
    }

    /// Whether the word after `argument` belongs to it.
    [[nodiscard]] bool takes_next(const std::string& argument) const {
        if (argument.rfind("--", 0) == 0) {
            const Option* option = find(argument.substr(2));
            return option != nullptr && !option->is_flag;
        }
        // -x VALUE, or the last of grouped flags: -ix VALUE.
        for (std::size_t i = 1; i < argument.size(); ++i) {
            const Option* option = find_short(argument[i]);
            if (option == nullptr) return false;
            if (!option->is_flag) return i + 1 == argument.size();
        }
        return false;
    }

    using Given = std::map<std::string, std::vector<std::string>>;
    struct Line {
        std::vector<std::string> options;  ///< for Boost
        Given direct;                      ///< what Boost has no form for: --flag=VALUE and empty values
        Parsed parsed;
    };

    [[nodiscard]] Line cut(std::span<const std::string> args) const {
        Line line;
        for (std::size_t i = 0; i < args.size(); ++i) {
            const std::string& word = args[i];
            if (word == "--" || (line.parsed.positional.size() >= raw_after && !is_option(word))) {
                line.parsed.has_rest = true;
                line.parsed.rest.assign(args.begin() + static_cast<std::ptrdiff_t>(i + (word == "--" ? 1 : 0)),
                                        args.end());
                break;
            }
            if (!is_option(word)) {
                line.parsed.positional.push_back(word);
                continue;
            }
            const std::size_t equals = word.find('=');
            if (word.rfind("--", 0) == 0 && equals != std::string::npos) {
                const std::string name = word.substr(2, equals - 2);
                if (const Option* option = find(name); option != nullptr && option->is_flag) {
                    line.direct[name] = {word.substr(equals + 1)};
                    continue;
                }
            }
            if (!takes_next(word) || i + 1 == args.size()) {
                line.options.push_back(word);
                continue;
            }
            // In one word, since Boost would take a value that begins with a dash for an option.
            const bool is_long = word.rfind("--", 0) == 0;
            const std::string& value = args[++i];
            if (value.empty() && is_long) {
                line.direct[word.substr(2)].push_back(value);
            } else {
                line.options.push_back(word + (is_long ? "=" : "") + value);
            }
        }
        return line;
    }

    static bool is_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

    [[nodiscard]] po::options_description description() const {
        po::options_description all;
        for (const auto& option : table) {
            const std::string names =
                option.name +
                (option.extra.short_name == 0 ? std::string() : std::string{',', option.extra.short_name});
            all.add_options()(names.c_str(), new po::untyped_value(option.is_flag), "");
        }
        return all;
    }

    [[nodiscard]] Result<Given> parse_line(const Line& line) const {
        Given given = line.direct;
        try {
            const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
            const auto all = description();
            const auto parsed = po::command_line_parser(line.options).options(all).style(style).run();
            for (const auto& option : parsed.options) {
                if (option.position_key >= 0) continue;
                auto& values = given[option.string_key];
                values.push_back(option.value.empty() ? "true" : option.value.front());
            }
            return given;
        } catch (const po::unknown_option& e) {
            std::string word = e.get_option_name();
            word.erase(0, word.find_first_not_of('-'));
            return usage_error("unknown option " + e.get_option_name() + suggestion(word, "--") + " (see " + program +
                               " --help)");
        } catch (const po::invalid_command_line_syntax& e) {
            return usage_error(e.get_option_name() + " needs a value (see " + program + " --help)");
        } catch (const po::error& e) {
            return usage_error(std::string(e.what()) + " (see " + program + " --help)");
        }
    }

    struct Ini {
        std::string path;
        std::string text;
        Given values;
    };

    /// The ini file's values, checked to be known. No file: empty.
    [[nodiscard]] Result<Ini> read_ini(const Given& line, const Environment& environment) const;
    [[nodiscard]] Result<void> take_key(Ini& ini, const po::option& entry) const;
    [[nodiscard]] Result<void> apply(const Option& option, const std::vector<std::string>& values,
                                     const std::string& where) const;
    /// Returns where the value is from; "" = from nowhere.
    [[nodiscard]] Result<std::string> apply_first_source(const Option& option, const Given& line, const Ini& ini,
                                                         const Environment& environment) const;
};

Result<Options::Impl::Ini> Options::Impl::read_ini(const Given& line, const Environment& environment) const {
    Ini ini;
    bool must_exist = true;
    if (const auto at = line.find("config"); at != line.end()) {
        ini.path = at->second.back();
    } else if (const auto variable = environment("MC_CONFIG")) {
        ini.path = *variable;
    } else {
        must_exist = false;
        const std::string name = program + ".ini";
        for (const auto& directory : {config_dir(environment), std::filesystem::path("/etc/minicloud")}) {
            std::error_code error;
            if (!ini.path.empty() || !std::filesystem::exists(directory / name, error)) continue;
            ini.path = (directory / name).string();
        }
    }
    if (ini.path.empty()) return ini;
    auto text = read_file(ini.path, config_bytes_max);
    if (!text) {
        if (!must_exist && text.error().code == ErrorCode::not_found) return Ini{};
        return usage_error("the configuration file " + text.error().message);
    }
    ini.text = std::move(*text);
    try {
        std::istringstream in(ini.text);
        const auto all = description();
        const auto parsed = po::parse_config_file(in, all, true);
        for (const auto& entry : parsed.options) {
            if (auto taken = take_key(ini, entry); !taken) return tl::unexpected(taken.error());
        }
    } catch (const po::error& e) {
        return usage_error(ini.path + ": " + e.what() + "; write NAME = VALUE lines");
    }
    return ini;
}

Result<void> Options::Impl::take_key(Ini& ini, const po::option& entry) const {
    const std::string where = ini.path + ":" + std::to_string(line_of_key(ini.text, entry.string_key));
    const Option* option = find(entry.string_key);
    if (option == nullptr) {
        if (std::find(passed_over.begin(), passed_over.end(), entry.string_key) != passed_over.end()) return {};
        return usage_error(where + ": unknown key \"" + entry.string_key + "\"" + suggestion(entry.string_key, ""));
    }
    if (option->extra.command_line_only) {
        return usage_error(where + ": \"" + entry.string_key + "\" can only be given on the command line");
    }
    auto& values = ini.values[entry.string_key];
    if (!values.empty() && !option->is_list)
        return usage_error(where + ": \"" + entry.string_key + "\" is given twice");
    for (const auto& value : entry.value) values.push_back(value);
    return {};
}

Result<void> Options::Impl::apply(const Option& option, const std::vector<std::string>& values,
                                  const std::string& where) const {
    if (option.clear) option.clear();
    // Of a single option given more often the last one holds, so that an alias can be overridden.
    const std::size_t first = option.is_list || values.empty() ? 0 : values.size() - 1;
    for (std::size_t i = first; i < values.size(); ++i) {
        if (auto accepted = option.accept(values[i]); !accepted) {
            return usage_error(where + ": " + accepted.error().message);
        }
    }
    return {};
}

Result<std::string> Options::Impl::apply_first_source(const Option& option, const Given& line, const Ini& ini,
                                                      const Environment& environment) const {
    const auto applied = [&](const std::vector<std::string>& values, const std::string& where) -> Result<std::string> {
        if (auto done = apply(option, values, where); !done) return fail(done.error());
        return where;
    };
    if (const auto at = line.find(option.name); at != line.end()) return applied(at->second, "--" + option.name);
    if (option.extra.command_line_only) return {};
    const auto as_values = [&](const std::string& text) {
        return option.is_list ? split_list(text) : std::vector<std::string>{text};
    };
    std::vector<std::string> variables{env_name(option.name)};
    variables.insert(variables.end(), option.extra.env_aliases.begin(), option.extra.env_aliases.end());
    for (const auto& variable : variables) {
        if (const auto value = environment(variable)) return applied(as_values(*value), variable);
    }
    if (const auto at = ini.values.find(option.name); at != ini.values.end()) {
        std::vector<std::string> values;
        for (const auto& text : at->second) {
            for (auto& value : as_values(text)) values.push_back(std::move(value));
        }
        return applied(values, ini.path + ":" + std::to_string(line_of_key(ini.text, option.name)));
    }
    return {};
}

Options::Options(std::string program, std::string usage, std::string summary) : impl_(std::make_unique<Impl>()) {
    impl_->program = std::move(program);
    impl_->usage = std::move(usage);
    impl_->summary = std::move(summary);
    group("General");
    OptionExtra only_here;
    only_here.command_line_only = true;
    const auto ignore = [](const std::string&) -> Result<void> { return {}; };
    OptionExtra with_h = only_here;
    with_h.short_name = 'h';
    auto& help_option = impl_->declare("help", "", "show this help", with_h);
    help_option.is_flag = true;
    help_option.accept = ignore;
    auto& version_option = impl_->declare("version", "", "show the version", only_here);
    version_option.is_flag = true;
    version_option.accept = ignore;
    OptionExtra config_extra;
    config_extra.command_line_only = true;  // MC_CONFIG is read before everything else
    config_extra.default_shown =
        "~/.config/minicloud/" + impl_->program + ".ini or /etc/minicloud/" + impl_->program + ".ini, when there";
    impl_->declare("config", "FILE", "read options from this ini file (lines: name = value)", config_extra).accept =
        ignore;
    group("Options");
}

Options::~Options() = default;
Options::Options(Options&&) noexcept = default;
Options& Options::operator=(Options&&) noexcept = default;

void Options::group(std::string title) {
    impl_->current_group = std::move(title);
}

void Options::add(std::string name, std::string value, std::string& target, std::string help, OptionExtra extra) {
    Option& option = impl_->declare(std::move(name), std::move(value), std::move(help), std::move(extra));
    option.default_text = target;
    option.accept = [&target](const std::string& text) -> Result<void> {
        target = text;
        return {};
    };
}

void Options::add(std::string name, std::string value, std::uint32_t& target, std::string help, OptionExtra extra,
                  std::uint32_t min, std::uint32_t max) {
    Option& option = impl_->declare(std::move(name), std::move(value), std::move(help), std::move(extra));
    option.default_text = std::to_string(target);
    option.accept = [&target, min, max](const std::string& text) { return parse_number(text, min, max, target); };
}

void Options::add(std::string name, std::string value, std::uint64_t& target, std::string help, OptionExtra extra,
                  std::uint64_t min, std::uint64_t max) {
    Option& option = impl_->declare(std::move(name), std::move(value), std::move(help), std::move(extra));
    option.default_text = std::to_string(target);
    option.accept = [&target, min, max](const std::string& text) { return parse_number(text, min, max, target); };
}

void Options::add(std::string name, std::string value, milliseconds& target, std::string help, OptionExtra extra) {
    Option& option = impl_->declare(std::move(name), std::move(value), std::move(help), std::move(extra));
    option.default_text = duration_text(target);
    option.accept = [&target](const std::string& text) -> Result<void> {
        const auto duration = parse_duration(text);
        if (!duration) return tl::unexpected(duration.error());
        target = *duration;
        return {};
    };
}

void Options::add(std::string name, std::string value, std::vector<std::string>& target, std::string help,
                  OptionExtra extra) {
    Option& option = impl_->declare(std::move(name), std::move(value), std::move(help), std::move(extra));
    option.is_list = true;
    for (const auto& one : target) option.default_text += (option.default_text.empty() ? "" : ",") + one;
    option.clear = [&target] { target.clear(); };
    option.accept = [&target](const std::string& text) -> Result<void> {
        target.push_back(text);
        return {};
    };
}

void Options::add_flag(std::string name, bool& target, std::string help, OptionExtra extra) {
    Option& option = impl_->declare(std::move(name), "", std::move(help), std::move(extra));
    option.is_flag = true;
    if (target) option.default_text = "true";
    option.accept = [&target](const std::string& text) -> Result<void> {
        const auto flag = parse_bool(text);
        if (!flag) return tl::unexpected(flag.error());
        target = *flag;
        return {};
    };
}

void Options::add_custom(std::string name, std::string value, std::string default_shown,
                         std::function<Result<void>(const std::string&)> accept, std::string help, OptionExtra extra) {
    Option& option = impl_->declare(std::move(name), std::move(value), std::move(help), std::move(extra));
    option.default_text = std::move(default_shown);
    option.accept = std::move(accept);
}

void Options::pass_over_in_ini(std::vector<std::string> names) {
    impl_->passed_over.insert(impl_->passed_over.end(), names.begin(), names.end());
}
void Options::raw_after(std::size_t positionals) {
    impl_->raw_after = positionals;
}
void Options::positionals(std::size_t min, std::size_t max, std::string names) {
    impl_->positional_min = min;
    impl_->positional_max = max;
    impl_->positional_names = std::move(names);
}
void Options::epilog(std::string text) {
    impl_->epilog = std::move(text);
}

Result<Parsed> Options::parse(std::span<const std::string> args, const Environment& environment) {
    auto line = impl_->cut(args);
    Parsed parsed = std::move(line.parsed);
    auto given = impl_->parse_line(line);
    // Someone who asks for help gets it, whatever else is wrong.
    const auto asked = [&](std::string_view name) {
        return std::find(line.options.begin(), line.options.end(), name) != line.options.end();
    };
    parsed.help = asked("--help") || asked("-h");
    parsed.version = asked("--version");
    if (parsed.help || parsed.version) return parsed;
    if (!given) return tl::unexpected(given.error());

    const std::size_t count = parsed.positional.size();
    if (count > impl_->positional_max) {
        return usage_error("unexpected argument \"" + parsed.positional[impl_->positional_max] +
                           "\"; usage: " + impl_->usage);
    }
    if (count < impl_->positional_min) {
        return usage_error("missing " + impl_->positional_names + "; usage: " + impl_->usage);
    }
    const auto ini = impl_->read_ini(*given, environment);
    if (!ini) return tl::unexpected(ini.error());
    for (const auto& option : impl_->table) {
        auto origin = impl_->apply_first_source(option, *given, *ini, environment);
        if (!origin) return tl::unexpected(origin.error());
        if (!origin->empty()) parsed.origins[option.name] = std::move(*origin);
    }
    parsed.config_file = ini->path;
    return parsed;
}

VerbSplit Options::split_verb(std::span<const std::string> args) const {
    VerbSplit split;
    for (std::size_t i = 0; i < args.size(); ++i) {
        if (args[i] == "--") break;
        if (!Impl::is_option(args[i])) {
            split.verb = args[i];
            split.after.assign(args.begin() + static_cast<std::ptrdiff_t>(i) + 1, args.end());
            break;
        }
        split.before.push_back(args[i]);
        if (impl_->takes_next(args[i]) && i + 1 < args.size()) split.before.push_back(args[++i]);
    }
    return split;
}

std::string Options::help() const {
    return help_text(impl_->usage, impl_->summary, impl_->table, impl_->epilog);
}
std::string Options::version_text() const {
    return impl_->program + " " + version + "\n";
}

std::vector<std::string> Options::names() const {
    std::vector<std::string> names;
    for (const auto& option : impl_->table) names.push_back(option.name);
    return names;
}

}  // namespace mc::io

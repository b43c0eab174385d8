#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>

#include "base/version.hpp"
#include "cli/core/help.hpp"
#include "cli/core/suggest.hpp"
#include "cli/shell/app.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/terminal.hpp"
#include "io/options.hpp"

/// From the command line to the verb.
namespace mc::cli {
namespace {

/// For errors in the command line itself, when nothing has been read from it yet.
OutputFormat wanted_format(std::span<const std::string> args) {
    std::string_view wanted;
    if (const char* set = std::getenv("MC_OUTPUT")) wanted = set;
    for (std::size_t i = 0; i < args.size() && args[i] != "--"; ++i) {
        const std::string_view arg = args[i];
        if ((arg == "-o" || arg == "--output") && i + 1 < args.size())
            wanted = args[i + 1];
        else if (arg.starts_with("--output="))
            wanted = arg.substr(9);
        else if (arg.starts_with("-o"))
            wanted = arg.substr(2);
    }
    return output_format_of(wanted).value_or(OutputFormat::table);
}

std::size_t help_columns() {
    constexpr std::size_t widest = 100;  // longer lines are hard to read
    const std::size_t columns = style_of(STDOUT_FILENO).columns;
    return columns == 0 ? 80 : std::min(columns, widest);
}

int print(const std::string& text) {
    static_cast<void>(!::write(STDOUT_FILENO, text.data(), text.size()));
    return 0;
}

bool has_flag(const CommandLine& line, std::string_view flag) {
    return std::find(line.options.begin(), line.options.end(), flag) != line.options.end();
}

/// Binds every option of the table to a place of its own; io::Options does the rest.
class Binding {
public:
    /// `all`: the options of every verb, by their names in the ini file; else those of the line's verb by their own.
    Binding(const CommandLine& line, bool all) : line_(line), all_(all), options_("mccli", "mccli", "") {
        add(nullptr, common_options());
        for (const auto& verb : verbs()) {
            if (all || &verb == line.verb) add(&verb, verb.options);
        }
        if (!all) options_.pass_over_in_ini(names_of_other_verbs());
    }

    Result<AllSettings> read() {
        std::vector<std::string> tokens;
        for (const auto& token : line_.options) tokens.push_back(full_name(token));
        auto parsed = options_.parse(tokens);
        if (!parsed) return fail(parsed.error());
        Settings::Values values;
        for (const auto& [name, value] : texts_) {
            if (!value.empty()) values[name] = {value};
        }
        for (const auto& [name, list] : lists_) {
            if (!list.empty()) values[name] = list;
        }
        for (const auto& [name, on] : flags_) {
            if (on) values[name] = {"true"};
        }
        const bool named = parsed->origins.contains("config");
        return AllSettings{Settings(std::move(values), std::move(parsed->origins)), parsed->config_file, named};
    }

private:
    /// These are io::Options' own.
    static bool built_in(std::string_view name) { return name == "help" || name == "version" || name == "config"; }

    void add(const VerbSpec* verb, const std::vector<OptionSpec>& specs) {
        for (const auto& spec : specs) {
            if (verb == nullptr && built_in(spec.name)) continue;
            const std::string name = all_ ? ini_name(verb, spec) : std::string(spec.name);
            if (spec.is_flag())
                options_.add_flag(ini_name(verb, spec), flags_[name], "");
            else if (spec.repeatable)
                options_.add(ini_name(verb, spec), "X", lists_[name], "");
            else
                options_.add(ini_name(verb, spec), "X", texts_[name], "");
        }
    }

    /// "--image=x" as the option set of create calls it: "--create-image=x".
    std::string full_name(const std::string& token) const {
        if (line_.verb == nullptr) return token;
        const auto name = std::string_view(token).substr(
            2, token.find('=') == std::string::npos ? std::string::npos : token.find('=') - 2);
        const auto& own = line_.verb->options;
        const auto spec = std::find_if(own.begin(), own.end(), [&](const OptionSpec& o) { return o.name == name; });
        return spec == own.end() ? token : "--" + ini_name(line_.verb, *spec) + token.substr(2 + name.size());
    }

    std::vector<std::string> names_of_other_verbs() const {
        std::vector<std::string> names;
        for (const auto& verb : verbs()) {
            if (&verb == line_.verb) continue;
            for (const auto& option : verb.options) names.push_back(ini_name(&verb, option));
        }
        return names;
    }

    const CommandLine& line_;
    bool all_ = false;
    io::Options options_;
    std::map<std::string, std::string> texts_;  // nodes stay where they are: io::Options keeps references
    std::map<std::string, std::vector<std::string>> lists_;
    std::map<std::string, bool> flags_;
};

int run_help(const CommandLine& line) {
    if (has_flag(line, "--markdown")) return print(help_markdown());
    if (has_flag(line, "--man")) return print(help_man(mc::version));
    if (line.operands.empty()) return print(help_overview(help_columns()));
    const VerbSpec* verb = find_verb(line.operands.front());
    if (verb != nullptr && line.operands.size() > 1) verb = find_verb(*verb, line.operands.back());
    if (verb != nullptr) return print(help_verb(*verb, help_columns()));
    std::vector<std::string> names;
    for (const auto& known : verbs()) names.emplace_back(known.name);
    const std::string word =
        line.operands.front() + (line.operands.size() > 1 ? " " + line.operands.back() : std::string());
    const auto near = nearest(word, names);
    return report_error(
        Error{ErrorCode::usage, "there is no verb \"" + word + "\"" +
                                    (near ? "; did you mean \"" + *near + "\"?" : "; see: mccli --help")},
        ExitCode::usage, OutputFormat::table);
}

int run_verb(App& app) {
    switch (app.line().verb->id) {
        case VerbId::create:
            return run_create(app);
        case VerbId::list:
            return run_list(app);
        case VerbId::info:
            return run_info(app);
        case VerbId::top:
            return run_top(app);
        case VerbId::ssh:
            return run_ssh(app);
        case VerbId::exec:
            return run_exec(app);
        case VerbId::start:
        case VerbId::stop:
        case VerbId::restart:
        case VerbId::remove:
        case VerbId::extend:
            return run_action(app, app.line().verb->id);
        case VerbId::apply:
            return run_apply(app);
        case VerbId::diff:
            return run_diff(app);
        case VerbId::rename:
            return run_rename(app);
        case VerbId::logs:
            return run_logs(app);
        case VerbId::copy:
            return run_copy(app);
        case VerbId::forward:
            return run_forward(app);
        case VerbId::proxy:
            return run_proxy(app);
        case VerbId::ssh_config:
            return run_ssh_config(app);
        case VerbId::host_key:
            return run_host_key(app);
        case VerbId::nodes:
            return run_nodes(app);
        case VerbId::node_info:
            return run_node_info(app);
        case VerbId::cordon:
        case VerbId::uncordon:
        case VerbId::drain:
        case VerbId::forget:
            return run_node_action(app, app.line().verb->id);
        case VerbId::images:
            return run_images(app);
        case VerbId::image_pull:
            return run_image_action(app, protocol::ImageAction::pull);
        case VerbId::image_remove:
            return run_image_action(app, protocol::ImageAction::remove);
        case VerbId::watch:
            return run_watch(app);
        case VerbId::job:
            return run_job(app);
        case VerbId::jobs:
            return run_jobs(app);
        case VerbId::cancel:
            return run_cancel(app);
        case VerbId::keys:
            return run_keys(app);
        case VerbId::keys_revoke:
            return run_keys_revoke(app);
        case VerbId::tokens:
            return run_tokens(app);
        case VerbId::token_create:
            return run_token_create(app);
        case VerbId::token_revoke:
            return run_token_revoke(app);
        case VerbId::audit:
            return run_audit(app);
        case VerbId::join:
            return run_join(app);
        case VerbId::contexts:
            return run_contexts(app);
        case VerbId::context_show:
            return run_context_show(app);
        case VerbId::context_use:
            return run_context_use(app);
        case VerbId::context_remove:
            return run_context_remove(app);
        case VerbId::config:
            return run_config(app);
        case VerbId::config_get:
            return run_config_get(app);
        case VerbId::config_set:
            return run_config_set(app);
        case VerbId::config_unset:
            return run_config_unset(app);
        case VerbId::menu:
            return run_menu(app);
        case VerbId::completion:
            return run_completion(app);
        case VerbId::complete:
            return run_complete(app);
        case VerbId::doctor:
            return run_doctor(app);
        case VerbId::version:
            return run_version(app);
        case VerbId::help:
            return run_help(app.line());
    }
    return static_cast<int>(ExitCode::usage);
}

}  // namespace

Result<AllSettings> settings_of_all_verbs(const CommandLine& line) {
    return Binding(line, true).read();
}

int run(std::span<const std::string> args) {
    auto line = split_command_line(args);
    if (!line) return report_error(line.error(), exit_code_for(line.error().code), wanted_format(args));
    if (has_flag(*line, "--version")) return print("mccli " + std::string(mc::version) + "\n");
    if (line->verb == nullptr) {
        if (has_flag(*line, "--help")) return print(help_overview(help_columns()));
        // Nothing was asked for: that is no success, but the help is what is needed.
        print(help_overview(help_columns()));
        return static_cast<int>(ExitCode::usage);
    }
    if (has_flag(*line, "--help")) return print(help_verb(*line->verb, help_columns()));
    if (line->verb->id == VerbId::help) return run_help(*line);
    auto bound = Binding(*line, false).read();
    if (!bound) return report_error(bound.error(), exit_code_for(bound.error().code), wanted_format(args));
    auto common = read_common(bound->settings);
    if (!common) return report_error(common.error(), exit_code_for(common.error().code), wanted_format(args));
    App app(std::move(*common), std::move(bound->settings), std::move(*line));
    return run_verb(app);
}

}  // namespace mc::cli

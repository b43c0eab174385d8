#include <algorithm>
#include <string>

#include "cli/core/help.hpp"
#include "cli/core/json_views.hpp"
#include "cli/core/text.hpp"

/// The verb table as docs/cli.md and as a man page.
namespace mc::cli {
namespace {

struct Section {
    std::string_view title;
    std::string_view text;  ///< paragraphs
};

constexpr Section keys_section{
    "Keys and files",
    "In the state directory (`--state-dir`, else $XDG_STATE_HOME/minicloud, else ~/.local/state/minicloud) mccli keeps "
    "`known_hosts` (one line per VM that `mccli ssh` was used on: the VM's id and its pinned host key) and, only for "
    "who has no ~/.ssh/id_*.pub, a key pair made once with ssh-keygen: `id_ed25519`, without a passphrase.\n\n"
    "`create` installs the keys of --key FILE, else those of every ~/.ssh/id_*.pub, else minicloud's own. `ssh` offers "
    "the private keys that belong to them, and the agent's. Host key checking is never turned off.\n\n"
    "Passwords are made and hashed on your machine; the cloud only ever sees the hash."};

constexpr Section sources_section{
    "Options in the environment and in a file",
    "Every option can be given on the command line, in the environment and in an ini file, in this order of "
    "precedence. In the environment --broker is MC_BROKER, and an option of one verb has the verb in its name: "
    "--image of create is MC_CREATE_IMAGE. In the file, ~/.config/minicloud/mccli.ini or --config FILE, they are "
    "`broker = …` and `create-image = …`. Repeatable options take a list separated by commas there."};

constexpr Section owners_section{
    "Whose VMs",
    "A VM's owner is the name of the key that made it, and names of VMs are per owner. Wherever a verb takes the name "
    "of "
    "a VM, NAME is your own VM of that name. Viewers and admins see those of others too: for them NAME is, when they "
    "have none of that name, the only one that somebody has; when several have one, the error names them. OWNER/NAME "
    "says it outright, and so does the VM's id. What is another's is for a user as if it were not there."};

constexpr Section output_section{
    "Output",
    "Results go to stdout; progress, remarks and errors to stderr. Progress is shown, and states are coloured, only on "
    "a terminal; NO_COLOR turns colours off. Tables fit the terminal's width: long texts are shortened, then the least "
    "important columns left out; names are never cut. Of `list`, on 80 columns, names of 62 characters leave room for "
    "the state only; what else there is, -o wide and `info NAME` show. Piped tables are never cut, nor are those of -o "
    "wide, which have every column.\n\n"
    "With -o json every listing is a JSON array, `info`, a single `create`, `token create` and `audit --verify` an "
    "object, `watch` one "
    "object per line, "
    "and an error an object on stderr. Field names are stable; times are RFC 3339 in UTC; what is not there is "
    "null.\n\n"
    "The other formats are made of that JSON. -o yaml is the same document in YAML, errors included; `watch` prints "
    "one "
    "document per event. -o csv has the fields below as columns, in that order, under a line of titles, also when "
    "there "
    "is nothing in the listing; lines end as RFC 4180 says, what is not there is an empty cell, an object or array is "
    "its JSON, and control characters are `?`. -o name prints one name a line: of VMs, nodes and contexts, the "
    "fingerprints of keys and tokens, the ids of requests, the numbers of audit entries; of results only what worked. "
    "`watch` has neither csv nor name."};

constexpr Section trouble_section{
    "When the broker can't just now",
    "A broker that can't be reached at all is given up after 3 s. One that went away after it had answered is asked "
    "again, under the same request id, until --timeout. One that is busy says when to come again, and is asked again "
    "then, until --timeout. One that can't write its store still answers what only reads, with a warning on stderr "
    "that says why; what changes something is refused with that sentence, and has not happened."};

std::string flag_text(const OptionSpec& option) {
    std::string text = option.letter != 0 ? "-" + std::string(1, option.letter) + ", " : "";
    text += "--" + std::string(option.name);
    if (!option.is_flag()) text += " " + std::string(option.value);
    return text;
}

/// Inside a table cell of Markdown.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|')
            out += "\\|";
        else
            out.push_back(c);
    }
    return out;
}

std::string markdown_options(const VerbSpec* verb, const std::vector<OptionSpec>& options) {
    std::string out = "| option | environment | |\n|---|---|---|\n";
    bool any = false;
    for (const auto& option : options) {
        if (option.hidden) continue;
        any = true;
        const bool here_only = option.name == "help" || option.name == "version";
        out += "| `" + flag_text(option) + "` | " + (here_only ? "" : "`" + environment_name(verb, option) + "`") +
               " | " + cell(option.help) + (option.repeatable ? " (repeatable)" : "") + " |\n";
    }
    return any ? out + "\n" : "";
}

std::string markdown_verb(const VerbSpec& verb) {
    std::string out = "## mccli " + std::string(verb.name) + "\n\n" + std::string(verb.summary) + ".\n\n```\n" +
                      usage_line(verb) + "\n```\n\n";
    if (!verb.aliases.empty()) {
        out += "Also called:";
        for (std::size_t i = 0; i < verb.aliases.size(); ++i) {
            out += (i == 0 ? " `" : ", `") + std::string(verb.aliases[i]) + "`";
        }
        out += "\n\n";
    }
    for (const auto& paragraph : paragraphs(verb.description)) out += std::string(paragraph) + "\n\n";
    out += markdown_options(&verb, verb.options);
    if (!verb.examples.empty()) {
        out += "```sh\n";
        for (const auto& example : verb.examples) {
            out += std::string(example.line) + (example.meaning.empty() ? "" : "  # " + std::string(example.meaning)) +
                   "\n";
        }
        out += "```\n\n";
    }
    return out;
}

std::string markdown_section(const Section& section) {
    std::string out = "## " + std::string(section.title) + "\n\n";
    for (const auto& paragraph : paragraphs(section.text)) out += std::string(paragraph) + "\n\n";
    return out;
}

std::string markdown_json() {
    struct Titled {
        std::string_view object;
        std::string_view title;
    };
    constexpr Titled objects[] = {
        {"vm", "A VM (`list`, `info`)"},
        {"usage", "What a VM uses (`top`)"},
        {"node usage", "What a node's VMs use (`top --nodes`)"},
        {"create", "`create`: all fields of a VM, and"},
        {"placement", "A VM of `create --dry-run`"},
        {"accepted", "`create --detach`: an array, one per request"},
        {"item", "A result of `start`, `stop`, `restart`, `delete`; an item of `job`"},
        {"node", "A node (`nodes`, `nodes info`)"},
        {"nodes info", "`nodes info` adds, in the same object"},
        {"image", "An image (`images`)"},
        {"image result", "A result of `images pull`, `images remove`"},
        {"plan", "A VM of a file (`diff`, `apply --dry-run`; `apply`)"},
        {"planned", "A VM of a file, besides"},
        {"applied", "A VM of a file in `apply`, besides"},
        {"job", "A request (`job`, `jobs`)"},
        {"job with items", "`job` adds, in the same object"},
        {"key", "A key or a token (`keys`, `token list`)"},
        {"keys", "A key (`keys`), besides"},
        {"token", "A token (`token list`), besides; `name` is null when whoever joins says one"},
        {"new token", "`token create`"},
        {"audit", "An entry of the audit log (`audit`)"},
        {"context", "A context (`context`, `context show`)"},
        {"context show", "`context show` adds, in the same object"},
        {"audit check", "`audit --verify`, when nothing was changed; else an error"},
        {"event", "An event (`watch`)"},
        {"gap", "Other lines of `watch`"},
        {"check", "A check of `doctor`"},
        {"setting", "An option (`config`)"},
        {"error", "An error"},
        {"version", "`version`"},
    };
    std::string out = "## JSON fields\n\n";
    for (const auto& object : objects) {
        out += "### " + std::string(object.title) + "\n\n| field | meaning |\n|---|---|\n";
        for (const auto& field : json_fields()) {
            if (field.object == object.object) {
                out += "| `" + std::string(field.name) + "` | " + cell(field.meaning) + " |\n";
            }
        }
        out += "\n";
    }
    return out;
}

/// Text for troff: backslashes, and lines that would begin with a request character.
std::string troff(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else if (c == '`')
            continue;
        else
            out.push_back(c);
    }
    std::string safe = out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
    // The ellipsis is outside of what every man renders.
    for (auto at = safe.find("…"); at != std::string::npos; at = safe.find("…")) safe.replace(at, 3, "...");
    return safe;
}

std::string man_paragraphs(std::string_view text) {
    std::string out;
    for (const auto& paragraph : paragraphs(text)) out += ".PP\n" + troff(paragraph) + "\n";
    return out;
}

std::string man_options(const std::vector<OptionSpec>& options) {
    std::string out;
    for (const auto& option : options) {
        if (option.hidden) continue;
        out += ".TP\n.B " + troff(flag_text(option)) + "\n" + troff(option.help) +
               (option.repeatable ? " (repeatable)" : "") + "\n";
    }
    return out;
}

std::string man_verb(const VerbSpec& verb) {
    std::string out = ".SS " + troff(usage_line(verb)) + "\n" + troff(verb.summary) + ".\n";
    out += man_paragraphs(verb.description);
    out += man_options(verb.options);
    if (!verb.examples.empty()) {
        out += ".PP\nExamples:\n.PP\n.nf\n.RS 4\n";
        for (const auto& example : verb.examples) {
            out += troff(example.line) + (example.meaning.empty() ? "" : "  # " + troff(example.meaning)) + "\n";
        }
        out += ".RE\n.fi\n";
    }
    return out;
}

}  // namespace

std::string help_markdown() {
    std::string out =
        "# mccli\n\n<!-- Made by `mccli help --markdown` from src/cli/core/verb_table*.cpp; a test compares them. "
        "Don't edit by hand. -->\n\n";
    out += "```\nmccli [OPTION...] VERB [OPTION...] [OPERAND...]\n```\n\n| verb | |\n|---|---|\n";
    for (const auto& verb : verbs()) {
        if (verb.hidden) continue;
        std::string anchor(verb.name);
        std::replace(anchor.begin(), anchor.end(), ' ', '-');
        out += "| [`" + std::string(verb.name) + "`](#mccli-" + anchor + ") | " + cell(verb.summary) + " |\n";
    }
    out += "\n## Options of every verb\n\n" + markdown_options(nullptr, common_options());
    for (const auto& verb : verbs()) {
        if (!verb.hidden) out += markdown_verb(verb);
    }
    for (const auto& section : {owners_section, sources_section, keys_section, output_section, trouble_section}) {
        out += markdown_section(section);
    }
    out += "## Exit codes\n\n`ssh` and `exec` end with the code of their command.\n\n| code | meaning |\n|---|---|\n";
    for (const auto& text : exit_code_texts()) {
        out += "| " + std::to_string(text.code) + " | " + cell(text.meaning) + " |\n";
    }
    out += "\n" + markdown_json();
    while (out.ends_with("\n\n")) out.pop_back();
    return out;
}

std::string help_man(std::string_view version) {
    std::string out = ".\\\" Made by mccli help --man; don't edit by hand.\n.TH MCCLI 1 \"\" \"minicloud " +
                      std::string(version) +
                      "\" \"minicloud\"\n.SH NAME\nmccli \\- throw\\-away Linux boxes on the machines you have\n" +
                      ".SH SYNOPSIS\n.B mccli\n[OPTION...] VERB [OPTION...] [OPERAND...]\n.SH VERBS\n";
    for (const auto& verb : verbs()) {
        if (!verb.hidden) out += man_verb(verb);
    }
    out += ".SH OPTIONS\nOf every verb:\n" + man_options(common_options());
    out += ".SH WHOSE VMS\n" + man_paragraphs(owners_section.text);
    out += ".SH ENVIRONMENT AND FILES\n" + man_paragraphs(sources_section.text) + man_paragraphs(keys_section.text);
    out += ".SH OUTPUT\n" + man_paragraphs(output_section.text);
    out += ".SH TROUBLE AT THE BROKER\n" + man_paragraphs(trouble_section.text);
    out += ".SH EXIT STATUS\nssh and exec end with the code of their command.\n";
    for (const auto& text : exit_code_texts()) {
        out += ".TP\n.B " + std::to_string(text.code) + "\n" + troff(text.meaning) + "\n";
    }
    return out;
}

}  // namespace mc::cli

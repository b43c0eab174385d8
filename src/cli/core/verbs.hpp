#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

/// The one table of what mccli can do. `--help`, the man page, docs/cli.md, the
/// parser and "did you mean" are all made from it; nothing is written twice.
namespace mc::cli {

enum class VerbId {
    create,
    list,
    info,
    top,
    ssh,
    exec,
    start,
    stop,
    restart,
    remove,
    apply,
    diff,
    extend,
    rename,
    logs,
    copy,
    forward,
    proxy,
    ssh_config,
    host_key,
    nodes,
    node_info,
    cordon,
    uncordon,
    drain,
    forget,
    images,
    image_pull,
    image_remove,
    watch,
    job,
    jobs,
    cancel,
    keys,
    keys_revoke,
    tokens,
    token_create,
    token_revoke,
    audit,
    join,
    contexts,
    context_show,
    context_use,
    context_remove,
    config,
    config_get,
    config_set,
    config_unset,
    menu,
    completion,
    complete,
    doctor,
    version,
    help,
};

/// One option. In the environment it is MC_NAME and in the ini file `name =`; an
/// option of one verb has the verb before it there (MC_CREATE_IMAGE, `create-image =`),
/// so that a worker's MC_NODE does not decide where somebody's VM goes.
struct OptionSpec {
    std::string_view name{};
    char letter = 0;           ///< 0 = none
    std::string_view value{};  ///< what its value is called in the help; "" = a flag
    std::string_view help{};
    bool repeatable = false;
    bool hidden = false;

    [[nodiscard]] bool is_flag() const { return value.empty(); }
};

struct Example {
    std::string_view line{};
    std::string_view meaning{};
};

struct VerbSpec {
    VerbId id = VerbId::help;
    std::string_view name{};  ///< one word, or two: "nodes drain"
    std::vector<std::string_view> aliases{};
    std::string_view group{};        ///< heading in `mccli --help`
    std::string_view operands{};     ///< after the verb and its options in the usage line
    std::string_view summary{};      ///< one line, no full stop
    std::string_view description{};  ///< paragraphs, separated by an empty line
    std::vector<OptionSpec> options{};
    std::vector<Example> examples{};
    std::size_t operands_min = 0;
    std::size_t operands_max = 0;
    bool takes_command = false;  ///< what follows the last operand is a command, passed on as it is
    bool hidden = false;
};

/// In the order of the help. Static storage.
[[nodiscard]] const std::vector<VerbSpec>& verbs();

/// Options that every verb takes. Static storage.
[[nodiscard]] const std::vector<OptionSpec>& common_options();

/// The verb of that name or alias; nullptr when there is none.
[[nodiscard]] const VerbSpec* find_verb(std::string_view name);
/// The verb of two words that begins with `verb`, such as "nodes" and "drain"; nullptr when there is none.
[[nodiscard]] const VerbSpec* find_verb(const VerbSpec& verb, std::string_view second);
[[nodiscard]] const VerbSpec& verb_of(VerbId id);

/// The option of `verb` (nullptr = none yet) or of every verb with that name, or
/// that letter; nullptr when there is none.
[[nodiscard]] const OptionSpec* find_option(const VerbSpec* verb, std::string_view name);
[[nodiscard]] const OptionSpec* find_option(const VerbSpec* verb, char letter);

}  // namespace mc::cli

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "cli/core/command_line.hpp"
#include "cli/core/output.hpp"
#include "cli/core/selector.hpp"
#include "protocol/client_bodies.hpp"

/// What a command line asks for, checked: arguments in, requests out. Everything
/// that is wrong is found here, before anything is sent.
namespace mc::cli {

struct CommonOptions {
    std::string broker;   ///< "" = as the context says, or the usual place
    std::string context;  ///< "" = none was named
    OutputFormat output = OutputFormat::table;
    bool quiet = false;
    milliseconds connect_timeout{3000};
    std::string state_dir;  ///< "" = the user's default
};

/// Errors: usage, invalid_argument.
[[nodiscard]] Result<CommonOptions> read_common(const Settings& settings);

/// How long creates are waited for where nobody says: an engine makes one VM after the other, several at once.
[[nodiscard]] milliseconds create_timeout(std::size_t vms);

struct CreateCommand {
    protocol::CreateRequest request;  ///< without keys and password hash: those are read and made by the shell
    milliseconds timeout = limits::request_deadline_default;
    std::vector<std::string> key_files;
    bool password = false;
    bool many = false;               ///< -n or several names were given: the JSON is an array, even of one
    std::vector<std::string> names;  ///< expanded, each once; empty = the broker numbers them
    bool detach = false;
    std::string sheet;            ///< the file that credentials are written to; "" = none
    std::string setup_file;       ///< of the script that is run in each, "-" = stdin; "" = none
    bool dry_run = false;         ///< only say where they would be put
    bool all_or_nothing = false;  ///< keep none when one of them can't be made
};
/// `operands`: names or patterns of expand_names(). Errors: usage, invalid_argument.
[[nodiscard]] Result<CreateCommand> read_create(const Settings& settings, std::span<const std::string> operands);

/// The requests that carry out `command`: one for each VM that has a name or a password of its own, else one for all.
/// `hashes` has a hash for each VM with --password, else none.
[[nodiscard]] std::vector<protocol::CreateRequest> requests_of(const CreateCommand& command,
                                                               const std::vector<std::string>& hashes);

/// What asks where the VMs of `command` would be put.
[[nodiscard]] protocol::PlacementRequest placement_of(const CreateCommand& command);

struct ActionCommand {
    protocol::Verb verb = protocol::Verb::start;
    protocol::ActionRequest request;  ///< its targets are the names that were given
    milliseconds timeout = limits::request_deadline_default;
    std::vector<std::string> globs;
    std::optional<Selector> selector;
    bool all = false;
    bool yes = false;
    std::string file;                ///< of delete: the file of VMs that says which, "-" = stdin; "" = none
    protocol::UpdateRequest update;  ///< of extend, without its targets

    [[nodiscard]] protocol::Bytes body(std::vector<std::string> targets) const;
    /// Whether VMs are to be chosen from the list, besides those that are named.
    [[nodiscard]] bool chooses() const { return !globs.empty() || selector || all; }
};
/// start, stop, restart, delete, extend. A name given twice counts once. Errors: usage (also: nothing is chosen),
/// invalid_argument.
[[nodiscard]] Result<ActionCommand> read_action(VerbId verb, const Settings& settings,
                                                std::span<const std::string> operands);

/// rename: a VM and its new name. Error: invalid_argument.
[[nodiscard]] Result<protocol::UpdateRequest> read_rename(std::span<const std::string> operands);

struct NodeActionCommand {
    protocol::Verb verb = protocol::Verb::cordon;
    protocol::NodeActionRequest request;
    milliseconds timeout = limits::request_deadline_default;
};
/// cordon, uncordon, drain, forget. A name given twice counts once. Errors: usage, invalid_argument.
[[nodiscard]] Result<NodeActionCommand> read_node_action(VerbId verb, const Settings& settings,
                                                         std::span<const std::string> operands);

/// The one VM that a verb is about: a name, OWNER/NAME or an id. Error: invalid_argument.
[[nodiscard]] Result<std::string> read_target(std::span<const std::string> operands);

/// By which way OpenSSH reaches a VM.
enum class SshRoute {
    automatic,  ///< its address if that takes a connection, else the broker
    direct,
    broker,
};

/// What every verb that runs an OpenSSH client asks for.
struct SshLogin {
    std::string target;
    std::vector<std::string> identities;
    std::string user;  ///< "" = as the VM says
    SshRoute route = SshRoute::automatic;
};

struct SshCommand {
    SshLogin login;
    bool tty = false;
    std::vector<std::string> command;
};
[[nodiscard]] Result<SshCommand> read_ssh(const Settings& settings, const CommandLine& line);

struct CopyCommand {
    SshLogin login;
    bool to_vm = false;  ///< else from it
    bool recursive = false;
    bool preserve = false;
    std::vector<std::string> sources;  ///< as scp takes them: in the VM or here, without the VM's name
    std::string destination;
};
/// One side is NAME:PATH, with one NAME; a path here with a colon needs ./ before it. Errors: usage, invalid_argument.
[[nodiscard]] Result<CopyCommand> read_copy(const Settings& settings, std::span<const std::string> operands);

/// Its target is "". Errors: usage, invalid_argument.
[[nodiscard]] Result<SshLogin> read_ssh_config(const Settings& settings);

struct Forward {
    std::uint16_t here = 0;
    std::uint16_t there = 0;

    bool operator==(const Forward&) const = default;
};
struct ForwardCommand {
    SshLogin login;
    std::string address;  ///< to listen at
    std::vector<Forward> forwards;
};
/// NAME and ports, each HERE:THERE or one number for both. Errors: usage, invalid_argument.
[[nodiscard]] Result<ForwardCommand> read_forward(const Settings& settings, std::span<const std::string> operands);

enum class TtyWish { automatic, yes, no };

struct ExecCommand {
    std::string target;
    protocol::ExecSpec spec;  ///< tty, input, rows and columns are the shell's to fill in
    TtyWish tty = TtyWish::automatic;
    bool interactive = false;
};
[[nodiscard]] Result<ExecCommand> read_exec(const Settings& settings, const CommandLine& line);

struct LogsCommand {
    std::string target;
    protocol::LogsSpec spec;
};
[[nodiscard]] Result<LogsCommand> read_logs(const Settings& settings, std::span<const std::string> operands,
                                            WallTime now);

/// nullopt = from now on.
[[nodiscard]] Result<std::optional<EventSeq>> read_watch(const Settings& settings);

[[nodiscard]] Result<RequestId> read_request_id(std::span<const std::string> operands);

}  // namespace mc::cli

#pragma once

#include "cli/core/vm_file.hpp"
#include "cli/shell/app.hpp"
#include "protocol/image_bodies.hpp"

/// The verbs. Each returns the process's exit code and has said everything.
namespace mc::cli {

int run_create(App& app);
int run_list(App& app);
int run_info(App& app);
int run_top(App& app);
struct ListCommand;
/// `list --watch`, until Ctrl-C.
int watch_list(App& app, const ListCommand& command);
int run_action(App& app, VerbId verb);
int run_apply(App& app);
int run_diff(App& app);
int run_rename(App& app);
int run_ssh(App& app);
int run_copy(App& app);
int run_forward(App& app);
int run_proxy(App& app);
int run_ssh_config(App& app);
int run_host_key(App& app);
int run_exec(App& app);
int run_logs(App& app);
int run_nodes(App& app);
int run_node_info(App& app);
int run_node_action(App& app, VerbId verb);
int run_images(App& app);
int run_image_action(App& app, protocol::ImageAction action);
int run_watch(App& app);
int run_job(App& app);
int run_jobs(App& app);
int run_cancel(App& app);
int run_keys(App& app);
int run_keys_revoke(App& app);
int run_tokens(App& app);
int run_token_create(App& app);
int run_token_revoke(App& app);
int run_audit(App& app);
int run_join(App& app);
int run_contexts(App& app);
int run_context_show(App& app);
int run_context_use(App& app);
int run_context_remove(App& app);
int run_config(App& app);
int run_config_get(App& app);
int run_config_set(App& app);
int run_config_unset(App& app);
int run_menu(App& app);
int run_completion(App& app);
int run_complete(App& app);
int run_doctor(App& app);
int run_version(App& app);

/// A shell in `target` through exec, as run_ssh falls back to it; `argv` empty = a login shell.
int run_exec_in(App& app, const std::string& target, const std::vector<std::string>& argv, bool tty);

/// The bytes of stdin and stdout to and from the sshd of `target`, through the broker, until either end is done.
int run_tunnel(App& app, const std::string& target);

/// The options of all verbs, by their names in the ini file, from all sources.
struct AllSettings {
    Settings settings;
    std::string file;         ///< the ini file that was read; "" = none
    bool file_named = false;  ///< by --config or $MC_CONFIG
};
/// Error: usage.
[[nodiscard]] Result<AllSettings> settings_of_all_verbs(const CommandLine& line);

/// The path of this program; "mccli" when that can't be told.
[[nodiscard]] std::string own_program();
/// Puts what this run was told about the broker into the environment, for another mccli that this one's successor runs.
void lend_options(const CommonOptions& options);

/// One request about several VMs, nodes or keys, called as in `targets`: asked, its items printed, what failed
/// reported.
int run_items(App& app, protocol::Verb verb, const std::vector<std::string>& targets, protocol::Bytes body,
              const CallOptions& call);

/// Does the one action to all of `choice`, in as many requests as it takes, and adds their results to `items`. After an
/// error, as of App::call, those that are not in `items` have none.
struct Choice;
[[nodiscard]] Result<void> act_on(App& app, const ActionCommand& command, const Choice& choice,
                                  std::vector<protocol::ItemResult>& items);

/// Whether there is somebody to ask on the terminal.
[[nodiscard]] bool can_ask();
/// Asks. nullopt = there is nobody.
[[nodiscard]] std::optional<bool> is_meant(const std::string& question);

/// A file of VMs, and the cloud that it is about.
struct KnownFile {
    VmFile file;
    std::string me;  ///< who owns the VMs that the file is about
    std::vector<protocol::VmView> vms;
};
/// `path`: "-" = stdin. Errors: invalid_argument (also: there is no such file; that sentence ends with `advice`),
/// io_failed, and as App::call.
[[nodiscard]] Result<KnownFile> look_at(App& app, const std::string& path, std::string_view advice = "");

/// Says what failed, item by item, and finds the exit code of the whole.
int report_items(const App& app, const std::vector<protocol::ItemResult>& items);

/// "creating 30 VMs", for the spinner.
[[nodiscard]] std::string progress_of(protocol::Verb verb, std::size_t count, const std::string& name);

/// All VMs, page by page. Errors: as App::call.
[[nodiscard]] Result<std::vector<protocol::VmView>> list_all(App& app, const CallOptions& options = {});

/// The names of the images on all nodes, each once; empty when that can't be told.
[[nodiscard]] std::vector<std::string> image_names(App& app, const CallOptions& options);

/// Says which of `patterns` mean none of `vms` because they were mistyped, and finds the exit code of a listing that
/// shows something of what was asked for, or nothing.
int report_unmatched(const App& app, const std::vector<std::string>& patterns, const std::vector<protocol::VmView>& vms,
                     bool shows_some);

/// Reports `error` about the VM `target`; for one that does not exist with the name
/// that was probably meant, if there is a near one.
int report_about(App& app, const std::string& target, Error error);

}  // namespace mc::cli

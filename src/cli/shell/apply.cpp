#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/version.hpp"
#include "cli/core/apply_commands.hpp"
#include "cli/core/plan_views.hpp"
#include "cli/core/vm_filter.hpp"
#include "cli/core/yaml_tree.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/creating.hpp"
#include "io/files.hpp"
#include "io/password.hpp"

/// apply, diff; what delete --file knows of its file.
namespace mc::cli {
namespace {

using protocol::ItemResult;
using protocol::Verb;

Result<VmFile> read_file_at(const std::string& path, std::string_view advice) {
    const std::string called = path == "-" ? "stdin" : path;
    const auto text = path == "-" ? io::read_stdin(yaml_bytes_max) : io::read_file(path, yaml_bytes_max);
    if (text) return read_vm_file(*text, called);
    switch (text.error().code) {
        case ErrorCode::not_found:
            return fail(ErrorCode::invalid_argument, "there is no file " + path + std::string(advice));
        case ErrorCode::too_large:
            return fail(ErrorCode::invalid_argument, called + " is over 1 MiB: split it into several files");
        default:
            return fail(text.error());
    }
}

/// What is to be made, in the order of the plan.
struct Making {
    std::vector<std::size_t> indices;  ///< in the plan
    std::vector<protocol::CreateRequest> requests;
    std::vector<std::string> passwords;  ///< "" = none
};

/// All that can fail before anything is done. Errors: as keys_for_vms(), hashes_of(), setup_script(), of which the last
/// asks the broker.
Result<Making> prepare(App& app, const KnownFile& known, const std::vector<PlanItem>& plan, const std::string& file) {
    Making out;
    const std::string home = io::home_dir();
    std::map<std::vector<std::string>, std::vector<std::string>> keys;  // of key files; each list is read once
    std::map<std::string, std::string> scripts;                         // of set-up files, likewise
    for (std::size_t i = 0; i < plan.size(); ++i) {
        if (plan[i].action != PlanAction::create && plan[i].action != PlanAction::replace) continue;
        const auto& command = known.file.vms[plan[i].index].command;
        auto found = keys.find(command.key_files);
        if (found == keys.end()) {
            std::vector<std::string> paths;
            for (const auto& key : command.key_files) paths.push_back(key_path(key, file, home));
            auto lines = keys_for_vms(app, paths);
            if (!lines) return fail(lines.error());
            found = keys.emplace(command.key_files, std::move(*lines)).first;
        }
        auto request = command.request;
        request.spec.authorized_keys = found->second;
        if (!command.setup_file.empty()) {
            const auto path = key_path(command.setup_file, file, home);
            if (!scripts.contains(path)) {
                auto script = setup_script(app, path);
                if (!script) return fail(script.error());
                scripts[path] = std::move(*script);
            }
            request.setup = scripts[path];
        }
        out.passwords.emplace_back();
        if (command.password) {
            out.passwords.back() = io::random_password();
            const auto hash = hashes_of({out.passwords.back()});
            if (!hash) return fail(hash.error());
            request.spec.password_hash = hash->front();
        }
        out.indices.push_back(i);
        out.requests.push_back(std::move(request));
    }
    return out;
}

/// Deletes what the plan deletes; the result of each is its item, also when it was not asked for.
void carry_out_deletes(App& app, const ApplyCommand& command, Applied& applied) {
    ActionCommand action;
    action.verb = Verb::remove;
    if (command.timeout) action.timeout = *command.timeout;
    Choice choice;
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < applied.plan.size(); ++i) {
        if (!deletes(applied.plan[i])) continue;
        indices.push_back(i);
        choice.targets.push_back(applied.plan[i].vm->id.str());
        choice.called.push_back(applied.plan[i].name);
    }
    std::vector<ItemResult> items;
    const auto ended = act_on(app, action, choice, items);
    for (std::size_t n = 0; n < indices.size(); ++n) {
        auto& item = applied.items[indices[n]];
        if (n < items.size())
            item = std::move(items[n]);
        else if (!ended)
            item = {choice.called[n], ended.error().code, ended.error().message, std::nullopt};
        // Somebody else's delete is as good.
        if (item.code == ErrorCode::not_found) item = {choice.called[n], ErrorCode::ok, "", std::nullopt};
    }
}

/// Makes what is to be made, save instead of what could not be deleted.
void carry_out_creates(App& app, const ApplyCommand& command, Making making, Applied& applied) {
    std::vector<protocol::CreateRequest> requests;
    std::vector<std::size_t> which;  // in `making`
    for (std::size_t n = 0; n < making.indices.size(); ++n) {
        auto& item = applied.items[making.indices[n]];
        // Ctrl-C during the deletes is about all of it.
        if (app.interrupted() && item.code == ErrorCode::ok) {
            item.code = ErrorCode::cancelled;
            item.message = "interrupted before it was asked for";
        }
        if (item.code != ErrorCode::ok) continue;
        which.push_back(n);
        requests.push_back(std::move(making.requests[n]));
    }
    const auto outcomes = call_creates(app, requests, command.timeout.value_or(create_timeout(requests.size())), false);
    for (std::size_t k = 0; k < which.size(); ++k) {
        const std::size_t index = making.indices[which[k]];
        auto& item = applied.items[index];
        item = items_of(requests[k], outcomes[k].reply).front();
        if (item.target.empty()) item.target = applied.plan[index].name;
        if (item.code == ErrorCode::ok)
            applied.passwords[index] = making.passwords[which[k]];
        else if (applied.plan[index].action == PlanAction::replace)
            item.message += " (the one before is deleted)";
    }
}

/// Each item as it is before anything is done.
Applied begun(std::vector<PlanItem> plan) {
    Applied out;
    for (const auto& item : plan) {
        const bool differs = item.action == PlanAction::differs;
        out.items.push_back(differs ? left_alone(item) : ItemResult{item.name, ErrorCode::ok, "", item.vm});
    }
    out.passwords.resize(plan.size());
    out.plan = std::move(plan);
    return out;
}

bool is_table(const App& app) {
    return app.options().output == OutputFormat::table || app.options().output == OutputFormat::wide;
}

/// Whether what the plan deletes is to be deleted. False: not, which was said.
bool may_begin(const App& app, const ApplyCommand& command, const std::vector<PlanItem>& plan) {
    std::vector<std::string> names;
    for (const auto& item : plan) {
        if (deletes(item)) names.push_back(item.name);
    }
    if (command.yes || names.empty()) return true;
    if (is_meant(confirmation("delete", names)).value_or(false)) return true;
    app.report({ErrorCode::cancelled, "nothing was done"});
    return false;
}

int carry_out(App& app, const ApplyCommand& command, const KnownFile& known, std::vector<PlanItem> plan) {
    auto making = prepare(app, known, plan, command.file);
    if (!making) return app.report(making.error());
    const std::string file = making->requests.empty() ? "" : command.sheet;
    if (file.empty() && !command.sheet.empty()) app.remark("there is no VM to be made, and no sheet of them");
    if (const auto sheet = begin_sheet(file); !sheet) return app.report(sheet.error());
    Applied applied = begun(std::move(plan));
    if (std::any_of(applied.plan.begin(), applied.plan.end(), deletes)) carry_out_deletes(app, command, applied);
    carry_out_creates(app, command, std::move(*making), applied);
    std::vector<ItemResult> made;
    std::vector<std::string> passwords;
    for (std::size_t i = 0; i < applied.plan.size(); ++i) {
        if (applied.plan[i].action != PlanAction::create && applied.plan[i].action != PlanAction::replace) continue;
        made.push_back(applied.items[i]);
        passwords.push_back(applied.passwords[i]);
    }
    const bool on_sheet = finish_sheet(app, file, made, passwords);
    app.show(view_applied(applied, !on_sheet, app.options().quiet));
    return report_items(app, applied.items);
}

}  // namespace

Result<KnownFile> look_at(App& app, const std::string& path, std::string_view advice) {
    auto file = read_file_at(path, advice);
    if (!file) return fail(file.error());
    const auto hello =
        app.ask<protocol::HelloReply>(Verb::hello, protocol::encode(protocol::HelloRequest{mc::version}));
    if (!hello) return fail(hello.error());
    auto vms = list_all(app);
    if (!vms) return fail(vms.error());
    return KnownFile{std::move(*file), hello->name, std::move(*vms)};
}

int run_diff(App& app) {
    // Code 1 says that there is something to do, and nothing else.
    const auto report = [&](const Error& error) {
        const int code = static_cast<int>(exit_code_for(error.code));
        return app.report(error, code == 1 ? ExitCode::usage : exit_code_for(error.code));
    };
    const auto command = read_apply(VerbId::diff, app.settings());
    if (!command) return report(command.error());
    const auto known = look_at(app, command->file);
    if (!known) return report(known.error());
    auto plan = make_plan(known->file, known->vms, {known->me, command->replace, command->prune});
    const bool changes = std::any_of(plan.begin(), plan.end(), is_change);
    if (app.options().output == OutputFormat::name || (is_table(app) && app.options().quiet)) {
        std::erase_if(plan, [](const PlanItem& item) { return !is_change(item); });
    }
    app.show(view_plan(plan));
    return changes ? 1 : 0;
}

int run_apply(App& app) {
    const auto command = read_apply(VerbId::apply, app.settings());
    if (!command) return app.report(command.error());
    if (command->may_delete() && !command->dry_run && !command->yes && !can_ask()) {
        return app.report(
            {ErrorCode::usage, "--replace and --prune delete VMs, and there is no terminal to ask on: give -y too"});
    }
    const auto known = look_at(app, command->file);
    if (!known) return app.report(known.error());
    auto plan = make_plan(known->file, known->vms, {known->me, command->replace, command->prune});
    if (command->dry_run) return app.show(view_plan(plan));
    if (is_table(app) && !app.options().quiet) app.show(view_plan(plan));
    if (!may_begin(app, *command, plan)) return static_cast<int>(ExitCode::failed);
    return carry_out(app, *command, *known, std::move(plan));
}

}  // namespace mc::cli

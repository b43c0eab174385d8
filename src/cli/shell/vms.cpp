#include <unistd.h>

#include <algorithm>

#include "cli/core/listings.hpp"
#include "cli/core/targets.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/pages.hpp"
#include "cli/shell/user_keys.hpp"
#include "io/clock.hpp"
#include "io/password.hpp"

/// create, list, info, start, stop, restart, delete.
namespace mc::cli {
namespace {

using protocol::ItemResult;
using protocol::ItemsReply;
using protocol::Verb;

/// Says what failed, item by item, and finds the exit code of the whole.
int report_items(const App& app, const std::vector<ItemResult>& items) {
    std::size_t failed = 0;
    ErrorCode first = ErrorCode::ok;
    for (const auto& item : items) {
        if (item.code == ErrorCode::ok) continue;
        if (failed++ == 0) first = item.code;
        // The broker's sentences name the VM; a bare one gets its name put before it.
        const bool named = item.message.find(item.target) != std::string::npos;
        std::string why = item.message.empty() ? std::string(name_of(item.code)) : item.message;
        // The request has ended with this: there is nothing more to ask it.
        if (item.code == ErrorCode::deadline_exceeded) {
            why += "; whether it happened all the same tells `mccli info " + item.target + "`";
        }
        app.report(Error{item.code, named || item.target.empty() ? why : item.target + ": " + why});
    }
    if (failed == 0) return static_cast<int>(ExitCode::ok);
    return static_cast<int>(failed == items.size() ? exit_code_for(first) : ExitCode::partly_failed);
}

void print_created(const App& app, const CreateCommand& command, const std::vector<ItemResult>& items,
                   const std::string& password) {
    const bool any =
        std::any_of(items.begin(), items.end(), [](const ItemResult& i) { return i.code == ErrorCode::ok; });
    if (!any && !command.many) return;
    const auto text = [&](const TextStyle& style) {
        if (app.options().quiet) return text_created_names(items, password);
        if (!command.many && items.front().vm) return text_created(*items.front().vm, password);
        return text_created_all(items, password, style);
    };
    app.show(
        {.json =
             [&] { return command.many ? json_created_all(items, password) : json_created(items.front(), password); },
         .text = text,
         .objects = {"vm", "create"}});
}

/// To the sentences about VMs that are not there, which ones were probably meant.
void suggest_targets(App& app, std::vector<ItemResult>& items) {
    const auto is_not_there = [](const ItemResult& item) { return item.code == ErrorCode::not_found; };
    if (std::none_of(items.begin(), items.end(), is_not_there)) return;
    const auto vms = list_all(app);
    if (!vms) return;
    for (auto& item : items) {
        if (is_not_there(item)) item.message += did_you_mean(item.target, *vms);
    }
}

std::string progress_of(Verb verb, std::size_t count, const std::string& name) {
    std::string word = "creating";
    if (verb == Verb::start) word = "starting";
    if (verb == Verb::stop) word = "stopping";
    if (verb == Verb::restart) word = "restarting";
    if (verb == Verb::remove) word = "deleting";
    if (count > 1) return word + " " + std::to_string(count) + " VMs";
    return word + " " + (name.empty() ? "a VM" : name);
}

}  // namespace

int run_create(App& app) {
    auto command = read_create(app.settings(), app.line().operands);
    if (!command) return app.report(command.error());
    auto& spec = command->request.spec;
    auto keys = keys_to_install(app, command->key_files);
    if (!keys) return app.report(keys.error());
    spec.authorized_keys = std::move(*keys);
    if (spec.authorized_keys.size() > limits::keys_max) {
        return app.report(
            Error{ErrorCode::invalid_argument, "there are more than 64 SSH keys in ~/.ssh; choose with --key FILE"});
    }
    std::string password;
    if (command->password) {
        password = io::random_password();
        auto hash = io::hash_password_sha512(password);
        if (!hash) return app.report(hash.error());
        spec.password_hash = std::move(*hash);
    }
    const CallOptions call{command->timeout, progress_of(Verb::create, command->request.count, spec.name), "create"};
    const auto reply = app.ask<ItemsReply>(Verb::create, protocol::encode(command->request), call);
    if (!reply) return app.report(reply.error());
    print_created(app, *command, reply->items, password);
    return report_items(app, reply->items);
}

int run_action(App& app, VerbId verb) {
    const auto command = read_action(verb, app.settings(), app.line().operands);
    if (!command) return app.report(command.error());
    const auto& targets = command->request.targets;
    const std::string what(name_of(command->verb));
    return run_items(app, command->verb, targets, protocol::encode(command->request),
                     {command->timeout, progress_of(command->verb, targets.size(), targets.front()), what});
}

int run_items(App& app, Verb verb, const std::vector<std::string>& targets, protocol::Bytes body,
              const CallOptions& call) {
    auto reply = app.ask<ItemsReply>(verb, std::move(body), call);
    if (!reply) return app.report(reply.error());
    name_as_asked(reply->items, targets);
    if (verb == Verb::start || verb == Verb::stop || verb == Verb::restart || verb == Verb::remove) {
        suggest_targets(app, reply->items);
    }
    const auto done = done_word(verb);
    const bool table = app.options().output == OutputFormat::table || app.options().output == OutputFormat::wide;
    if (!table || !app.options().quiet) app.show(view_items(reply->items, done));
    return report_items(app, reply->items);
}

Result<std::vector<protocol::VmView>> list_all(App& app) {
    return ask_pages<protocol::ListRequest>(app, Verb::list, &protocol::ListReply::vms);
}

int run_list(App& app) {
    const auto vms = list_all(app);
    if (!vms) return app.report(vms.error());
    return app.show(view_vms(*vms, io::read_clock().wall));
}

int report_about(App& app, const std::string& target, Error error) {
    if (error.code == ErrorCode::not_found && error.message.find("did you mean") == std::string::npos) {
        if (const auto vms = list_all(app)) error.message += did_you_mean(target, *vms);
    }
    return app.report(error);
}

int run_info(App& app) {
    const auto target = read_target(app.line().operands);
    if (!target) return app.report(target.error());
    const auto reply = app.ask<protocol::InfoReply>(Verb::info, protocol::encode(protocol::InfoRequest{*target}));
    if (!reply) return report_about(app, *target, reply.error());
    return app.show(view_vm(reply->vm, io::read_clock().wall));
}

}  // namespace mc::cli

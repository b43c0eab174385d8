#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>

#include "cli/core/listings.hpp"
#include "cli/core/targets.hpp"
#include "cli/core/vm_filter.hpp"
#include "cli/core/vm_plan.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/pages.hpp"
#include "cli/shell/terminal.hpp"
#include "io/clock.hpp"

/// list, info, start, stop, restart, delete.
namespace mc::cli {

int report_items(const App& app, const std::vector<protocol::ItemResult>& items) {
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
    if (app.interrupted()) return static_cast<int>(ExitCode::interrupted);
    return static_cast<int>(failed == items.size() ? exit_code_for(first) : ExitCode::partly_failed);
}

std::string progress_of(protocol::Verb verb, std::size_t count, const std::string& name) {
    std::string word = "creating";
    if (verb == protocol::Verb::start) word = "starting";
    if (verb == protocol::Verb::stop) word = "stopping";
    if (verb == protocol::Verb::restart) word = "restarting";
    if (verb == protocol::Verb::remove) word = "deleting";
    if (verb == protocol::Verb::update) word = "updating";
    if (count > 1) return word + " " + std::to_string(count) + " VMs";
    return word + " " + (name.empty() ? "a VM" : name);
}

namespace {

using protocol::ItemResult;
using protocol::ItemsReply;
using protocol::Verb;

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

/// What is shown of a request's items, what is said of those that failed, and the exit code.
int finish_items(App& app, Verb verb, std::vector<ItemResult>& items) {
    if (verb == Verb::start || verb == Verb::stop || verb == Verb::restart || verb == Verb::remove ||
        verb == Verb::update) {
        suggest_targets(app, items);
    }
    const bool table = app.options().output == OutputFormat::table || app.options().output == OutputFormat::wide;
    if (!table || !app.options().quiet) app.show(view_items(items, done_word(verb)));
    return report_items(app, items);
}

/// Those of a file of VMs, by their ids.
Result<Choice> choose_of_file(App& app, const ActionCommand& command) {
    const auto known = look_at(app, command.file, "; to delete without being asked: --yes (-y)");
    if (!known) return fail(known.error());
    const auto found = targets_of(known->file, known->vms, known->me);
    Choice out;
    for (const auto& vm : found.vms) {
        out.targets.push_back(vm.id.str());
        out.called.push_back(vm.name);
    }
    if (!found.missing.empty() && !out.targets.empty()) {
        app.remark(std::to_string(found.missing.size()) + " of the file's " + std::to_string(known->file.vms.size()) +
                   " VMs are not there");
    }
    return out;
}

/// The VMs that `command` is about; nullopt when it is not to happen, which was said then.
std::optional<Choice> resolve(App& app, const ActionCommand& command, int& exit_code) {
    const bool of_file = !command.file.empty();
    if (!of_file && !command.chooses()) return Choice{command.request.targets, command.request.targets, {}};
    const auto refused = [&](const Error& error) {
        exit_code = app.report(error);
        return std::nullopt;
    };
    Result<Choice> found;
    // First: what -f means elsewhere, without asking, is most likely meant where there is no such file.
    if (of_file) found = choose_of_file(app, command);
    if (!found) return refused(found.error());
    if (!command.yes && !can_ask()) {
        return refused({ErrorCode::usage,
                        "a pattern, -l, --all or a file may mean many VMs, and there is no terminal to ask on: give -y "
                        "too, or names"});
    }
    if (!of_file) {
        const auto vms = list_all(app);
        if (!vms) return refused(vms.error());
        found = choose(command, *vms);
    }
    Choice choice = std::move(*found);
    const bool asks = !command.yes && choice.called.size() > 1;
    if (asks && !is_meant(confirmation(verb_of(app.line().verb->id).name, choice.called)).value_or(false)) {
        exit_code = app.report({ErrorCode::cancelled, "nothing was done"});
        return std::nullopt;
    }
    return choice;
}

}  // namespace

bool can_ask() {
    return is_terminal(STDIN_FILENO) && is_terminal(STDERR_FILENO);
}

std::optional<bool> is_meant(const std::string& question) {
    if (!can_ask()) return std::nullopt;
    std::cerr << "mccli: " << question << " [y/N] " << std::flush;
    std::string answer;
    return std::getline(std::cin, answer) && (answer == "y" || answer == "Y" || answer == "yes");
}

Result<void> act_on(App& app, const ActionCommand& command, const Choice& choice, std::vector<ItemResult>& items) {
    const std::string what(name_of(command.verb));
    for (std::size_t first = 0; first < choice.targets.size(); first += limits::batch_max) {
        const auto size = std::min(limits::batch_max, choice.targets.size() - first);
        const auto part = [&](const std::vector<std::string>& all) {
            const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
            return std::vector<std::string>(begin, begin + static_cast<std::ptrdiff_t>(size));
        };
        const auto called = part(choice.called);
        auto reply = app.ask<ItemsReply>(command.verb, command.body(part(choice.targets)),
                                         {command.timeout, progress_of(command.verb, size, called.front()), what});
        if (!reply) return fail(reply.error());
        name_as_asked(reply->items, called);
        std::move(reply->items.begin(), reply->items.end(), std::back_inserter(items));
    }
    return {};
}

int run_action(App& app, VerbId verb) {
    const auto command = read_action(verb, app.settings(), app.line().operands);
    if (!command) return app.report(command.error());
    int exit_code = 0;
    const auto choice = resolve(app, *command, exit_code);
    if (!choice) return exit_code;
    std::vector<ItemResult> items;
    for (const auto& glob : choice->unmatched_globs) {
        items.push_back({glob, ErrorCode::not_found, glob + ": no VM has a name like that", std::nullopt});
    }
    if (items.empty() && choice->targets.empty())
        app.remark("no VM fits: there is nothing to " + std::string(app.line().verb->name));
    const auto ended = act_on(app, *command, *choice, items);
    if (!ended) {
        // What was done so far has its results; the rest was not asked for.
        if (!items.empty()) finish_items(app, command->verb, items);
        return app.report(ended.error());
    }
    return finish_items(app, command->verb, items);
}

int run_rename(App& app) {
    const auto request = read_rename(app.line().operands);
    if (!request) return app.report(request.error());
    return run_items(app, Verb::update, request->targets, protocol::encode(*request),
                     {limits::request_deadline_default, "", "rename"});
}

int run_items(App& app, Verb verb, const std::vector<std::string>& targets, protocol::Bytes body,
              const CallOptions& call) {
    auto reply = app.ask<ItemsReply>(verb, std::move(body), call);
    if (!reply) return app.report(reply.error());
    name_as_asked(reply->items, targets);
    return finish_items(app, verb, reply->items);
}

Result<std::vector<protocol::VmView>> list_all(App& app, const CallOptions& options) {
    return ask_pages<protocol::ListRequest>(app, Verb::list, &protocol::ListReply::vms, options);
}

int report_unmatched(const App& app, const std::vector<std::string>& patterns, const std::vector<protocol::VmView>& vms,
                     bool shows_some) {
    const auto missing = unmatched(patterns, vms);
    for (const auto& name : missing) {
        app.report(Error{ErrorCode::not_found, "there is no VM " + name + did_you_mean(name, vms)});
    }
    if (missing.empty()) return 0;
    return static_cast<int>(shows_some ? ExitCode::partly_failed : ExitCode::not_found);
}

int run_list(App& app) {
    const auto command = read_list(app.settings(), app.line().operands);
    if (!command) return app.report(command.error());
    if (command->watch) return watch_list(app, *command);
    const auto vms = list_all(app);
    if (!vms) return app.report(vms.error());
    const auto shown = chosen(*command, *vms);
    const auto missing = unmatched(command->filter.patterns, *vms);
    View view = view_vms(shown, io::read_clock().wall);
    if (!vms->empty()) view.none = "no VM fits";
    if (missing.empty() || !shown.empty() || app.for_programs()) app.show(view);
    return report_unmatched(app, command->filter.patterns, *vms, !shown.empty());
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

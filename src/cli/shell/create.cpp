#include <algorithm>

#include "cli/core/listings.hpp"
#include "cli/core/placement_views.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/creating.hpp"
#include "io/password.hpp"

/// create.
namespace mc::cli {
namespace {

using protocol::ItemResult;
using Passwords = std::vector<std::string>;

void print_created(const App& app, const CreateCommand& command, const std::vector<ItemResult>& items,
                   const Passwords& passwords, bool on_sheet) {
    const bool any =
        std::any_of(items.begin(), items.end(), [](const ItemResult& i) { return i.code == ErrorCode::ok; });
    if (!any && !command.many) return;
    const std::string first = passwords.empty() ? "" : passwords.front();
    // What is on the sheet need not be on the screen.
    const Passwords shown = on_sheet ? Passwords{} : passwords;
    const auto text = [&](const TextStyle& style) {
        if (app.options().quiet) return text_created_names(items, shown);
        if (!command.many && items.front().vm) return text_created(*items.front().vm, shown.empty() ? "" : first);
        return text_created_all(items, shown, style);
    };
    app.show(
        {.json = [&] { return command.many ? json_created_all(items, passwords) : json_created(items.front(), first); },
         .text = text,
         .objects = {"vm", "create"}});
}

int report_detached(const App& app, const std::vector<protocol::CreateRequest>& requests,
                    const std::vector<CallOutcome>& outcomes) {
    std::vector<Accepted> accepted;
    std::vector<ItemResult> failed;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const auto& name = requests[i].spec.name;
        if (outcomes[i].detached) {
            accepted.push_back({name, outcomes[i].id});
            continue;
        }
        // A reply may be quicker than the word that it is coming; mostly, because nothing came of it.
        const auto items = items_of(requests[i], outcomes[i].reply);
        const auto is_bad = [](const ItemResult& item) { return item.code != ErrorCode::ok; };
        if (std::none_of(items.begin(), items.end(), is_bad)) accepted.push_back({name, outcomes[i].id});
        std::copy_if(items.begin(), items.end(), std::back_inserter(failed), is_bad);
    }
    app.show({.json = [&] { return json_accepted(accepted); },
              .text = [&](const TextStyle&) { return text_accepted(accepted); },
              .objects = {"accepted"},
              .name_field = "request"});
    const int code = report_items(app, failed);
    return failed.empty() || accepted.empty() ? code : static_cast<int>(ExitCode::partly_failed);
}

Result<protocol::PlacementReply> ask_placement(App& app, const CreateCommand& command) {
    return app.ask<protocol::PlacementReply>(protocol::Verb::placement, protocol::encode(placement_of(command)));
}

/// `create --dry-run`.
int show_placement(App& app, const CreateCommand& command) {
    const auto placement = ask_placement(app, command);
    if (!placement) return app.report(placement.error());
    app.show(view_placement(*placement));
    return report_items(app, items_of(*placement));
}

/// Whether there is room for all. Nothing is reserved: a create may still fail.
Result<void> have_room(App& app, const CreateCommand& command) {
    const auto placement = ask_placement(app, command);
    if (!placement) return fail(placement.error());
    const auto& items = placement->items;
    const auto bad = [](const auto& item) { return item.code != ErrorCode::ok; };
    const auto failed = std::count_if(items.begin(), items.end(), bad);
    if (failed == 0) return {};
    const auto& first = *std::find_if(items.begin(), items.end(), bad);
    return fail(first.code, "none is made, as " + std::to_string(failed) + " of " + std::to_string(items.size()) +
                                " can't be: " + first.message);
}

/// Removes what was made when something was not. Those items are failures then, too.
void keep_all_or_none(App& app, std::vector<ItemResult>& items) {
    const auto made = [](const ItemResult& item) { return item.code == ErrorCode::ok && item.vm; };
    // Who ended the waiting may want what was made so far; what has no answer may still be made.
    if (std::all_of(items.begin(), items.end(), made) || app.interrupted()) return;
    protocol::ActionRequest removal;
    std::vector<ItemResult*> withdrawn;
    for (auto& item : items) {
        if (!made(item)) continue;
        removal.targets.push_back(item.vm->id.str());
        withdrawn.push_back(&item);
    }
    if (withdrawn.empty()) return;
    const auto reply = app.ask<protocol::ItemsReply>(
        protocol::Verb::remove, protocol::encode(removal),
        {limits::request_deadline_default, progress_of(protocol::Verb::remove, withdrawn.size(), ""), "delete"});
    for (std::size_t i = 0; i < withdrawn.size(); ++i) {
        const bool gone = reply && i < reply->items.size() && reply->items[i].code == ErrorCode::ok;
        ItemResult& item = *withdrawn[i];
        const std::string name = item.vm->name;
        if (gone) item.vm.reset();
        item.code = ErrorCode::cancelled;
        item.message = gone ? name + " was made and removed again, as another failed"
                            : name +
                                  " was made, another failed, and it could not be removed again; do so with: "
                                  "mccli delete " +
                                  name;
    }
}

}  // namespace

int run_create(App& app) {
    auto command = read_create(app.settings(), app.line().operands);
    if (!command) return app.report(command.error());
    auto setup = setup_script(app, command->setup_file);
    if (!setup) return app.report(setup.error());
    command->request.setup = std::move(*setup);
    if (command->dry_run) return show_placement(app, *command);
    auto keys = keys_for_vms(app, command->key_files);
    if (!keys) return app.report(keys.error());
    command->request.spec.authorized_keys = std::move(*keys);
    const std::size_t size = std::max<std::size_t>(command->names.size(), command->request.count);
    Passwords passwords(command->password ? size : 0);
    for (auto& password : passwords) password = io::random_password();
    const auto hashes = hashes_of(passwords);
    if (!hashes) return app.report(hashes.error());
    if (command->all_or_nothing) {
        if (const auto room = have_room(app, *command); !room) return app.report(room.error());
    }
    if (auto begun = begin_sheet(command->sheet); !begun) return app.report(begun.error());
    const auto requests = requests_of(*command, *hashes);
    const auto outcomes = call_creates(app, requests, command->timeout, command->detach);
    if (command->detach) return report_detached(app, requests, outcomes);
    if (requests.size() == 1 && !outcomes.front().reply) {
        static_cast<void>(finish_sheet(app, command->sheet, {}, {}));
        return app.report(outcomes.front().reply.error());
    }
    std::vector<ItemResult> items;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        auto some = items_of(requests[i], outcomes[i].reply);
        std::move(some.begin(), some.end(), std::back_inserter(items));
    }
    if (command->all_or_nothing) keep_all_or_none(app, items);
    const bool on_sheet = finish_sheet(app, command->sheet, items, passwords);
    print_created(app, *command, items, passwords, on_sheet);
    return report_items(app, items);
}

}  // namespace mc::cli

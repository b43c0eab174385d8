#include <algorithm>

#include "cli/core/listings.hpp"
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

}  // namespace

int run_create(App& app) {
    auto command = read_create(app.settings(), app.line().operands);
    if (!command) return app.report(command.error());
    auto keys = keys_for_vms(app, command->key_files);
    if (!keys) return app.report(keys.error());
    command->request.spec.authorized_keys = std::move(*keys);
    const std::size_t size = std::max<std::size_t>(command->names.size(), command->request.count);
    Passwords passwords(command->password ? size : 0);
    for (auto& password : passwords) password = io::random_password();
    const auto hashes = hashes_of(passwords);
    if (!hashes) return app.report(hashes.error());
    if (auto begun = begin_sheet(command->sheet); !begun) return app.report(begun.error());
    const auto requests = requests_of(*command, *hashes);
    const auto outcomes = call_creates(app, requests, command->timeout, command->detach);
    if (command->detach) return report_detached(app, requests, outcomes);
    if (requests.size() == 1 && !outcomes.front().reply) return app.report(outcomes.front().reply.error());
    std::vector<ItemResult> items;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        auto some = items_of(requests[i], outcomes[i].reply);
        std::move(some.begin(), some.end(), std::back_inserter(items));
    }
    const bool on_sheet = finish_sheet(app, command->sheet, items, passwords);
    print_created(app, *command, items, passwords, on_sheet);
    return report_items(app, items);
}

}  // namespace mc::cli

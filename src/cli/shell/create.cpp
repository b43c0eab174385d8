#include <algorithm>

#include "cli/core/listings.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/user_keys.hpp"
#include "io/files.hpp"
#include "io/password.hpp"

/// create.
namespace mc::cli {
namespace {

namespace fs = std::filesystem;
using protocol::ItemResult;
using protocol::Verb;
using Passwords = std::vector<std::string>;

/// Of every VM that is asked for, in order. Error: internal.
Result<Passwords> hashes_of(const Passwords& passwords) {
    Passwords hashes;
    for (const auto& password : passwords) {
        auto hash = io::hash_password_sha512(password);
        if (!hash) return fail(hash.error());
        hashes.push_back(std::move(*hash));
    }
    return hashes;
}

/// Before anything is made: a sheet that can't be written would cost the passwords of a whole class, and the one of the
/// class before is not to be lost either. Errors: already_exists, io_failed.
Result<void> begin_sheet(const std::string& file) {
    if (file.empty()) return {};
    std::error_code ignored;
    if (fs::exists(file, ignored)) {
        return fail(ErrorCode::already_exists, "--sheet: " + file + " is there already; name another file");
    }
    return io::write_file_atomic(file, sheet({}, {}));
}

void print_created(const App& app, const CreateCommand& command, const std::vector<ItemResult>& items,
                   const Passwords& passwords) {
    const bool any =
        std::any_of(items.begin(), items.end(), [](const ItemResult& i) { return i.code == ErrorCode::ok; });
    if (!any && !command.many) return;
    const std::string first = passwords.empty() ? "" : passwords.front();
    // What is on the sheet need not be on the screen.
    const Passwords shown = command.sheet.empty() ? passwords : Passwords{};
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

/// What became of one request's VMs.
std::vector<ItemResult> items_of(const protocol::CreateRequest& request, const Result<protocol::Message>& reply) {
    auto body = reply ? protocol::decode<protocol::ItemsReply>(reply->body) : fail(reply.error());
    if (body && body->items.size() != request.count) {
        body = fail(ErrorCode::bad_message, "the broker's reply is about another number of VMs than it was asked for");
    }
    if (body) return std::move(body->items);
    return {{request.spec.name, body.error().code, body.error().message, std::nullopt}};
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
    auto& spec = command->request.spec;
    auto keys = keys_to_install(app, command->key_files);
    if (!keys) return app.report(keys.error());
    spec.authorized_keys = std::move(*keys);
    if (spec.authorized_keys.size() > limits::keys_max) {
        return app.report(
            Error{ErrorCode::invalid_argument, "there are more than 64 SSH keys in ~/.ssh; choose with --key FILE"});
    }
    const std::size_t size = std::max<std::size_t>(command->names.size(), command->request.count);
    Passwords passwords(command->password ? size : 0);
    for (auto& password : passwords) password = io::random_password();
    const auto hashes = hashes_of(passwords);
    if (!hashes) return app.report(hashes.error());
    if (auto begun = begin_sheet(command->sheet); !begun) return app.report(begun.error());
    const auto requests = requests_of(*command, *hashes);
    std::vector<protocol::Bytes> bodies;
    for (const auto& request : requests) bodies.push_back(protocol::encode(request));
    const CallOptions call{command->timeout, progress_of(Verb::create, size, spec.name), "create", command->detach};
    const auto outcomes = app.call_all(Verb::create, std::move(bodies), call);
    if (command->detach) return report_detached(app, requests, outcomes);
    if (requests.size() == 1 && !outcomes.front().reply) return app.report(outcomes.front().reply.error());
    std::vector<ItemResult> items;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        auto some = items_of(requests[i], outcomes[i].reply);
        std::move(some.begin(), some.end(), std::back_inserter(items));
    }
    // Printed as well when the sheet can't be written after all: nobody else knows the passwords.
    if (!command->sheet.empty()) {
        if (auto written = io::write_file_atomic(command->sheet, sheet(items, passwords)); !written) {
            app.report(written.error());
            command->sheet.clear();
        }
    }
    print_created(app, *command, items, passwords);
    return report_items(app, items);
}

}  // namespace mc::cli

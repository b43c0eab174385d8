#include "cli/core/key_commands.hpp"
#include "cli/core/listings.hpp"
#include "cli/shell/commands.hpp"

/// audit.
namespace mc::cli {
namespace {

/// Asks for what `reader` wants until it has it. Errors: as App::call, and those of on_page().
template <class Reader>
Result<void> read_through(App& app, Reader& reader) {
    while (const auto request = reader.next()) {
        auto page = app.ask<protocol::AuditReply>(protocol::Verb::audit, protocol::encode(*request));
        if (!page) return fail(page.error());
        if (auto taken = reader.on_page(std::move(*page)); !taken) return taken;
    }
    return {};
}

int verify(App& app, const AuditCommand& command) {
    AuditCheck check(command.noted);
    if (auto read = read_through(app, check); !read) return app.report(read.error());
    // Exit code 1 whatever it is: 2 to 7 would tell of something else.
    if (const auto fault = check.fault()) return app.report(Error{ErrorCode::store_failed, *fault}, ExitCode::failed);
    if (app.options().quiet && !app.for_programs()) {
        app.print(check.count() == 0 ? "" : check.last().hash + "\n");
        return 0;
    }
    return app.show(view_audit_check(check));
}

}  // namespace

int run_audit(App& app) {
    const auto command = read_audit(app.settings());
    if (!command) return app.report(command.error());
    if (command->verify) return verify(app, *command);
    AuditReader reader(command->range);
    if (auto read = read_through(app, reader); !read) return app.report(read.error());
    if (const auto gone = reader.gone()) {
        app.remark("entries " + std::to_string(gone->first) + " to " + std::to_string(gone->second) +
                   " are no longer kept");
    }
    return app.show(view_audit(reader.entries()));
}

}  // namespace mc::cli

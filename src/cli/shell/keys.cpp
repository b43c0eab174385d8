#include "cli/core/key_commands.hpp"
#include "cli/core/key_views.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/pages.hpp"
#include "io/clock.hpp"

/// keys, keys revoke, token list, token revoke.
namespace mc::cli {
namespace {

using protocol::KeyView;
using protocol::Verb;

/// Keys and tokens. Errors: as App::call.
Result<std::vector<KeyView>> list_keys(App& app) {
    return ask_pages<protocol::KeysRequest>(app, Verb::keys, &protocol::KeysReply::keys);
}

int revoke(App& app, const Result<protocol::RevokeRequest>& request) {
    if (!request) return app.report(request.error());
    return run_items(app, Verb::revoke, request->targets, protocol::encode(*request),
                     {limits::request_deadline_default, "", "revoke"});
}

}  // namespace

int run_keys(App& app) {
    const auto listed = list_keys(app);
    if (!listed) return app.report(listed.error());
    const auto keys = only_keys(*listed);
    if (app.json())
        app.print(json_keys(keys));
    else if (app.options().quiet)
        app.print(text_fingerprints(keys));
    else if (keys.empty())
        app.remark("no key is authorised; this broker is used without");
    else
        app.print(text_keys(keys, io::read_clock().wall, app.style()));
    return 0;
}

int run_tokens(App& app) {
    const auto listed = list_keys(app);
    if (!listed) return app.report(listed.error());
    const auto tokens = only_tokens(*listed);
    if (app.json())
        app.print(json_tokens(tokens));
    else if (app.options().quiet)
        app.print(text_fingerprints(tokens));
    else if (tokens.empty())
        app.remark("there are no tokens");
    else
        app.print(text_tokens(tokens, io::read_clock().wall, app.style()));
    return 0;
}

int run_keys_revoke(App& app) {
    return revoke(app, read_revoke(app.line().operands));
}

int run_token_revoke(App& app) {
    const auto listed = list_keys(app);
    if (!listed) return app.report(listed.error());
    return revoke(app, read_token_revoke(app.line().operands, *listed));
}

}  // namespace mc::cli

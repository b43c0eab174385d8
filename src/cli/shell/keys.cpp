#include "base/version.hpp"
#include "cli/core/endpoints.hpp"
#include "cli/core/key_commands.hpp"
#include "cli/core/key_views.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/pages.hpp"
#include "io/clock.hpp"
#include "io/curve_keys.hpp"
#include "protocol/endpoints.hpp"
#include "protocol/join_token.hpp"

/// keys, keys revoke, token list, token create, token revoke.
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

int run_token_create(App& app) {
    auto command = read_token_create(app.settings());
    if (!command) return app.report(command.error());
    const auto hello =
        app.ask<protocol::HelloReply>(Verb::hello, protocol::encode(protocol::HelloRequest{mc::version}));
    if (!hello) return app.report(hello.error());
    if (!hello->key) {
        return app.report(
            Error{ErrorCode::wrong_state,
                  "this broker asks nobody for a key, so there is nothing to join: whoever reaches it may do "
                  "everything; to have keys, start it with tcp endpoints and without --plaintext"});
    }
    const auto route = app.route();
    if (!route) return app.report(route.error());
    const auto endpoint = token_endpoint(command->endpoint, hello->clients_endpoint, route->endpoint);
    if (!endpoint) return app.report(endpoint.error());
    const auto pair = io::KeyPair::make();
    auto& request = command->request;
    request.key = pair.pub;
    const auto reply = app.ask<protocol::ItemsReply>(Verb::token_create, protocol::encode(request),
                                                     {limits::request_deadline_default, "", "token"});
    if (!reply) return app.report(reply.error());
    for (const auto& item : reply->items) {
        if (item.code != ErrorCode::ok) return app.report(Error{item.code, item.message});
    }
    const NewToken made{to_text(protocol::JoinToken{*endpoint, hello->key, pair.secret, request.role}), request,
                        *endpoint};
    if (app.json())
        app.print(json_new_token(made));
    else if (app.options().quiet)
        app.print(made.token + "\n");
    else
        app.print(text_new_token(made));
    if (protocol::is_loopback_endpoint(*endpoint)) {
        app.remark("the token leads to " + *endpoint +
                   ", which only programs on the broker's own machine reach; for others start it with --clients "
                   "tcp://HOST:PORT, or say with --endpoint where they reach it");
    }
    return 0;
}

int run_token_revoke(App& app) {
    const auto listed = list_keys(app);
    if (!listed) return app.report(listed.error());
    return revoke(app, read_token_revoke(app.line().operands, *listed));
}

}  // namespace mc::cli

#include "base/version.hpp"
#include "cli/core/endpoints.hpp"
#include "cli/core/key_commands.hpp"
#include "cli/core/listings.hpp"
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

int show(App& app, std::vector<KeyView> (*only)(std::vector<KeyView> listed),
         View (*view)(const std::vector<KeyView>& shown, WallTime now)) {
    auto listed = list_keys(app);
    if (!listed) return app.report(listed.error());
    const auto shown = only(std::move(*listed));
    return app.show(view(shown, io::read_clock().wall));
}

int revoke(App& app, const Result<protocol::RevokeRequest>& request) {
    if (!request) return app.report(request.error());
    return run_items(app, Verb::revoke, request->targets, protocol::encode(*request),
                     {limits::request_deadline_default, "", "revoke"});
}

}  // namespace

int run_keys(App& app) {
    return show(app, only_keys, view_keys);
}

int run_tokens(App& app) {
    return show(app, only_tokens, view_tokens);
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
    if (app.options().quiet && !app.for_programs())
        app.print(made.token + "\n");
    else
        app.show(view_new_token(made));
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

#include <cstdlib>
#include <iostream>
#include <system_error>

#include "cli/core/join_command.hpp"
#include "cli/shell/commands.hpp"
#include "io/contexts.hpp"
#include "io/files.hpp"
#include "protocol/join_token.hpp"
#include "protocol/key_bodies.hpp"

/// join: a token in, a context out.
namespace mc::cli {
namespace {

struct Joined {
    protocol::JoinReply reply;
    std::string context;
    bool current = false;
};

Result<protocol::JoinToken> read_token(const JoinCommand& command) {
    std::string text = command.token;
    if (text == "-") {
        std::getline(std::cin, text);
        while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
    }
    return protocol::read_join_token(text);
}

Error for_a_worker() {
    return {ErrorCode::invalid_argument,
            "this token is for a worker: use it on the node's machine, with mcworker join"};
}

/// The name of a context that is free, or that leads to the same broker with a key that is given up for the new one.
Result<std::string> choose_context(const io::Contexts& contexts, const JoinCommand& command,
                                   const protocol::JoinToken& token) {
    const std::string name = command.context.empty() ? context_name_from(token.endpoint) : command.context;
    if (auto checked = io::Contexts::check_name(name); !checked) return fail(checked.error());
    const auto known = contexts.load(name);
    if (known || known.error().code != ErrorCode::not_found) {
        return fail(ErrorCode::already_exists,
                    "there is a context " + name +
                        " already, with a key of its own; give this one another name with --as NAME, or "
                        "remove it: mccli context remove " +
                        name);
    }
    return name;
}

Result<Joined> join(App& app) {
    const JoinCommand command = read_join(app.settings(), app.line().operands);
    const auto token = read_token(command);
    if (!token) return fail(token.error());
    if (token->role == protocol::Role::worker) return fail(for_a_worker());
    const io::Contexts contexts;
    auto context = choose_context(contexts, command, *token);
    if (!context) return fail(context.error());
    auto token_keys = io::KeyPair::of_secret(token->secret);
    if (!token_keys) return fail(token_keys.error());
    const auto folder = contexts.path_of(*context).parent_path();
    if (auto made = io::make_private_dir(folder); !made) return fail(made.error());
    // Kept until it is admitted: a second try is then a repeat, and not a second use of the token.
    const auto pending = folder / ("joining-" + token_keys->pub.fingerprint() + ".key");
    auto own = io::read_or_make_key_file(pending);
    if (!own) return fail(own.error());
    const char* login = std::getenv("USER");
    const std::string name = command.name.empty() ? owner_name_from(login ? login : "") : command.name;
    app.use_route({token->endpoint, io::CurveClient{std::move(*token_keys), token->broker}});
    auto reply =
        app.ask<protocol::JoinReply>(protocol::Verb::join, protocol::encode(protocol::JoinRequest{own->pub, name}));
    if (!reply) return fail(reply.error());
    if (reply->role == protocol::Role::worker) return fail(for_a_worker());
    if (auto saved = contexts.save(*context, {token->endpoint, token->broker, std::move(*own)}); !saved) {
        return fail(saved.error());
    }
    std::error_code ignored;
    std::filesystem::remove(pending, ignored);
    // The first one is used at once; a later one must not change where commands go.
    const bool first = contexts.current().empty();
    if (first) {
        if (auto used = contexts.use(*context); !used) return fail(used.error());
    }
    return Joined{std::move(*reply), std::move(*context), first};
}

}  // namespace

int run_join(App& app) {
    const auto joined = join(app);
    if (!joined) return app.report(joined.error());
    app.print("joined cloud " + joined->reply.cloud.str() + " as " + joined->reply.name + ", role " +
              std::string(name_of(joined->reply.role)) + "; context " + joined->context + "\n");
    if (!joined->current) app.remark("use it with --context " + joined->context);
    return 0;
}

}  // namespace mc::cli

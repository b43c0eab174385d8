#include <cstdlib>

#include "cli/core/join_command.hpp"
#include "cli/shell/commands.hpp"
#include "io/contexts.hpp"
#include "io/joining.hpp"
#include "protocol/join_exchange.hpp"
#include "protocol/join_token.hpp"

/// join: a token in, a context out.
namespace mc::cli {
namespace {

struct Joined {
    protocol::JoinReply reply;
    std::string context;
    bool current = false;
    std::optional<PublicKey> given_up;
};

Result<Joined> join(App& app) {
    const JoinCommand command = read_join(app.settings(), app.line().operands);
    const auto token = protocol::read_join_token(io::given_or_from_stdin(command.token).view());
    if (!token) return fail(token.error());
    if (auto checked = protocol::check_joiner(protocol::Joiner::client, token->role); !checked) {
        return fail(checked.error());
    }
    auto token_keys = io::KeyPair::of_secret(token->secret.view());
    if (!token_keys) return fail(token_keys.error());
    const io::Contexts contexts;
    Joined joined;
    joined.context = command.context.empty() ? context_name_from(token->endpoint) : command.context;
    if (auto checked = io::Contexts::check_name(joined.context); !checked) return fail(checked.error());
    const auto file = contexts.path_of(joined.context);
    const char* login = std::getenv("USER");
    const std::string name = command.name.empty() ? owner_name_from(login ? login : "") : command.name;
    const RequestId id = new_request_id();
    const auto given_up = io::join({
        .file = file,
        .lock = file.parent_path() / "joining.lock",
        .replace = command.replace,
        .occupied = "there is a context " + joined.context + " already; use it with --context " + joined.context +
                    ", give this one another name with --as NAME",
        .endpoint = token->endpoint,
        .token = {std::move(*token_keys), token->broker},
        .time_max = app.options().connect_timeout,
        .request = [&](const PublicKey& own) { return protocol::join_request(id, own, name); },
        .answer = [&](std::vector<std::string> frames) -> std::optional<Result<std::string>> {
            auto reply = protocol::join_reply(id, protocol::Joiner::client, std::move(frames));
            if (!reply) return std::nullopt;
            if (!*reply) return fail(reply->error());
            joined.reply = std::move(**reply);
            return token->endpoint;
        },
    });
    if (!given_up) return fail(given_up.error());
    joined.given_up = *given_up;
    // The first one is used at once; a later one must not change where commands go.
    joined.current = contexts.current().empty();
    if (joined.current) {
        if (auto used = contexts.use(joined.context); !used) return fail(used.error());
    }
    return joined;
}

}  // namespace

int run_join(App& app) {
    const auto joined = join(app);
    if (!joined) return app.report(joined.error());
    app.print("joined cloud " + joined->reply.cloud.str() + " as " + joined->reply.name + ", role " +
              std::string(name_of(joined->reply.role)) + "; context " + joined->context + "\n");
    if (!joined->current) app.remark("use it with --context " + joined->context);
    if (joined->given_up) {
        app.remark("its cloud knows the key that was given up still; an admin takes it back with: mccli keys revoke " +
                   joined->given_up->fingerprint());
    }
    return 0;
}

}  // namespace mc::cli

#include "worker/shell/join.hpp"

#include "io/joining.hpp"
#include "io/random.hpp"
#include "protocol/endpoints.hpp"
#include "protocol/join_exchange.hpp"
#include "protocol/join_token.hpp"
#include "worker/shell/worker_options.hpp"

namespace mc::worker {
namespace {

constexpr milliseconds join_time_max = 15s;

}  // namespace

Result<std::string> join(const WorkerOptions& options) {
    const std::string& node = options.settings.name;
    const auto token = protocol::read_join_token(io::given_or_from_stdin(options.join_token).view());
    if (!token) return fail(token.error());
    if (auto checked = protocol::check_joiner(protocol::Joiner::worker, token->role); !checked) {
        return fail(checked.error());
    }
    auto token_keys = io::KeyPair::of_secret(token->secret.view());
    if (!token_keys) return fail(token_keys.error());
    const RequestId id{io::random_u64(), io::random_u64()};
    std::optional<protocol::JoinReply> joined;
    std::string workers;
    const auto given_up = io::join({
        .file = connection_file(options.state_dir),
        .lock = lock_file(options.state_dir),
        .replace = options.replace,
        .occupied = "node " + node + " has joined a cloud already; start mcworker with that, join as another --node",
        .endpoint = token->endpoint,
        .token = {std::move(*token_keys), token->broker},
        .time_max = join_time_max,
        .request = [&](const PublicKey& own) { return protocol::join_request(id, own, node); },
        .answer = [&](std::vector<std::string> frames) -> std::optional<Result<std::string>> {
            auto reply = protocol::join_reply(id, protocol::Joiner::worker, std::move(frames));
            if (!reply) return std::nullopt;
            if (!*reply) return fail(reply->error());
            joined = std::move(**reply);
            workers = protocol::reached_endpoint(joined->workers_endpoint, token->endpoint);
            return workers;
        },
    });
    if (!given_up) return fail(given_up.error());
    std::string said =
        "joined cloud " + joined->cloud.str() + " as " + joined->name + "; its workers connect to " + workers;
    if (*given_up) {
        said += "\nits cloud knows the key that was given up still: mccli keys revoke " + (*given_up)->fingerprint();
    }
    return said + "\nstart it with: mcworker --node " + node + options.state_dir_option;
}

}  // namespace mc::worker

#include "cli/core/key_commands.hpp"

#include <algorithm>

#include "cli/core/key_views.hpp"
#include "cli/core/option_readers.hpp"

namespace mc::cli {

Result<protocol::RevokeRequest> read_revoke(std::span<const std::string> operands) {
    auto targets = distinct_names("key", operands);
    if (!targets) return fail(targets.error());
    return protocol::RevokeRequest{std::move(*targets)};
}

Result<protocol::RevokeRequest> read_token_revoke(std::span<const std::string> operands,
                                                  const std::vector<protocol::KeyView>& listed) {
    const auto names = distinct_names("token", operands);
    if (!names) return fail(names.error());
    protocol::RevokeRequest out;
    const auto tokens = only_tokens(listed);
    for (const auto& name : *names) {
        bool found = false;
        for (const auto& token : tokens) {
            if (token.fingerprint != name && token.name != name) continue;
            found = true;
            if (std::find(out.targets.begin(), out.targets.end(), token.fingerprint) == out.targets.end()) {
                out.targets.push_back(token.fingerprint);
            }
        }
        if (!found) {
            return fail(ErrorCode::not_found,
                        "there is no token " + name +
                            "; see them with: mccli token list. Keys that have joined are revoked "
                            "with: mccli keys revoke");
        }
    }
    if (out.targets.size() > limits::batch_max) {
        return fail(ErrorCode::invalid_argument, "that is over 1000 tokens: name fewer, by their fingerprints");
    }
    return out;
}

}  // namespace mc::cli

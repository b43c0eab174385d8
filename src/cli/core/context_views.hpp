#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/public_key.hpp"
#include "cli/core/json_helpers.hpp"
#include "cli/core/text.hpp"
#include "protocol/client_bodies.hpp"

/// How contexts are shown. Never their secret keys.
namespace mc::cli {

struct ContextView {
    std::string name;
    bool current = false;
    std::string endpoint;
    PublicKey broker;
    PublicKey own;
    std::string trouble;  ///< why it can't be used; "" = it can, and what stands above is known
};

/// One context, with what its broker says of it.
struct ContextDetails {
    ContextView stored;
    std::optional<protocol::HelloReply> said;  ///< nullopt = it was not asked, or did not answer
    std::string silence;                       ///< why; "" = it did
};

[[nodiscard]] std::string text_context(const ContextDetails& context, const TextStyle& style);
[[nodiscard]] Json json_context(const ContextDetails& context);

[[nodiscard]] std::string text_contexts(const std::vector<ContextView>& contexts, const TextStyle& style);
[[nodiscard]] Json json_contexts(const std::vector<ContextView>& contexts);

}  // namespace mc::cli

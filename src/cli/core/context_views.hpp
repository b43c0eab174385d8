#pragma once

#include <string>
#include <vector>

#include "base/public_key.hpp"
#include "cli/core/text.hpp"

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

[[nodiscard]] std::string text_contexts(const std::vector<ContextView>& contexts, const TextStyle& style);
[[nodiscard]] std::string json_contexts(const std::vector<ContextView>& contexts);

}  // namespace mc::cli

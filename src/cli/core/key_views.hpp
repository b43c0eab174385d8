#pragma once

#include <string>
#include <vector>

#include "base/time.hpp"
#include "cli/core/json_helpers.hpp"
#include "cli/core/text.hpp"
#include "protocol/key_bodies.hpp"

/// Keys and tokens, as people and programs read them. Every text ends with a line break; "" = nothing to print.
namespace mc::cli {

/// Of what the verb `keys` lists, the keys; by name.
[[nodiscard]] std::vector<protocol::KeyView> only_keys(std::vector<protocol::KeyView> listed);
/// Of what the verb `keys` lists, the tokens; by name.
[[nodiscard]] std::vector<protocol::KeyView> only_tokens(std::vector<protocol::KeyView> listed);

[[nodiscard]] std::string text_keys(const std::vector<protocol::KeyView>& keys, WallTime now, const TextStyle& style);
[[nodiscard]] std::string text_tokens(const std::vector<protocol::KeyView>& tokens, WallTime now,
                                      const TextStyle& style);

[[nodiscard]] Json json_keys(const std::vector<protocol::KeyView>& keys);
[[nodiscard]] Json json_tokens(const std::vector<protocol::KeyView>& tokens);

/// A token that was just made: `token` is the string itself, which is nowhere else.
struct NewToken {
    std::string token;
    protocol::TokenCreateRequest request;
    std::string endpoint;
};
[[nodiscard]] std::string text_new_token(const NewToken& made);
[[nodiscard]] Json json_new_token(const NewToken& made);

/// "5 VMs, 8 cpus, 4G, ttl 24h"; "" = nothing but the broker's own.
[[nodiscard]] std::string quota_text(const protocol::Quota& quota);

}  // namespace mc::cli

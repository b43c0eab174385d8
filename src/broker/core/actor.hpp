#pragma once

#include <optional>
#include <string>

#include "base/public_key.hpp"
#include "base/rule.hpp"
#include "broker/core/caller.hpp"
#include "broker/core/roles.hpp"
#include "protocol/key_bodies.hpp"

namespace mc::broker {

/// The name of a caller without a key, and of what it owns.
inline constexpr const char* local_name = "local";

/// Who is behind a message: a caller whose key was looked up.
struct Actor {
    PeerId peer;
    std::string name;  ///< what it makes is this owner's
    protocol::Role role = protocol::Role::joiner;
    std::optional<PublicKey> key;
    std::string fingerprint;  ///< "" = without a key
    protocol::Quota quota;    ///< that holds for it; 0 = no limit

    [[nodiscard]] bool sees_all() const { return broker::sees_all(role); }
    /// Whether what is `owner`'s is there for this one.
    [[nodiscard]] bool sees(const std::string& owner) const {
        return owner == name || sees_all() || !rule_holds(Rule::owners_are_kept_apart);
    }
};

}  // namespace mc::broker

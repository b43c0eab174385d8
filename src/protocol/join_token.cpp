#include "protocol/join_token.hpp"

#include "base/assert.hpp"
#include "base/base64.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"

namespace mc::protocol {
namespace {

/// Two keys, an endpoint, and what msgpack adds.
constexpr std::size_t token_bytes_max = limits::endpoint_bytes_max + 2 * PublicKey::size + 16;

/// As it is packed. A secret key has the length of a public one.
struct Packed {
    std::string endpoint;
    PublicKey broker;
    PublicKey secret;
    Role role = Role::joiner;

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.endpoint, limits::endpoint_bytes_max);
        archive(self.broker);
        archive(self.secret);
        archive(self.role, Role::admin);
    }
};

}  // namespace

std::string to_text(const JoinToken& token) {
    const auto secret = PublicKey::from_bytes(token.secret.view());
    MC_ASSERT(secret);
    return std::string(join_token_prefix) +
           to_base64url(encode(Packed{token.endpoint, token.broker, *secret, token.role}));
}

Result<JoinToken> read_join_token(std::string_view text) {
    const auto bad = [] {
        return fail(ErrorCode::invalid_argument,
                    "this is not a join token: it is one word that begins with mc1-, as `mccli token create` printed "
                    "it; was a part of it lost?");
    };
    if (!text.starts_with(join_token_prefix)) return bad();
    auto bytes = from_base64url(text.substr(join_token_prefix.size()), token_bytes_max);
    if (!bytes || bytes->empty()) return bad();
    const Secret unpacked(std::move(*bytes));
    auto packed = decode<Packed>(unpacked.view());
    if (!packed || packed->endpoint.empty() || !packed->broker || !packed->secret) return bad();
    JoinToken token{packed->endpoint, packed->broker, Secret(packed->secret.bytes()), packed->role};
    Secret::wipe(packed->secret.value);
    return token;
}

}  // namespace mc::protocol

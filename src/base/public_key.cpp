#include "base/public_key.hpp"

#include <algorithm>

#include "base/digest.hpp"

namespace mc {

std::string PublicKey::bytes() const {
    return std::string(value.begin(), value.end());
}

std::optional<PublicKey> PublicKey::from_bytes(std::string_view bytes) {
    if (bytes.size() != size) return std::nullopt;
    PublicKey key;
    std::copy(bytes.begin(), bytes.end(), key.value.begin());
    return key;
}

std::string PublicKey::fingerprint() const {
    constexpr std::size_t fingerprint_digits = 16;
    return digest(bytes()).substr(0, fingerprint_digits);
}

}  // namespace mc

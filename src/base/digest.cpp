#include "base/digest.hpp"

#include <sodium/crypto_generichash.h>
#include <sodium/utils.h>

#include <array>

namespace mc {
namespace {

template <std::size_t size>
std::string digest_of(std::string_view bytes) {
    std::array<unsigned char, size> hash{};
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                       nullptr, 0);
    std::string hex(2 * hash.size() + 1, '\0');
    sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
    hex.pop_back();
    return hex;
}

}  // namespace

std::string digest(std::string_view bytes) {
    return digest_of<16>(bytes);
}

std::string long_digest(std::string_view bytes) {
    return digest_of<32>(bytes);
}

}  // namespace mc

#include "io/password.hpp"

#include <crypt.h>

#include <memory>
#include <string_view>

#include "base/assert.hpp"
#include "io/random.hpp"

namespace mc::io {
namespace {

constexpr std::string_view password_letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
constexpr std::string_view salt_letters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::string random_text(std::string_view letters, std::size_t length) {
    // Bytes over the largest multiple are thrown away, or the first letters would come more often.
    const std::size_t usable = 256 - 256 % letters.size();
    std::string text;
    while (text.size() < length) {
        for (const char c : random_bytes(length)) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte < usable && text.size() < length) text += letters[byte % letters.size()];
        }
    }
    return text;
}

}  // namespace

std::string random_password(std::size_t length) {
    return random_text(password_letters, length);
}

Result<std::string> hash_password_sha512(const std::string& password) {
    MC_ASSERT(!password.empty());
    const std::string setting = "$6$" + random_text(salt_letters, 16);
    const auto data = std::make_unique<crypt_data>();  // 32 KiB: not for the stack
    const char* hash = crypt_r(password.c_str(), setting.c_str(), data.get());
    if (hash == nullptr || std::string_view(hash).substr(0, 3) != "$6$") {
        return fail(ErrorCode::internal, "this system's C library has no SHA-512 password hashes");
    }
    return std::string(hash);
}

}  // namespace mc::io

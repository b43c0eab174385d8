#include "io/curve_keys.hpp"

#include <zmq.h>

#include <array>

#include "base/assert.hpp"
#include "io/files.hpp"
#include "io/text_fields.hpp"

namespace mc::io {
namespace {

constexpr std::size_t key_file_bytes_max = 4096;
constexpr std::size_t z85_chars = 40;
using Z85 = std::array<char, z85_chars + 1>;

/// May be of a secret: whoever has it wipes it.
Z85 z85_of(std::string_view bytes) {
    MC_ASSERT(bytes.size() == PublicKey::size);
    Z85 text{};
    MC_ASSERT(zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) !=
              nullptr);
    return text;
}

/// Error: invalid_argument.
Result<Secret> bytes_of(std::string_view text) {
    std::array<std::uint8_t, PublicKey::size> bytes{};
    Z85 ended{};  // with the zero that the library wants
    bool read = text.size() == z85_chars;
    if (read) {
        text.copy(ended.data(), z85_chars);
        read = zmq_z85_decode(bytes.data(), ended.data()) != nullptr;
    }
    Secret secret(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    Secret::wipe(bytes);
    Secret::wipe(ended);
    if (read) return secret;
    return fail(ErrorCode::invalid_argument, "this is not a key: a key has 40 characters (was a part of it lost?)");
}

}  // namespace

KeyPair KeyPair::make() {
    Z85 pub{};
    Z85 secret{};
    MC_ASSERT(zmq_curve_keypair(pub.data(), secret.data()) == 0);
    KeyPair made{*public_key_from_z85(pub.data()), *bytes_of(secret.data())};
    Secret::wipe(secret);
    return made;
}

Result<KeyPair> KeyPair::of_secret(std::string_view secret) {
    if (secret.size() != PublicKey::size) return fail(ErrorCode::invalid_argument, "a secret key has 32 bytes");
    Z85 pub{};
    Z85 text = z85_of(secret);
    MC_ASSERT(zmq_curve_public(pub.data(), text.data()) == 0);
    Secret::wipe(text);
    return KeyPair{*public_key_from_z85(pub.data()), Secret(secret)};
}

std::string to_z85(const PublicKey& key) {
    return z85_of(key.bytes()).data();
}

Result<PublicKey> public_key_from_z85(std::string_view text) {
    auto bytes = bytes_of(text);
    if (!bytes) return fail(bytes.error());
    return *PublicKey::from_bytes(bytes->view());
}

Secret text_of(const KeyPair& pair) {
    Z85 secret = z85_of(pair.secret.view());
    Secret text = Secret::of({"public-key=", to_z85(pair.pub), "\nsecret-key=", secret.data(), "\n"});
    Secret::wipe(secret);
    return text;
}

Result<KeyPair> key_pair_in(std::string_view text) {
    const auto secret = bytes_of(field_of(text, "secret-key").value_or(""));
    if (!secret) return fail(ErrorCode::invalid_argument, "there is no line secret-key= with a key");
    return KeyPair::of_secret(secret->view());
}

Result<KeyPair> read_key_file(const std::filesystem::path& path) {
    const auto text = read_secret_file(path, key_file_bytes_max);
    if (!text) return fail(text.error());
    auto pair = key_pair_in(text->view());
    if (!pair) return fail(pair.error().code, path.string() + ": " + pair.error().message);
    return pair;
}

Result<void> write_key_file(const std::filesystem::path& path, const KeyPair& pair) {
    const Secret text =
        Secret::of({"# A secret key of minicloud: for one program of one user.\n", text_of(pair).view()});
    return write_file_atomic(path, text.view());
}

Result<KeyPair> read_or_make_key_file(const std::filesystem::path& path) {
    auto pair = read_key_file(path);
    if (pair || pair.error().code != ErrorCode::not_found) return pair;
    KeyPair made = KeyPair::make();
    if (auto written = write_key_file(path, made); !written) return fail(written.error());
    return made;
}

}  // namespace mc::io

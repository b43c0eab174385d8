#include "io/curve_keys.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <array>

#include "base/assert.hpp"
#include "io/errno_text.hpp"
#include "io/files.hpp"
#include "io/text_fields.hpp"

namespace mc::io {
namespace {

constexpr std::size_t key_file_bytes_max = 4096;
constexpr std::size_t z85_chars = 40;
using Z85 = std::array<char, z85_chars + 1>;

std::string z85_of(std::string_view bytes) {
    MC_ASSERT(bytes.size() == PublicKey::size);
    Z85 text{};
    MC_ASSERT(zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) !=
              nullptr);
    return text.data();
}

Result<std::string> bytes_of(std::string_view text) {
    std::array<std::uint8_t, PublicKey::size> bytes{};
    if (text.size() != z85_chars || zmq_z85_decode(bytes.data(), std::string(text).c_str()) == nullptr) {
        return fail(ErrorCode::invalid_argument, "this is not a key: a key has 40 characters (was a part of it lost?)");
    }
    return std::string(bytes.begin(), bytes.end());
}

Result<void> check_secrecy(const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno == ENOENT) return fail(ErrorCode::not_found, path.string() + " is not there");
        return fail(ErrorCode::io_failed, path.string() + " can't be read: " + errno_text(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(ErrorCode::denied, path.string() + " is not a plain file, as one with a secret key must be");
    }
    if (status.st_uid != ::geteuid() && status.st_uid != 0) {
        return fail(ErrorCode::denied,
                    path.string() + " belongs to another user, who could change it; copy it to a file of your own");
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return fail(ErrorCode::denied, path.string() + " holds a secret key, and others may read it; run: chmod 600 " +
                                           path.string() + "; and join anew if somebody did");
    }
    return {};
}

}  // namespace

KeyPair KeyPair::make() {
    Z85 pub{};
    Z85 secret{};
    MC_ASSERT(zmq_curve_keypair(pub.data(), secret.data()) == 0);
    return {*public_key_from_z85(pub.data()), *bytes_of(secret.data())};
}

Result<KeyPair> KeyPair::of_secret(std::string_view secret) {
    if (secret.size() != PublicKey::size) return fail(ErrorCode::invalid_argument, "a secret key has 32 bytes");
    Z85 pub{};
    MC_ASSERT(zmq_curve_public(pub.data(), z85_of(secret).c_str()) == 0);
    return KeyPair{*public_key_from_z85(pub.data()), std::string(secret)};
}

std::string to_z85(const PublicKey& key) {
    return z85_of(key.bytes());
}

Result<PublicKey> public_key_from_z85(std::string_view text) {
    auto bytes = bytes_of(text);
    if (!bytes) return fail(bytes.error());
    return *PublicKey::from_bytes(*bytes);
}

Result<std::string> read_secret_file(const std::filesystem::path& path, std::size_t bytes_max) {
    if (auto secret = check_secrecy(path); !secret) return fail(secret.error());
    return read_file(path, bytes_max);
}

std::string text_of(const KeyPair& pair) {
    return "public-key=" + to_z85(pair.pub) + "\nsecret-key=" + z85_of(pair.secret) + "\n";
}

Result<KeyPair> key_pair_in(std::string_view text) {
    const auto secret = bytes_of(field_of(text, "secret-key").value_or(""));
    if (!secret) return fail(ErrorCode::invalid_argument, "there is no line secret-key= with a key");
    return KeyPair::of_secret(*secret);
}

Result<KeyPair> read_key_file(const std::filesystem::path& path) {
    const auto text = read_secret_file(path, key_file_bytes_max);
    if (!text) return fail(text.error());
    auto pair = key_pair_in(*text);
    if (!pair) return fail(pair.error().code, path.string() + ": " + pair.error().message);
    return pair;
}

Result<void> write_key_file(const std::filesystem::path& path, const KeyPair& pair) {
    return write_file_atomic(path, "# A secret key of minicloud: for one program of one user.\n" + text_of(pair));
}

Result<KeyPair> read_or_make_key_file(const std::filesystem::path& path) {
    auto pair = read_key_file(path);
    if (pair || pair.error().code != ErrorCode::not_found) return pair;
    KeyPair made = KeyPair::make();
    if (auto written = write_key_file(path, made); !written) return fail(written.error());
    return made;
}

}  // namespace mc::io

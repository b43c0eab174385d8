#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/public_key.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

/// CURVE key pairs and the files that hold them.
namespace mc::io {

/// Who a program is on the network. The secret half is in no log, message or sentence.
struct KeyPair {
    PublicKey pub;
    Secret secret;  ///< 32 bytes

    bool operator==(const KeyPair&) const = default;
    /// From the kernel's randomness.
    [[nodiscard]] static KeyPair make();
    /// The pair that a secret belongs to. Error: invalid_argument (not 32 bytes).
    [[nodiscard]] static Result<KeyPair> of_secret(std::string_view secret);
};

/// A key as people copy it: 40 characters of Z85.
[[nodiscard]] std::string to_z85(const PublicKey& key);
/// Error: invalid_argument; the sentence does not repeat the text, which may be a secret.
[[nodiscard]] Result<PublicKey> public_key_from_z85(std::string_view text);

/// `secret-key=…` and, for people, `public-key=…`: lines of a key file.
[[nodiscard]] Secret text_of(const KeyPair& pair);
/// The pair in such lines. Error: invalid_argument.
[[nodiscard]] Result<KeyPair> key_pair_in(std::string_view text);

/// The key pair in a file that write_key_file wrote. Errors: as read_secret_file; invalid_argument (not a key file).
[[nodiscard]] Result<KeyPair> read_key_file(const std::filesystem::path& path);
/// Mode 0600, whole or not at all. Errors: io_failed.
[[nodiscard]] Result<void> write_key_file(const std::filesystem::path& path, const KeyPair& pair);
/// The file's pair; a new one, written there, when the file is not there. Errors: as both.
[[nodiscard]] Result<KeyPair> read_or_make_key_file(const std::filesystem::path& path);

}  // namespace mc::io

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mc {

/// The public half of a CURVE key pair: who a client or a worker is. All zeros means "none".
///
/// 32 bytes everywhere inside; the text form (Z85) is only for files and tokens (src/io).
struct PublicKey {
    static constexpr std::size_t size = 32;
    std::array<std::uint8_t, size> value{};

    auto operator<=>(const PublicKey&) const = default;
    explicit operator bool() const { return *this != PublicKey{}; }

    /// The 32 bytes as they go into a message or a store.
    [[nodiscard]] std::string bytes() const;
    /// nullopt unless `bytes` has exactly 32.
    [[nodiscard]] static std::optional<PublicKey> from_bytes(std::string_view bytes);

    /// For people, in lists, logs and the audit log: the first 16 hexadecimal digits of its digest.
    [[nodiscard]] std::string fingerprint() const;
};

}  // namespace mc

template <>
struct std::hash<mc::PublicKey> {
    std::size_t operator()(const mc::PublicKey& key) const noexcept { return std::hash<std::string>{}(key.bytes()); }
};

#pragma once

#include <concepts>
#include <cstddef>
#include <utility>

/// Numbers with their highest byte first, as the wire, the keys of rows and SSH have them.
namespace mc {
namespace detail {

// Written out, and not as loops: of these a compiler makes one load or store.
template <class T, std::size_t... i>
constexpr void store_bytes(char* out, T value, std::index_sequence<i...>) {
    ((out[i] = static_cast<char>(value >> (8 * (sizeof(T) - 1 - i)))), ...);
}
template <class T, std::size_t... i>
constexpr T load_bytes(const char* in, std::index_sequence<i...>) {
    return static_cast<T>((... | (static_cast<T>(static_cast<unsigned char>(in[i])) << (8 * (sizeof(T) - 1 - i)))));
}

}  // namespace detail

/// REQUIRES: room for sizeof(T) bytes at `out`.
template <std::unsigned_integral T>
constexpr void store_big_endian(char* out, T value) {
    detail::store_bytes(out, value, std::make_index_sequence<sizeof(T)>());
}

/// REQUIRES: sizeof(T) bytes at `in`.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T load_big_endian(const char* in) {
    return detail::load_bytes<T>(in, std::make_index_sequence<sizeof(T)>());
}

}  // namespace mc

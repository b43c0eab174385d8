#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mc {

/// `value` as 16 lower-case hexadecimal digits.
[[nodiscard]] std::string to_hex(std::uint64_t value);
/// nullopt unless `text` is exactly 16 lower- or upper-case hexadecimal digits.
[[nodiscard]] std::optional<std::uint64_t> from_hex(std::string_view text);

/// A 64-bit id that can't be mixed up with another kind of id. Zero means "none".
template <class Tag>
struct Id64 {
    std::uint64_t value = 0;

    auto operator<=>(const Id64&) const = default;
    explicit operator bool() const { return value != 0; }
    /// 16 hexadecimal digits.
    [[nodiscard]] std::string str() const { return to_hex(value); }
    [[nodiscard]] static std::optional<Id64> parse(std::string_view text) {
        const auto v = from_hex(text);
        return v ? std::optional<Id64>(Id64{*v}) : std::nullopt;
    }
};

using CloudId = Id64<struct CloudTag>;  ///< one per broker state directory
using NodeId = Id64<struct NodeTag>;    ///< one per worker state directory
using BootId = Id64<struct BootTag>;    ///< one per start of a worker process
using VmId = Id64<struct VmTag>;        ///< by age, else random; never reused

/// Of a VmId; the rest is the time of its making, in ms since 1970: VMs made together are stored together (ADR 34).
inline constexpr unsigned vm_id_chance_bits = 23;
/// Of `chance` the lowest bits.
[[nodiscard]] constexpr VmId make_vm_id(std::int64_t unix_ms, std::uint64_t chance) {
    constexpr std::uint64_t mask = (std::uint64_t{1} << vm_id_chance_bits) - 1;
    return VmId{(static_cast<std::uint64_t>(unix_ms) << vm_id_chance_bits) | (chance & mask)};
}

/// Raised by one at every start of the broker. Orders of a lower epoch than one
/// that a worker has seen are refused.
struct Epoch {
    std::uint64_t value = 0;
    auto operator<=>(const Epoch&) const = default;
};

/// Number of an event: 1, 2, 3, … without a hole for the cloud's whole life.
struct EventSeq {
    std::uint64_t value = 0;
    auto operator<=>(const EventSeq&) const = default;
};

/// 128 bits. Made by the author of a request before its first send (random), or
/// by the broker for a job (epoch, counter). Repeating a request under its id is
/// always safe.
template <class Tag>
struct Id128 {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    auto operator<=>(const Id128&) const = default;
    explicit operator bool() const { return high != 0 || low != 0; }
    /// 32 hexadecimal digits.
    [[nodiscard]] std::string str() const { return to_hex(high) + to_hex(low); }
    [[nodiscard]] static std::optional<Id128> parse(std::string_view text) {
        if (text.size() != 32) return std::nullopt;
        const auto h = from_hex(text.substr(0, 16));
        const auto l = from_hex(text.substr(16));
        return h && l ? std::optional<Id128>(Id128{*h, *l}) : std::nullopt;
    }
};

using RequestId = Id128<struct RequestTag>;
using JobId = Id128<struct JobTag>;

}  // namespace mc

template <class Tag>
struct std::hash<mc::Id64<Tag>> {
    std::size_t operator()(const mc::Id64<Tag>& id) const noexcept { return std::hash<std::uint64_t>{}(id.value); }
};

template <class Tag>
struct std::hash<mc::Id128<Tag>> {
    std::size_t operator()(const mc::Id128<Tag>& id) const noexcept {
        return std::hash<std::uint64_t>{}(id.high * 0x9E3779B97F4A7C15ULL ^ id.low);
    }
};

#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/big_endian.hpp"
#include "base/ids.hpp"
#include "base/public_key.hpp"
#include "base/result.hpp"
#include "protocol/limits.hpp"
#include "protocol/message.hpp"

/// Bodies to msgpack and back.
///
/// A body type names its fields once, in wire order:
///
///     struct Point {
///         std::uint32_t x = 0;
///         std::string name;
///         template <class Self, class Archive>
///         static void fields(Self& self, Archive& archive) {
///             archive(self.x);
///             archive(self.name, limits::name_bytes_max);
///         }
///     };
///
/// and is a msgpack array of them. Fields are only ever appended: a decoder
/// ignores elements it does not know and leaves fields that are not there at
/// their default (docs/protocol.md "Compatibility").
namespace mc::protocol {

template <class T>
concept Body = requires(T& value, struct ProbeArchive& archive) {
    &T::template fields<T, ProbeArchive>;
};

namespace detail {

/// Of an Id128.
inline constexpr std::size_t id_bytes = 16;

/// Appends msgpack values to a buffer. Knows msgpack; its users do not.
class Packer {
public:
    Packer();
    ~Packer();
    Packer(const Packer&) = delete;
    Packer& operator=(const Packer&) = delete;

    void array(std::size_t count);
    void unsigned_integer(std::uint64_t value);
    void signed_integer(std::int64_t value);
    void boolean(bool value);
    void string(std::string_view value);
    /// A string cut at limits::reason_bytes_max.
    void sentence(std::string_view value);
    void binary(std::string_view value);
    void nil();
    [[nodiscard]] Bytes take();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Walks one msgpack value, array by array. The first mismatch is kept and
/// everything after it reads as "not there"; nothing throws.
class Unpacker {
public:
    /// Parses under the limits of protocol/limits.hpp. `bytes` must outlive it.
    explicit Unpacker(std::string_view bytes);
    ~Unpacker();
    Unpacker(const Unpacker&) = delete;
    Unpacker& operator=(const Unpacker&) = delete;

    /// Enters the next element, which must be an array of at most `count_max`. Returns its length.
    std::optional<std::size_t> enter(std::size_t count_max);
    void leave();
    /// False when the current array has no more elements (an older peer) or after an error.
    [[nodiscard]] bool more() const;
    /// True and consumed when the next element is nil.
    bool take_nil();

    std::optional<std::uint64_t> unsigned_integer(std::uint64_t max);
    std::optional<std::int64_t> signed_integer(std::int64_t min, std::int64_t max);
    std::optional<bool> boolean();
    std::optional<std::string> string(std::size_t bytes_max);
    std::optional<std::string> binary(std::size_t bytes_max);

    void refuse(ErrorCode code, std::string why);
    [[nodiscard]] const std::optional<Error>& error() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Counts the fields of a body.
struct Counter {
    std::size_t count = 0;
    template <class... Args>
    void operator()(Args&&...) {
        ++count;
    }
};

template <Body T>
std::size_t field_count() {
    static const std::size_t count = [] {
        T value;
        Counter counter;
        T::fields(value, counter);
        return counter.count;
    }();
    return count;
}

}  // namespace detail

class Encoder {
public:
    template <Body T>
    void operator()(const T& value) {
        packer_.array(detail::field_count<T>());
        T::fields(value, *this);
    }
    template <std::unsigned_integral T>
    void operator()(const T& value) {
        if constexpr (std::same_as<T, bool>) {
            packer_.boolean(value);
        } else {
            packer_.unsigned_integer(value);
        }
    }
    template <std::signed_integral T>
    void operator()(const T& value) {
        packer_.signed_integer(value);
    }
    template <class E>
    requires std::is_enum_v<E>
    void operator()(const E& value) { packer_.unsigned_integer(static_cast<std::uint64_t>(value)); }
    template <class E>
    requires std::is_enum_v<E>
    void operator()(const E& value, E /*last*/) { packer_.unsigned_integer(static_cast<std::uint64_t>(value)); }
    template <class Tag>
    void operator()(const Id64<Tag>& id) {
        packer_.unsigned_integer(id.value);
    }
    template <class Tag>
    void operator()(const Id128<Tag>& id) {
        std::array<char, detail::id_bytes> raw;
        store_big_endian(raw.data(), id.high);
        store_big_endian(raw.data() + detail::id_bytes / 2, id.low);
        packer_.binary({raw.data(), raw.size()});
    }
    void operator()(const PublicKey& key) { packer_.binary(key.bytes()); }
    void operator()(const Epoch& epoch) { packer_.unsigned_integer(epoch.value); }
    void operator()(const EventSeq& seq) { packer_.unsigned_integer(seq.value); }
    void operator()(const WallTime& time) { packer_.signed_integer(time.unix_ms); }
    /// Sentences (those bounded by reason_bytes_max) may quote an engine and are cut to fit. Nothing else
    /// is: a cut name would be another name. What is over its limit is refused by the receiver.
    void operator()(const std::string& text, std::size_t bytes_max) {
        if (bytes_max == limits::reason_bytes_max) {
            packer_.sentence(text);
        } else {
            packer_.string(text);
        }
    }
    void operator()(const std::vector<std::string>& list, std::size_t /*count_max*/, std::size_t /*bytes_max*/) {
        packer_.array(list.size());
        for (const auto& text : list) packer_.string(text);
    }
    template <Body T>
    void operator()(const std::vector<T>& list, std::size_t /*count_max*/) {
        packer_.array(list.size());
        for (const auto& value : list) (*this)(value);
    }
    template <class Tag>
    void operator()(const std::vector<Id64<Tag>>& list, std::size_t /*count_max*/) {
        packer_.array(list.size());
        for (const auto& id : list) (*this)(id);
    }
    template <class Tag>
    void operator()(const std::vector<Id128<Tag>>& list, std::size_t /*count_max*/) {
        packer_.array(list.size());
        for (const auto& id : list) (*this)(id);
    }
    template <Body T>
    void operator()(const std::optional<T>& value) {
        if (value) {
            (*this)(*value);
        } else {
            packer_.nil();
        }
    }

    [[nodiscard]] Bytes take() { return packer_.take(); }

private:
    detail::Packer packer_;
};

class Decoder {
public:
    explicit Decoder(std::string_view bytes) : unpacker_(bytes) {}

    template <Body T>
    void operator()(T& value) {
        if (!unpacker_.more() || !unpacker_.enter(limits::body_items_max)) return;
        T::fields(value, *this);
        unpacker_.leave();
    }
    template <std::unsigned_integral T>
    void operator()(T& value) {
        if (!unpacker_.more()) return;
        if constexpr (std::same_as<T, bool>) {
            if (const auto v = unpacker_.boolean()) value = *v;
        } else {
            if (const auto v = unpacker_.unsigned_integer(std::numeric_limits<T>::max())) value = static_cast<T>(*v);
        }
    }
    template <std::signed_integral T>
    void operator()(T& value) {
        if (!unpacker_.more()) return;
        const auto v = unpacker_.signed_integer(std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
        if (v) value = static_cast<T>(*v);
    }
    void operator()(ErrorCode& code) {
        if (!unpacker_.more()) return;
        if (const auto v = unpacker_.unsigned_integer(UINT16_MAX)) {
            code = error_code_from(static_cast<std::uint16_t>(*v));
        }
    }
    void operator()(Verb& verb) {
        if (!unpacker_.more()) return;
        if (const auto v = unpacker_.unsigned_integer(UINT16_MAX)) {
            const auto known = verb_from(static_cast<std::uint16_t>(*v));
            if (known)
                verb = *known;
            else
                unpacker_.refuse(ErrorCode::bad_message, "an unknown verb in a body");
        }
    }
    /// An enumeration numbered from 0 to `last`.
    template <class E>
    requires std::is_enum_v<E>
    void operator()(E& value, E last) {
        if (!unpacker_.more()) return;
        if (const auto v = unpacker_.unsigned_integer(static_cast<std::uint64_t>(last))) value = static_cast<E>(*v);
    }
    template <class Tag>
    void operator()(Id64<Tag>& id) {
        (*this)(id.value);
    }
    template <class Tag>
    void operator()(Id128<Tag>& id) {
        if (!unpacker_.more()) return;
        const auto raw = unpacker_.binary(detail::id_bytes);
        if (!raw) return;
        if (raw->size() != detail::id_bytes) return unpacker_.refuse(ErrorCode::bad_message, "an id has 16 bytes");
        id.high = load_big_endian<std::uint64_t>(raw->data());
        id.low = load_big_endian<std::uint64_t>(raw->data() + detail::id_bytes / 2);
    }
    void operator()(PublicKey& key) {
        if (!unpacker_.more()) return;
        const auto raw = unpacker_.binary(PublicKey::size);
        if (!raw) return;
        const auto read = PublicKey::from_bytes(*raw);
        if (!read) return unpacker_.refuse(ErrorCode::bad_message, "a key has 32 bytes");
        key = *read;
    }
    void operator()(Epoch& epoch) { (*this)(epoch.value); }
    void operator()(EventSeq& seq) { (*this)(seq.value); }
    void operator()(WallTime& time) { (*this)(time.unix_ms); }
    void operator()(std::string& text, std::size_t bytes_max) {
        if (!unpacker_.more()) return;
        if (auto v = unpacker_.string(bytes_max)) text = std::move(*v);
    }
    void operator()(std::vector<std::string>& list, std::size_t count_max, std::size_t bytes_max) {
        elements(list, count_max, [&](std::string& text) { (*this)(text, bytes_max); });
    }
    template <Body T>
    void operator()(std::vector<T>& list, std::size_t count_max) {
        elements(list, count_max, [&](T& value) { (*this)(value); });
    }
    template <class Tag>
    void operator()(std::vector<Id64<Tag>>& list, std::size_t count_max) {
        elements(list, count_max, [&](Id64<Tag>& id) { (*this)(id); });
    }
    template <class Tag>
    void operator()(std::vector<Id128<Tag>>& list, std::size_t count_max) {
        elements(list, count_max, [&](Id128<Tag>& id) { (*this)(id); });
    }
    template <Body T>
    void operator()(std::optional<T>& value) {
        if (!unpacker_.more() || unpacker_.take_nil()) return;
        (*this)(value.emplace());
    }

    [[nodiscard]] const std::optional<Error>& error() const { return unpacker_.error(); }

private:
    template <class T, class Read>
    void elements(std::vector<T>& list, std::size_t count_max, Read read) {
        if (!unpacker_.more()) return;
        const auto count = unpacker_.enter(count_max);
        if (!count) return;
        if (*count > entries_left_) {
            return unpacker_.refuse(ErrorCode::too_large, "has too many entries, with the lists before it");
        }
        entries_left_ -= *count;
        list.clear();
        list.reserve(*count);
        for (std::size_t i = 0; i < *count && !unpacker_.error(); ++i) read(list.emplace_back());
        unpacker_.leave();
    }

    detail::Unpacker unpacker_;
    std::size_t entries_left_ = limits::body_entries_max;
};

template <Body T>
[[nodiscard]] Bytes encode(const T& value) {
    Encoder encoder;
    encoder(value);
    return encoder.take();
}

/// Errors: bad_message (not msgpack, wrong type, out of range), too_large (over a named limit).
/// An empty body decodes to T's defaults.
template <Body T>
[[nodiscard]] Result<T> decode(std::string_view bytes) {
    T value;
    if (bytes.empty()) return value;
    Decoder decoder(bytes);
    decoder(value);
    if (decoder.error()) return fail(*decoder.error());
    return value;
}

}  // namespace mc::protocol

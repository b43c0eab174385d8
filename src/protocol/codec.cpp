#include "protocol/codec.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <msgpack.hpp>

#include "protocol/text.hpp"

namespace mc::protocol::detail {

/// To begin with: to get the library's 8 KiB costs more than to pack or unpack most bodies.
constexpr std::size_t buffer_bytes = 512;
constexpr std::size_t zone_bytes_min = 512;
constexpr std::size_t usual_depth = 4;

struct Packer::Impl {
    msgpack::sbuffer buffer{buffer_bytes};
    msgpack::packer<msgpack::sbuffer> packer{buffer};
};

Packer::Packer() : impl_(std::make_unique<Impl>()) {}
Packer::~Packer() = default;

void Packer::array(std::size_t count) {
    impl_->packer.pack_array(static_cast<std::uint32_t>(count));
}
void Packer::unsigned_integer(std::uint64_t value) {
    impl_->packer.pack(value);
}
void Packer::signed_integer(std::int64_t value) {
    impl_->packer.pack(value);
}
void Packer::boolean(bool value) {
    impl_->packer.pack(value);
}
void Packer::string(std::string_view value) {
    // A receiver refuses a whole message for one string that is not UTF-8.
    if (!is_utf8(value)) {
        const std::string replaced = to_utf8(value, limits::message_bytes_max);
        return string(replaced);
    }
    const auto size = static_cast<std::uint32_t>(value.size());
    impl_->packer.pack_str(size).pack_str_body(value.data(), size);
}
void Packer::sentence(std::string_view value) {
    string(value.size() <= limits::reason_bytes_max ? std::string(value) : to_utf8(value, limits::reason_bytes_max));
}
void Packer::binary(std::string_view value) {
    const auto size = static_cast<std::uint32_t>(value.size());
    impl_->packer.pack_bin(size).pack_bin_body(value.data(), size);
}
void Packer::nil() {
    impl_->packer.pack_nil();
}
Bytes Packer::take() {
    return Bytes(impl_->buffer.data(), impl_->buffer.size());
}

struct Unpacker::Impl {
    struct Level {
        const msgpack::object* items;
        std::size_t count;
        std::size_t next;
    };

    explicit Impl(std::size_t bytes) : zone(std::clamp<std::size_t>(bytes, zone_bytes_min, MSGPACK_ZONE_CHUNK_SIZE)) {}

    msgpack::zone zone;
    msgpack::object body;  ///< its strings lie in the bytes that are unpacked
    boost::container::small_vector<Level, usual_depth> levels;
    std::optional<Error> error;

    const msgpack::object* peek() {
        Level& level = levels.back();
        return !error && level.next < level.count ? &level.items[level.next] : nullptr;
    }
    const msgpack::object* take() {
        const msgpack::object* object = peek();
        if (object) ++levels.back().next;
        return object;
    }
    /// "element 3", or "element 3 of element 1" inside a nested array; of the one just taken.
    [[nodiscard]] std::string place() const {
        std::string text;
        for (std::size_t i = levels.size(); i-- > 1;) {
            text += (text.empty() ? "element " : " of element ") + std::to_string(levels[i].next - 1);
        }
        return text.empty() ? "the body" : text;
    }
    void refuse(ErrorCode code, const std::string& why) {
        if (!error) error = Error{code, place() + " " + why};
    }
};

Unpacker::Unpacker(std::string_view bytes) : impl_(std::make_unique<Impl>(bytes.size())) {
    impl_->levels.push_back({nullptr, 0, 0});
    // msgpack's own defaults allow 4 GiB and any depth: a 5-byte body could ask for all memory.
    const msgpack::unpack_limit limit(limits::body_items_max, limits::body_items_max, limits::message_bytes_max,
                                      limits::message_bytes_max, 0, limits::body_depth_max);
    try {
        std::size_t offset = 0;
        const auto stay_there = [](msgpack::type::object_type, std::size_t, void*) { return true; };
        impl_->body = msgpack::unpack(impl_->zone, bytes.data(), bytes.size(), offset, stay_there, nullptr, limit);
        if (offset != bytes.size()) {
            impl_->error = Error{ErrorCode::bad_message, "the body has bytes after its end"};
            return;
        }
        impl_->levels.back() = {&impl_->body, 1, 0};
    } catch (const msgpack::size_overflow&) {
        impl_->error = Error{ErrorCode::too_large, "the body is over a size or depth limit"};
    } catch (const std::exception&) {
        impl_->error = Error{ErrorCode::bad_message, "the body is not one whole msgpack value"};
    }
}
Unpacker::~Unpacker() = default;

bool Unpacker::more() const {
    return impl_->peek() != nullptr;
}

std::optional<std::size_t> Unpacker::enter(std::size_t count_max) {
    const msgpack::object* object = impl_->take();
    if (!object) return std::nullopt;
    if (object->type != msgpack::type::ARRAY) {
        impl_->refuse(ErrorCode::bad_message, "is not an array");
        return std::nullopt;
    }
    const auto& array = object->via.array;
    if (array.size > count_max) {
        impl_->refuse(ErrorCode::too_large, "has more than " + std::to_string(count_max) + " entries");
        return std::nullopt;
    }
    impl_->levels.push_back({array.ptr, array.size, 0});
    return array.size;
}

void Unpacker::leave() {
    if (impl_->levels.size() > 1) impl_->levels.pop_back();
}

bool Unpacker::take_nil() {
    const msgpack::object* object = impl_->peek();
    if (!object || object->type != msgpack::type::NIL) return false;
    impl_->take();
    return true;
}

std::optional<std::uint64_t> Unpacker::unsigned_integer(std::uint64_t max) {
    const msgpack::object* object = impl_->take();
    if (!object) return std::nullopt;
    if (object->type != msgpack::type::POSITIVE_INTEGER) {
        impl_->refuse(ErrorCode::bad_message, "is not an unsigned integer");
        return std::nullopt;
    }
    if (object->via.u64 > max) {
        impl_->refuse(ErrorCode::bad_message, "is over " + std::to_string(max));
        return std::nullopt;
    }
    return object->via.u64;
}

std::optional<std::int64_t> Unpacker::signed_integer(std::int64_t min, std::int64_t max) {
    const msgpack::object* object = impl_->take();
    if (!object) return std::nullopt;
    const bool positive = object->type == msgpack::type::POSITIVE_INTEGER;
    if (!positive && object->type != msgpack::type::NEGATIVE_INTEGER) {
        impl_->refuse(ErrorCode::bad_message, "is not an integer");
        return std::nullopt;
    }
    const bool fits = positive ? object->via.u64 <= static_cast<std::uint64_t>(max) : object->via.i64 >= min;
    if (!fits) {
        impl_->refuse(ErrorCode::bad_message, "is out of range");
        return std::nullopt;
    }
    return positive ? static_cast<std::int64_t>(object->via.u64) : object->via.i64;
}

std::optional<bool> Unpacker::boolean() {
    const msgpack::object* object = impl_->take();
    if (!object) return std::nullopt;
    if (object->type != msgpack::type::BOOLEAN) {
        impl_->refuse(ErrorCode::bad_message, "is not true or false");
        return std::nullopt;
    }
    return object->via.boolean;
}

std::optional<std::string> Unpacker::string(std::size_t bytes_max) {
    const msgpack::object* object = impl_->take();
    if (!object) return std::nullopt;
    if (object->type != msgpack::type::STR) {
        impl_->refuse(ErrorCode::bad_message, "is not a string");
        return std::nullopt;
    }
    if (object->via.str.size > bytes_max) {
        impl_->refuse(ErrorCode::too_large, "has more than " + std::to_string(bytes_max) + " bytes");
        return std::nullopt;
    }
    std::string text(object->via.str.ptr, object->via.str.size);
    if (!is_utf8(text)) {
        impl_->refuse(ErrorCode::bad_message, "is not UTF-8");
        return std::nullopt;
    }
    return text;
}

std::optional<std::string> Unpacker::binary(std::size_t bytes_max) {
    const msgpack::object* object = impl_->take();
    if (!object) return std::nullopt;
    if (object->type != msgpack::type::BIN) {
        impl_->refuse(ErrorCode::bad_message, "is not binary");
        return std::nullopt;
    }
    if (object->via.bin.size > bytes_max) {
        impl_->refuse(ErrorCode::too_large, "has more than " + std::to_string(bytes_max) + " bytes");
        return std::nullopt;
    }
    return std::string(object->via.bin.ptr, object->via.bin.size);
}

void Unpacker::refuse(ErrorCode code, std::string why) {
    impl_->refuse(code, why);
}

const std::optional<Error>& Unpacker::error() const {
    return impl_->error;
}

}  // namespace mc::protocol::detail

#pragma once

#include <string.h>  // explicit_bzero

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace mc {

/// Bytes that are wiped when nobody needs them any more: secret keys, and texts with one in them. So a core dump, swap
/// or a bug that sends memory out has them only while they are in use. Copies are Secrets too.
///
/// Wiped is what this object holds; a std::string, a view's copy, and what a library was given are not
/// (docs/security.md). Contents are compared for tests, not in constant time: nothing is let in by comparing them.
class Secret {
public:
    Secret() = default;
    /// Takes the bytes over; `from` is wiped.
    explicit Secret(std::string&& from) : bytes_(from) { wipe(from); }
    explicit Secret(std::string_view from) : bytes_(from) {}

    ~Secret() { wipe(bytes_); }
    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { wipe(other.bytes_); }
    Secret& operator=(const Secret& other) {
        if (this != &other) *this = Secret(other);
        return *this;
    }
    Secret& operator=(Secret&& other) noexcept {
        // What was here goes to `other`, and is wiped with it or now.
        bytes_.swap(other.bytes_);
        wipe(other.bytes_);
        return *this;
    }

    /// The parts one after the other, with no copy left anywhere else.
    [[nodiscard]] static Secret of(std::initializer_list<std::string_view> parts) {
        std::size_t size = 0;
        for (const auto part : parts) size += part.size();
        Secret whole;
        whole.bytes_.reserve(size);
        for (const auto part : parts) whole.bytes_ += part;
        return whole;
    }

    /// Valid as long as this object is not changed.
    [[nodiscard]] std::string_view view() const { return bytes_; }
    [[nodiscard]] bool operator==(const Secret&) const = default;

    /// Overwrites the characters, those of a short string that were moved away too, and empties it.
    static void wipe(std::string& text) {
        text.resize(text.capacity());  // within what it has: nothing is copied elsewhere
        ::explicit_bzero(text.data(), text.size());
        text.clear();
    }
    template <class Element, std::size_t size>
    static void wipe(std::array<Element, size>& bytes) {
        ::explicit_bzero(bytes.data(), sizeof bytes);
    }

private:
    std::string bytes_;
};

}  // namespace mc

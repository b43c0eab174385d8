#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "protocol/codec.hpp"
#include "unit/protocol/samples.hpp"

namespace mc::fuzz {

inline void require(bool condition) {
    if (!condition) std::abort();
}

/// A fuzzer's input as a sequence of choices. Past its end every choice is the first one.
class Feed {
public:
    Feed(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

    [[nodiscard]] bool more() const { return !rest_.empty(); }
    [[nodiscard]] bool yes() { return below(2) == 1; }
    /// 0 to `end` - 1. REQUIRES: end > 0.
    [[nodiscard]] std::size_t below(std::size_t end) {
        constexpr std::size_t byte_values = 256;
        return (end <= byte_values ? next() : number()) % end;
    }
    [[nodiscard]] std::uint32_t number() {
        std::uint32_t value = 0;
        for (int i = 0; i < 4; ++i) value = value << 8 | next();
        return value;
    }
    [[nodiscard]] std::string bytes(std::size_t most) {
        const std::size_t wanted = below(most + 1);
        const std::size_t size = std::min(wanted, rest_.size());
        std::string taken(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return taken;
    }
    template <class T>
    [[nodiscard]] const T& one_of(const std::vector<T>& all) {
        return all[below(all.size())];
    }

    /// One of few, so that requests meet each other again.
    [[nodiscard]] RequestId id() { return RequestId{7, below(6)}; }

    /// A body of any type, well or with some bytes of it changed; or no body at all.
    [[nodiscard]] protocol::Bytes body() {
        static const std::vector<protocol::Bytes> samples =
            std::apply([](const auto&... each) { return std::vector<protocol::Bytes>{protocol::encode(each)...}; },
                       protocol::samples::all());
        if (below(8) == 0) return bytes(64);
        protocol::Bytes body = one_of(samples);
        for (std::size_t changes = below(4); changes > 0 && !body.empty(); --changes) {
            body[below(body.size())] = static_cast<char>(below(256));
        }
        return body;
    }

    /// A header with any fields that can stand there.
    [[nodiscard]] protocol::Header header() {
        protocol::Header header;
        header.kind = static_cast<protocol::Kind>(1 + below(8));
        header.verb = protocol::verb_from(static_cast<std::uint16_t>(below(67))).value_or(protocol::Verb::hello);
        header.id = id();
        header.code = static_cast<ErrorCode>(below(40));
        header.value = yes() ? number() : static_cast<std::uint32_t>(below(3));
        header.sequence = static_cast<std::uint32_t>(below(4));
        return header;
    }

    [[nodiscard]] std::vector<protocol::Bytes> frames() {
        if (below(8) == 0) return {bytes(64), bytes(64), bytes(64)};
        return protocol::to_frames({header(), body(), yes() ? body() : bytes(32)});
    }

private:
    std::uint8_t next() {
        if (rest_.empty()) return 0;
        const auto byte = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        return byte;
    }

    std::string_view rest_;
};

}  // namespace mc::fuzz

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "protocol/codec.hpp"
#include "protocol/message.hpp"

/// The messages whose bytes docs/protocol.md shows and tests/golden/wire/*.hex pins.
namespace mc::protocol::examples {

struct Part {
    std::string type;  ///< the body's heading in docs/protocol.md; "" = empty or raw
    Bytes bytes;
    /// The bytes that decoding and encoding again give; or the error.
    std::function<Result<Bytes>(const Bytes&)> again;
};

template <Body T>
Part part(const char* type, const T& value) {
    return {type, encode(value), [](const Bytes& bytes) -> Result<Bytes> {
                const auto back = decode<T>(bytes);
                if (!back) return fail(back.error());
                return encode(*back);
            }};
}
inline Part raw(Bytes bytes = {}) {
    return {"", std::move(bytes), [](const Bytes& same) -> Result<Bytes> { return same; }};
}

struct Example {
    std::string name;   ///< of its file
    std::string topic;  ///< events channel only
    Header header;
    Part body;
    Part data;
};

[[nodiscard]] std::vector<Example> all();

}  // namespace mc::protocol::examples

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "protocol/message.hpp"

namespace mc::worker {

/// Takes Docker's attach stream apart: 8 bytes of header (channel, three zeros,
/// big-endian length), then that many bytes, again and again.
///
/// Incremental: bytes may be cut anywhere. Holds nothing but a partial header, so
/// its memory does not depend on what the engine announces.
/// Source: Engine API v1.41, ContainerAttach "Stream format".
class Demultiplexer {
public:
    using Sink = std::function<void(protocol::Channel, std::string_view)>;

    /// Hands each piece of payload to `sink`, in order, as views into `bytes`.
    /// Errors: engine_failed for a header that is none; everything after it is refused.
    [[nodiscard]] Result<void> feed(std::string_view bytes, const Sink& sink);

    /// True between two frames: a stream that ends elsewhere was cut off.
    [[nodiscard]] bool at_boundary() const { return header_bytes_ == 0 && payload_left_ == 0; }

private:
    static constexpr std::size_t header_size = 8;

    std::array<unsigned char, header_size> header_{};
    std::size_t header_bytes_ = 0;
    std::uint32_t payload_left_ = 0;
    protocol::Channel channel_ = protocol::Channel::output;
    bool broken_ = false;
};

}  // namespace mc::worker

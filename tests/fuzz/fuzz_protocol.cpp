// Every decoder of the protocol. The first byte chooses one, the rest is its input.
//
// Goal: no input crashes, hangs or allocates without bound; and what is accepted
// and written again is accepted again as the same value.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <tuple>

#include "protocol/codec.hpp"
#include "protocol/text.hpp"
#include "protocol/validate.hpp"
#include "unit/protocol/samples.hpp"

namespace {

using namespace mc::protocol;

void require(bool condition) {
    if (!condition) std::abort();
}

template <class T>
void try_body(std::string_view input) {
    const auto first = decode<T>(input);
    if (!first) {
        require(first.error().code == mc::ErrorCode::bad_message || first.error().code == mc::ErrorCode::too_large);
        require(is_utf8(first.error().message));
        return;
    }
    const Bytes again = encode(*first);
    // What was accepted may be written longer than it came (a default for each missing field).
    if (again.size() > mc::limits::message_bytes_max) return;
    const auto second = decode<T>(again);
    require(second.has_value() && *second == *first);
}

void try_header(std::string_view input) {
    const auto header = decode_header(input);
    const auto id = peek_id(input);
    if (!header) return;
    require(header->id == id);
    require(decode_header(encode_header(*header)) == header);
}

void try_frames(std::string_view input) {
    // Frames are parted by their length in two bytes.
    std::vector<Bytes> frames;
    while (input.size() >= 2) {
        const auto size =
            static_cast<std::size_t>(static_cast<unsigned char>(input[0]) << 8) | static_cast<unsigned char>(input[1]);
        input.remove_prefix(2);
        frames.emplace_back(input.substr(0, size));
        input.remove_prefix(std::min(size, input.size()));
    }
    const auto message = from_frames(frames);
    if (message) require(to_frames(*message).size() >= 2);
}

void try_rules(std::string_view input) {
    // A refusal's sentence goes to a terminal: it must not carry what was refused raw.
    for (const auto& result : {check_name("VM name", input), check_target(input), check_image(input), check_env(input),
                               check_public_key(input), check_password_hash(input)}) {
        if (result) continue;
        require(is_utf8(result.error().message));
        for (const char c : result.error().message) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    }
    require(is_utf8(to_utf8(input, 1000)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0]) {
        case 0xFF:
            try_header(input);
            return 0;
        case 0xFE:
            try_frames(input);
            return 0;
        case 0xFD:
            try_rules(input);
            return 0;
        default:
            break;
    }
    std::size_t chosen = data[0];
    std::apply(
        [&]<class... T>(const T&...) {
            chosen %= sizeof...(T);
            std::size_t i = 0;
            ((i++ == chosen ? try_body<T>(input) : void()), ...);
        },
        samples::all());
    return 0;
}

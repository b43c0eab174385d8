#include "protocol/message.hpp"

#include <array>
#include <utility>
#include <vector>

#include "base/big_endian.hpp"
#include "protocol/limits.hpp"

namespace mc::protocol {
namespace {

constexpr char magic_0 = 'M';
constexpr char magic_1 = 'C';
constexpr std::size_t id_offset = 8;

/// Writes `value` at `out`, which it moves behind it.
template <class T>
void put(char*& out, T value) {
    store_big_endian(out, value);
    out += sizeof(T);
}

template <class T>
T get(std::string_view bytes, std::size_t offset) {
    return load_big_endian<T>(bytes.data() + offset);
}

constexpr std::array verb_names{
    std::pair{Verb::hello, "hello"},
    std::pair{Verb::create, "create"},
    std::pair{Verb::list, "list"},
    std::pair{Verb::info, "info"},
    std::pair{Verb::start, "start"},
    std::pair{Verb::stop, "stop"},
    std::pair{Verb::restart, "restart"},
    std::pair{Verb::remove, "delete"},
    std::pair{Verb::exec, "exec"},
    std::pair{Verb::logs, "logs"},
    std::pair{Verb::nodes, "nodes"},
    std::pair{Verb::events, "events"},
    std::pair{Verb::beacon, "beacon"},
    std::pair{Verb::job, "job"},
    std::pair{Verb::jobs, "jobs"},
    std::pair{Verb::cancel, "cancel"},
    std::pair{Verb::cordon, "cordon"},
    std::pair{Verb::uncordon, "uncordon"},
    std::pair{Verb::drain, "drain"},
    std::pair{Verb::forget, "forget"},
    std::pair{Verb::join, "join"},
    std::pair{Verb::token_create, "token_create"},
    std::pair{Verb::keys, "keys"},
    std::pair{Verb::revoke, "revoke"},
    std::pair{Verb::audit, "audit"},
    std::pair{Verb::tunnel, "tunnel"},
    std::pair{Verb::usage, "usage"},
    std::pair{Verb::update, "update"},
    std::pair{Verb::placement, "placement"},
    std::pair{Verb::images, "images"},
    std::pair{Verb::node_register, "node_register"},
    std::pair{Verb::node_heartbeat, "node_heartbeat"},
    std::pair{Verb::node_inventory, "node_inventory"},
    std::pair{Verb::node_usage, "node_usage"},
    std::pair{Verb::vm_create, "vm_create"},
    std::pair{Verb::vm_start, "vm_start"},
    std::pair{Verb::vm_stop, "vm_stop"},
    std::pair{Verb::vm_restart, "vm_restart"},
    std::pair{Verb::vm_remove, "vm_remove"},
    std::pair{Verb::vm_exec, "vm_exec"},
    std::pair{Verb::vm_logs, "vm_logs"},
    std::pair{Verb::vm_inspect, "vm_inspect"},
    std::pair{Verb::job_cancel, "job_cancel"},
    std::pair{Verb::vm_tunnel, "vm_tunnel"},
    std::pair{Verb::node_images, "node_images"},
    std::pair{Verb::event_beacon, "event_beacon"},
    std::pair{Verb::events_published, "events_published"},
};

/// By number, as each message has one; "" = there is no such verb.
constexpr auto names_by_number = [] {
    std::array<std::string_view, static_cast<std::size_t>(verb_names.back().first) + 1> names;
    for (const auto& [verb, name] : verb_names) names[static_cast<std::size_t>(verb)] = name;
    return names;
}();

}  // namespace

std::string_view name_of(Verb verb) {
    return verb_from(static_cast<std::uint16_t>(verb)) ? names_by_number[static_cast<std::size_t>(verb)] : "unknown";
}

std::optional<Verb> verb_from(std::uint16_t number) {
    if (number >= names_by_number.size() || names_by_number[number].empty()) return std::nullopt;
    return static_cast<Verb>(number);
}

bool is_client_verb(Verb verb) {
    return verb >= Verb::hello && verb <= Verb::images;
}

bool has_items(Verb verb) {
    return verb == Verb::create || (verb >= Verb::start && verb <= Verb::remove) ||
           (verb >= Verb::cordon && verb <= Verb::forget) || verb == Verb::token_create || verb == Verb::revoke ||
           verb == Verb::update;
}

bool is_worker_verb(Verb verb) {
    return verb >= Verb::node_register && verb <= Verb::node_images;
}

std::optional<Verb> stream_order(Verb verb) {
    switch (verb) {
        case Verb::exec:
            return Verb::vm_exec;
        case Verb::logs:
            return Verb::vm_logs;
        case Verb::tunnel:
            return Verb::vm_tunnel;
        case Verb::images:
            return Verb::node_images;
        default:
            return std::nullopt;
    }
}

bool is_stream_order(Verb verb) {
    return verb == Verb::vm_exec || verb == Verb::vm_logs || verb == Verb::vm_tunnel || verb == Verb::node_images;
}

Bytes encode_header(const Header& header) {
    std::array<char, limits::header_bytes> bytes;
    encode_header(header, bytes);
    return {bytes.data(), bytes.size()};
}

void encode_header(const Header& header, std::span<char, limits::header_bytes> bytes) {
    char* out = bytes.data();
    *out++ = magic_0;
    *out++ = magic_1;
    put(out, header.version);
    put(out, static_cast<std::uint8_t>(header.kind));
    put(out, static_cast<std::uint16_t>(header.verb));
    put(out, static_cast<std::uint16_t>(header.code));
    put(out, header.id.high);
    put(out, header.id.low);
    put(out, header.value);
    put(out, header.sequence);
}

Result<Header> decode_header(std::string_view frame) {
    if (frame.size() < 3 || frame[0] != magic_0 || frame[1] != magic_1) {
        return fail(ErrorCode::bad_message, "the header does not start with \"MC\": this is not a minicloud message");
    }
    // Before the length: a header of another version may have another length.
    Header header;
    header.version = get<std::uint8_t>(frame, 2);
    if (header.version != version_current) {
        return fail(ErrorCode::unsupported_version,
                    "protocol version " + std::to_string(header.version) + " is not spoken here, only version " +
                        std::to_string(version_current) + ": use programs of the same release");
    }
    if (frame.size() != limits::header_bytes) {
        return fail(ErrorCode::bad_message, "a header has 32 bytes, this one has " + std::to_string(frame.size()));
    }
    const auto kind = get<std::uint8_t>(frame, 3);
    if (kind < static_cast<std::uint8_t>(Kind::request) || kind > static_cast<std::uint8_t>(Kind::notice)) {
        return fail(ErrorCode::bad_message, "message kind " + std::to_string(kind) + " is not defined");
    }
    header.kind = static_cast<Kind>(kind);
    const auto verb = verb_from(get<std::uint16_t>(frame, 4));
    if (!verb) {
        return fail(ErrorCode::unknown_verb,
                    "verb " + std::to_string(get<std::uint16_t>(frame, 4)) + " is not known here");
    }
    header.verb = *verb;
    header.code = error_code_from(get<std::uint16_t>(frame, 6));
    header.id = peek_id(frame);
    header.value = get<std::uint32_t>(frame, 24);
    header.sequence = get<std::uint32_t>(frame, 28);
    return header;
}

RequestId peek_id(std::string_view frame) {
    if (frame.size() < id_offset + 16) return {};
    return RequestId{get<std::uint64_t>(frame, id_offset), get<std::uint64_t>(frame, id_offset + 8)};
}

std::vector<Bytes> to_frames(Message message) {
    std::vector<Bytes> frames;
    frames.reserve(limits::frames_max);
    frames.push_back(encode_header(message.header));
    frames.push_back(std::move(message.body));
    if (!message.data.empty()) frames.push_back(std::move(message.data));
    return frames;
}

Result<Message> from_frames(std::span<Bytes> frames) {
    if (frames.size() < 2 || frames.size() > limits::frames_max) {
        return fail(ErrorCode::bad_message, "a message has a header, a body and at most one data frame; this one has " +
                                                std::to_string(frames.size()) + " frames");
    }
    for (const Bytes& frame : frames) {
        if (frame.size() > limits::message_bytes_max) return fail(ErrorCode::too_large, "a frame is over 1 MiB");
    }
    auto header = decode_header(frames[0]);
    if (!header) return fail(header.error());
    Message message{*header, std::move(frames[1]), {}};
    if (frames.size() == 3) message.data = std::move(frames[2]);
    return message;
}

}  // namespace mc::protocol

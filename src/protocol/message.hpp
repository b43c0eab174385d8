#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "protocol/limits.hpp"

namespace mc::protocol {

/// Raw bytes. A std::string, because that is what every library here takes.
using Bytes = std::string;

inline constexpr std::uint8_t version_current = 1;

/// What a message is in the life of its request. docs/protocol.md "Kinds".
enum class Kind : std::uint8_t {
    request = 1,   ///< asks; answered by exactly one `reply` with the same id
    reply = 2,     ///< the end of a request: `code` says how it ended
    progress = 3,  ///< something happened on the way; body Progress
    data = 4,      ///< a chunk of a stream, in the data frame; `value` is the Channel, `sequence` its number
    credit = 5,    ///< `value` more bytes may be sent; 0 is a sign of life
    end = 6,       ///< no more data from this side
    control = 7,   ///< for the other end of a stream, e.g. a new window size; body Resize
    notice = 8,    ///< one way, no answer owed
};

/// `value` of a reply: what its body is.
namespace reply_value {
inline constexpr std::uint32_t own = 0;      ///< the verb's own
inline constexpr std::uint32_t error = 1;    ///< an ErrorBody
inline constexpr std::uint32_t warning = 2;  ///< the verb's own; the data frame is a sentence to show to a person
}  // namespace reply_value

enum class Channel : std::uint32_t { input = 0, output = 1, error = 2 };

/// What is asked. Clients and workers have no verb in common.
enum class Verb : std::uint16_t {
    // client -> broker
    hello = 1,
    create = 2,
    list = 3,
    info = 4,
    start = 5,
    stop = 6,
    restart = 7,
    remove = 8,
    exec = 9,
    logs = 10,
    nodes = 11,
    events = 12,
    beacon = 13,
    job = 14,
    jobs = 15,
    cancel = 16,
    cordon = 17,
    uncordon = 18,
    drain = 19,
    forget = 20,
    join = 21,
    token_create = 22,
    keys = 23,
    revoke = 24,
    audit = 25,
    tunnel = 26,
    usage = 27,
    update = 28,
    placement = 29,
    images = 30,

    // worker -> broker
    node_register = 32,
    node_heartbeat = 33,  ///< both ways
    node_inventory = 34,
    node_usage = 35,

    // broker -> worker
    vm_create = 48,
    vm_start = 49,
    vm_stop = 50,
    vm_restart = 51,
    vm_remove = 52,
    vm_exec = 53,
    vm_logs = 54,
    vm_inspect = 55,
    job_cancel = 56,
    vm_tunnel = 57,
    node_images = 58,

    // broker -> everybody, on the events channel
    event_beacon = 65,
    events_published = 66,  ///< release 0.1.0 published each by itself, as 64
};

/// What this release tells a peer that asks how much it knows.
inline constexpr Verb client_verb_last = Verb::images;
inline constexpr Verb order_last = Verb::node_images;

/// The word of the documentation, e.g. "vm_create" or "delete"; "unknown" for a number that has none.
[[nodiscard]] std::string_view name_of(Verb verb);
[[nodiscard]] std::optional<Verb> verb_from(std::uint16_t number);
[[nodiscard]] bool is_client_verb(Verb verb);
[[nodiscard]] bool is_worker_verb(Verb verb);
/// The order that a client's stream becomes at the worker: vm_exec for exec. nullopt: `verb` is not relayed.
[[nodiscard]] std::optional<Verb> stream_order(Verb verb);
/// Whether messages of that verb between broker and worker are relayed from or to a client, and not stored.
[[nodiscard]] bool is_stream_order(Verb verb);
/// Changes something about VMs, nodes or keys: its outcome is remembered, its reply is an ItemsReply.
[[nodiscard]] bool has_items(Verb verb);

/// The first frame: 32 bytes, big-endian. docs/protocol.md "Header".
struct Header {
    std::uint8_t version = version_current;
    Kind kind = Kind::request;
    Verb verb = Verb::hello;
    ErrorCode code = ErrorCode::ok;  ///< of a reply
    RequestId id;                    ///< of the request, or the job's id between broker and worker
    std::uint32_t value =
        0;  ///< request: deadline in ms, 0 = default; data: Channel; credit and first progress of a stream: bytes
    std::uint32_t sequence = 0;  ///< data: number of the chunk in its direction, from 0

    bool operator==(const Header&) const = default;
};

struct Message {
    Header header;
    Bytes body;  ///< msgpack; may be empty
    Bytes data;  ///< relayed undecoded; may be empty

    bool operator==(const Message&) const = default;
};

/// As it goes on the wire, without what stands before it.
[[nodiscard]] inline std::size_t bytes_of(const Message& message) {
    return limits::header_bytes + message.body.size() + message.data.size();
}

/// A job's id travels in the header's id field.
[[nodiscard]] inline RequestId as_request_id(JobId job) {
    return RequestId{job.high, job.low};
}
[[nodiscard]] inline JobId as_job_id(RequestId id) {
    return JobId{id.high, id.low};
}

[[nodiscard]] Bytes encode_header(const Header& header);
/// The same, to where there is room for it already.
void encode_header(const Header& header, std::span<char, limits::header_bytes> out);

/// Errors: bad_message (length, magic, kind), unsupported_version, unknown_verb.
[[nodiscard]] Result<Header> decode_header(std::string_view frame);

/// The id in a header frame that may be otherwise unreadable, so that a refusal
/// can be matched with its request; zero when the frame is too short.
[[nodiscard]] RequestId peek_id(std::string_view frame);

/// Header, body and (when present) data, as they go on the wire.
[[nodiscard]] std::vector<Bytes> to_frames(Message message);

/// Errors: as decode_header; too_large for a frame over message_bytes_max; bad_message for a wrong number of frames.
[[nodiscard]] Result<Message> from_frames(std::span<Bytes> frames);

}  // namespace mc::protocol

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mc {

/// What went wrong, as every program, the wire and the documentation name it.
///
/// The numbers are part of the protocol (docs/protocol.md "Errors"): they are
/// never reused and never change.
enum class ErrorCode : std::uint16_t {
    ok = 0,

    // What was sent can't be understood or accepted as it is.
    bad_message = 1,
    unsupported_version = 2,
    unknown_verb = 3,
    invalid_argument = 4,
    request_conflict = 5,
    too_large = 6,

    // The thing that was named is not there, is there already, or can't do that now.
    not_found = 10,
    already_exists = 11,
    wrong_state = 12,
    cancelled = 13,
    not_registered = 14,

    // There is no room.
    no_capacity = 20,
    no_node = 21,
    busy = 22,
    quota_exceeded = 23,

    // A node, its engine or an image is at fault.
    node_unreachable = 30,
    engine_unreachable = 31,
    engine_failed = 32,
    image_not_found = 33,
    pull_failed = 34,
    vm_exited = 35,
    ssh_not_answering = 36,
    engine_conflict = 37,

    // It took too long: the outcome is unknown.
    deadline_exceeded = 40,

    // It is not allowed.
    denied = 50,
    stale_epoch = 51,
    node_name_taken = 52,
    not_authorised = 53,

    // This side is at fault.
    store_failed = 60,
    internal = 61,

    // Seen by a program on its own machine; never sent.
    broker_unreachable = 70,
    io_failed = 71,
    usage = 72,
};

/// What the author of a request may do after an error.
enum class Retry : std::uint8_t {
    never,    ///< the same request will fail again
    later,    ///< nothing happened; the same request may succeed later
    unknown,  ///< it may have happened; repeat it under the same request id, or look
};

/// The stable lower-case name, e.g. "no_capacity"; "unknown_error" for a value
/// that is not listed above. Static storage.
[[nodiscard]] std::string_view name_of(ErrorCode code);

/// Source: docs/protocol.md "Errors".
[[nodiscard]] Retry retry_of(ErrorCode code);

/// The code for a number from the wire. A number this version does not know
/// becomes `internal`, so that a newer peer's error stays an error.
[[nodiscard]] ErrorCode error_code_from(std::uint16_t number);

/// A failure and a sentence that a person can act on: what failed, on what,
/// why, and what to do next.
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;
    std::uint32_t retry_after_ms = 0;  ///< when the same may be tried again; 0 = no advice

    bool operator==(const Error&) const = default;
};

}  // namespace mc

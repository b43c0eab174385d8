#include "base/error.hpp"

#include <algorithm>
#include <array>

namespace mc {
namespace {

struct Row {
    ErrorCode code;
    std::string_view name;
    Retry retry;
};

constexpr std::array rows{
    Row{ErrorCode::ok, "ok", Retry::never},
    Row{ErrorCode::bad_message, "bad_message", Retry::never},
    Row{ErrorCode::unsupported_version, "unsupported_version", Retry::never},
    Row{ErrorCode::unknown_verb, "unknown_verb", Retry::never},
    Row{ErrorCode::invalid_argument, "invalid_argument", Retry::never},
    Row{ErrorCode::request_conflict, "request_conflict", Retry::never},
    Row{ErrorCode::too_large, "too_large", Retry::never},
    Row{ErrorCode::not_found, "not_found", Retry::never},
    Row{ErrorCode::already_exists, "already_exists", Retry::never},
    Row{ErrorCode::wrong_state, "wrong_state", Retry::never},
    Row{ErrorCode::cancelled, "cancelled", Retry::never},
    Row{ErrorCode::not_registered, "not_registered", Retry::later},
    Row{ErrorCode::no_capacity, "no_capacity", Retry::later},
    Row{ErrorCode::no_node, "no_node", Retry::later},
    Row{ErrorCode::busy, "busy", Retry::later},
    Row{ErrorCode::quota_exceeded, "quota_exceeded", Retry::never},
    Row{ErrorCode::node_unreachable, "node_unreachable", Retry::unknown},
    Row{ErrorCode::engine_unreachable, "engine_unreachable", Retry::unknown},
    Row{ErrorCode::engine_failed, "engine_failed", Retry::never},
    Row{ErrorCode::image_not_found, "image_not_found", Retry::never},
    Row{ErrorCode::pull_failed, "pull_failed", Retry::later},
    Row{ErrorCode::vm_exited, "vm_exited", Retry::never},
    Row{ErrorCode::ssh_not_answering, "ssh_not_answering", Retry::never},
    Row{ErrorCode::engine_conflict, "engine_conflict", Retry::never},
    Row{ErrorCode::deadline_exceeded, "deadline_exceeded", Retry::unknown},
    Row{ErrorCode::denied, "denied", Retry::never},
    Row{ErrorCode::stale_epoch, "stale_epoch", Retry::never},
    Row{ErrorCode::node_name_taken, "node_name_taken", Retry::never},
    Row{ErrorCode::not_authorised, "not_authorised", Retry::never},
    Row{ErrorCode::store_failed, "store_failed", Retry::later},
    Row{ErrorCode::internal, "internal", Retry::unknown},
    Row{ErrorCode::broker_unreachable, "broker_unreachable", Retry::unknown},
    Row{ErrorCode::io_failed, "io_failed", Retry::never},
    Row{ErrorCode::usage, "usage", Retry::never},
};

const Row* find(ErrorCode code) {
    const auto* row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.code == code; });
    return row == rows.end() ? nullptr : row;
}

}  // namespace

std::string_view name_of(ErrorCode code) {
    const Row* row = find(code);
    return row ? row->name : "unknown_error";
}

Retry retry_of(ErrorCode code) {
    const Row* row = find(code);
    return row ? row->retry : Retry::unknown;
}

ErrorCode error_code_from(std::uint16_t number) {
    const auto code = static_cast<ErrorCode>(number);
    return find(code) ? code : ErrorCode::internal;
}

}  // namespace mc

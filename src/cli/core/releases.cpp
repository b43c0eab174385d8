#include "cli/core/releases.hpp"

namespace mc::cli {

Result<void> check_knows_setup(const protocol::HelloReply& hello) {
    if (hello.verb_max >= static_cast<std::uint16_t>(protocol::Verb::images)) return {};
    return fail(ErrorCode::unknown_verb,
                "the broker is mcbroker " + hello.version +
                    ", an older release that knows no set-up scripts; update it, or create without --setup");
}

}  // namespace mc::cli

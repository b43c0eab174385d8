#include "cli/core/releases.hpp"

#include <gtest/gtest.h>

namespace mc::cli {
namespace {

// Goal: a script that a broker would leave out is not sent to it. Spec: docs/protocol.md "create".
TEST(Releases, ThatKnowNoSetUpScriptsAreToldByTheirHighestVerb) {
    protocol::HelloReply hello;
    hello.version = "0.1.0";  // and says no verb
    const auto refused = check_knows_setup(hello);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unknown_verb);
    EXPECT_EQ(refused.error().message.find("the broker is mcbroker 0.1.0, an older release"), 0U);
    hello.verb_max = static_cast<std::uint16_t>(protocol::Verb::images) - 1;
    EXPECT_FALSE(check_knows_setup(hello));
    hello.verb_max = static_cast<std::uint16_t>(protocol::Verb::images);
    EXPECT_TRUE(check_knows_setup(hello));
    hello.verb_max = UINT16_MAX;
    EXPECT_TRUE(check_knows_setup(hello));
}

}  // namespace
}  // namespace mc::cli

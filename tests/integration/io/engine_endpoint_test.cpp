#include "io/engine_endpoint.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace mc::io {
namespace {

using test::environment_of;
using ::testing::HasSubstr;

TEST(EngineEndpoint, UnderstandsTheUsualForms) {
    EXPECT_EQ(EngineEndpoint::parse("unix:///run/d.sock")->path, "/run/d.sock");
    EXPECT_EQ(EngineEndpoint::parse("/run/d.sock")->str(), "unix:///run/d.sock");
    EXPECT_EQ(EngineEndpoint::parse("tcp://10.0.0.1:1234")->str(), "tcp://10.0.0.1:1234");
    EXPECT_EQ(EngineEndpoint::parse("http://engine/")->str(), "tcp://engine:2375");
    EXPECT_EQ(EngineEndpoint::parse("tcp://[::1]:99")->host, "::1");
    EXPECT_EQ(EngineEndpoint::parse("tcp://[::1]:99")->str(), "tcp://[::1]:99");
}

TEST(EngineEndpoint, RefusesWithASentence) {
    for (const std::string bad : {"", "nonsense", "unix://relative", "tcp://", "tcp://:1", "tcp://h:0", "tcp://h:65536",
                                  "tcp://h:1x", "tcp://h:1/path", "tcp://[::1", "tcp://u@h:1", "ftp://h"}) {
        const auto parsed = EngineEndpoint::parse(bad);
        ASSERT_FALSE(parsed) << bad;
        EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
        EXPECT_THAT(parsed.error().message, HasSubstr("\"" + bad + "\""));
    }
    EXPECT_THAT(EngineEndpoint::parse("https://h").error().message, HasSubstr("TLS"));
    EXPECT_THAT(EngineEndpoint::parse("ssh://h").error().message, HasSubstr("ssh is not supported"));
}

TEST(EngineEndpoint, ChoosesConfiguredThenVariableThenWhatIsThere) {
    EXPECT_EQ(EngineEndpoint::choose("unix:///a", environment_of({{"DOCKER_HOST", "unix:///b"}}))->path, "/a");
    EXPECT_EQ(EngineEndpoint::choose("", environment_of({{"DOCKER_HOST", "unix:///b"}}))->path, "/b");
    EXPECT_FALSE(EngineEndpoint::choose("", environment_of({{"DOCKER_HOST", "nonsense"}})));
    EXPECT_EQ(EngineEndpoint::choose("", environment_of({{"HOME", "/nowhere"}}))->path, "/var/run/docker.sock");
}

}  // namespace
}  // namespace mc::io

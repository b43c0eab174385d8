#include <dlfcn.h>
#include <gmock/gmock.h>
#include <zmq.h>

#include <csignal>
#include <cstdlib>
#include <string_view>

#include "broker/shell/broker_shell.hpp"
#include "integration/io/temp_dir.hpp"

namespace {
/// Keys that are refused before one is let in all the same; below 0: none is.
int refused_before = -1;
}  // namespace

/// In place of libzmq's: as that one, but the ZapHandler's refusal of one key is turned into its contrary, as by a
/// library that does not keep strangers out.
extern "C" int zmq_send(void* socket, const void* bytes, std::size_t size, int flags) {
    static const auto real = reinterpret_cast<decltype(&zmq_send)>(dlsym(RTLD_NEXT, "zmq_send"));
    const bool refuses = std::string_view(static_cast<const char*>(bytes), size) == "400";
    return real(socket, refuses && refused_before-- == 0 ? "200" : bytes, size, flags);
}

namespace mc::broker {
namespace {

using ::testing::HasSubstr;

struct Strangers : ::testing::TestWithParam<int> {
    io::test::TempDir dir;

    Strangers() { ::setenv("STATE_DIRECTORY", dir.path().c_str(), 1); }  // a service: no context for this user

    Result<std::unique_ptr<BrokerShell>> open() {
        BrokerOptions options;
        options.clients = options.workers = options.events = "tcp://127.0.0.1:0";
        options.state_dir = dir.path().string();
        return BrokerShell::open(options, io::Signals::block({SIGTERM}).value());
    }
};

// Goal: a broker that can't keep strangers out of its clients', workers' or events' socket does not run. Pitfall 6.
TEST_P(Strangers, EndTheStartOfABrokerThatLetsThemInAnywhere) {
    refused_before = GetParam();
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::internal);
    EXPECT_THAT(opened.error().message, HasSubstr("a key that nobody knows was let in at tcp://127.0.0.1:"));
}
INSTANTIATE_TEST_SUITE_P(EachSocket, Strangers, ::testing::Values(0, 1, 2));

TEST_F(Strangers, WhoAreKeptOutEndNoStart) {
    refused_before = -1;
    const auto opened = open();
    EXPECT_TRUE(opened) << opened.error().message;
}

}  // namespace
}  // namespace mc::broker

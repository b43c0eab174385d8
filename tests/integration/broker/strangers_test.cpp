#include <dlfcn.h>
#include <gmock/gmock.h>
#include <zmq.h>

#include <csignal>
#include <cstdlib>
#include <string_view>

#include "broker/shell/broker_shell.hpp"
#include "integration/io/temp_dir.hpp"

namespace {
/// Which of the sockets that a stranger tries, one after the other, lets it in; below 0: none does. By the socket and
/// not by the refusals: one whose answer is late comes again and is refused again.
int open_socket = -1;
int tried_socket = -1;
}  // namespace

/// In place of libzmq's: as that one. Of all that a broker does only the stranger connects over tcp.
extern "C" int zmq_connect(void* socket, const char* endpoint) {
    static const auto real = reinterpret_cast<decltype(&zmq_connect)>(dlsym(RTLD_NEXT, "zmq_connect"));
    if (std::string_view(endpoint).starts_with("tcp://")) ++tried_socket;
    return real(socket, endpoint);
}

/// In place of libzmq's: as that one, but the ZapHandler's refusal of a key is turned into its contrary at one socket,
/// as by a library that does not keep strangers out.
extern "C" int zmq_send(void* socket, const void* bytes, std::size_t size, int flags) {
    static const auto real = reinterpret_cast<decltype(&zmq_send)>(dlsym(RTLD_NEXT, "zmq_send"));
    const bool refuses = std::string_view(static_cast<const char*>(bytes), size) == "400";
    return real(socket, refuses && tried_socket == open_socket ? "200" : bytes, size, flags);
}

namespace mc::broker {
namespace {

using ::testing::HasSubstr;

struct Strangers : ::testing::TestWithParam<int> {
    io::test::TempDir dir;

    Strangers() { ::setenv("STATE_DIRECTORY", dir.path().c_str(), 1); }  // a service: no context for this user

    Result<std::unique_ptr<BrokerShell>> open(int socket) {
        open_socket = socket;
        tried_socket = -1;
        BrokerOptions options;
        options.clients = options.workers = options.events = "tcp://127.0.0.1:0";
        options.state_dir = dir.path().string();
        return BrokerShell::open(options, io::Signals::block({SIGTERM}).value());
    }
};

// Goal: a broker that can't keep strangers out of its clients', workers' or events' socket does not run. Pitfall 6.
TEST_P(Strangers, EndTheStartOfABrokerThatLetsThemInAnywhere) {
    const auto opened = open(GetParam());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::internal);
    EXPECT_THAT(opened.error().message, HasSubstr("a key that nobody knows was let in at tcp://127.0.0.1:"));
}
INSTANTIATE_TEST_SUITE_P(EachSocket, Strangers, ::testing::Values(0, 1, 2));

TEST_F(Strangers, WhoAreKeptOutEndNoStart) {
    const auto opened = open(-1);
    EXPECT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(tried_socket, 2);
}

}  // namespace
}  // namespace mc::broker

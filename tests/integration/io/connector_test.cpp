#include "io/connector.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

#include "support.hpp"

namespace mc::io {
namespace {

// What a person types, and what acknowledges a stream, are small pieces one after the other: with Nagle's algorithm
// each waits until the other side's delayed acknowledgement of the one before has come, up to 40 ms.
TEST(Connector, SmallPiecesWaitForNothing) {
    const test::Server server(test::wait_for_close);
    Poller poller;
    std::optional<Result<int>> connected;
    const Connector connector(poller, {{}, "127.0.0.1", server.port()}, 5s,
                              [&](const Result<int>& fd) { connected = fd; });
    ASSERT_TRUE(test::run_until(poller, [&] { return connected.has_value(); }));
    ASSERT_TRUE(*connected) << connected->error().message;
    int on = 0;
    socklen_t size = sizeof on;
    EXPECT_EQ(::getsockopt(**connected, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    EXPECT_NE(on, 0);
    ::close(**connected);
}

}  // namespace
}  // namespace mc::io

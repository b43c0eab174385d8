#include "io/tcp_probe.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace mc::io {
namespace {

using test::run_until;
using test::Server;
using ::testing::HasSubstr;

Result<std::string> probe(const std::string& host, std::uint16_t port, milliseconds timeout = test::patience) {
    Poller poller;
    TcpProbe prober(poller);
    std::optional<Result<std::string>> result;
    prober.start({1}, host, port, timeout, [&](Result<std::string> banner) { result = std::move(banner); });
    EXPECT_FALSE(result) << "called from inside start()";
    EXPECT_TRUE(run_until(poller, [&] { return result.has_value(); }));
    return result.value_or(fail(ErrorCode::internal, "never called"));
}

void expect_refusal(const Result<std::string>& result, const std::string& words) {
    ASSERT_FALSE(result) << *result;
    EXPECT_EQ(result.error().code, ErrorCode::ssh_not_answering);
    EXPECT_THAT(result.error().message, HasSubstr(words));
}

TEST(TcpProbe, ReadsTheFirstLine) {
    Server server([](int fd) {
        test::write_all(fd, "SSH-2.0-Open");
        test::write_all(fd, "SSH_9.2\r\nmore");
        test::wait_for_close(fd);
    });
    EXPECT_EQ(probe("127.0.0.1", server.port()), "SSH-2.0-OpenSSH_9.2");
    EXPECT_EQ(probe("localhost", server.port()), "SSH-2.0-OpenSSH_9.2");
}

TEST(TcpProbe, LongLineIsCut) {
    Server server([](int fd) {
        test::write_all(fd, std::string(5000, 'x'));
        test::wait_for_close(fd);
    });
    EXPECT_EQ(probe("127.0.0.1", server.port()), std::string(255, 'x'));
}

TEST(TcpProbe, ClosedWithoutAWordIsNoAnswer) {
    Server server([](int) {});
    expect_refusal(probe("127.0.0.1", server.port()), "without a word");
}

TEST(TcpProbe, ClosedAfterAnUnfinishedLineIsAnAnswer) {
    Server server([](int fd) { test::write_all(fd, "SSH-1"); });
    EXPECT_EQ(probe("127.0.0.1", server.port()), "SSH-1");
}

TEST(TcpProbe, NobodyListens) {
    const auto port = test::closed_port();
    const auto result = probe("127.0.0.1", port);
    expect_refusal(result, "refused");
    EXPECT_THAT(result.error().message, HasSubstr("127.0.0.1:" + std::to_string(port)));
}

TEST(TcpProbe, SilentListenerRunsIntoTheTimeout) {
    Server server([](int fd) { test::wait_for_close(fd); });
    expect_refusal(probe("127.0.0.1", server.port(), milliseconds(50)), "says nothing");
}

TEST(TcpProbe, UnknownNameIsLookedUpWithoutBlocking) {
    expect_refusal(probe("no-such-host.invalid", 22), "no-such-host.invalid:22");
}

TEST(TcpProbe, CancelledProbeStaysQuietAndItsIdIsFree) {
    Server server([](int fd) {
        test::write_all(fd, "hello\n");
        test::wait_for_close(fd);
    });
    Poller poller;
    TcpProbe prober(poller);
    prober.start({1}, "127.0.0.1", server.port(), test::patience, [](Result<std::string>) { ADD_FAILURE(); });
    prober.start({3}, "no-such-host.invalid", 1, test::patience, [](Result<std::string>) { ADD_FAILURE(); });
    prober.cancel({1});
    prober.cancel({3});
    prober.cancel({2});
    int answers = 0;
    prober.start({1}, "127.0.0.1", server.port(), test::patience, [&](Result<std::string> banner) {
        EXPECT_EQ(banner, "hello");
        ++answers;
        // A handler may begin the next one, under the same id.
        prober.start({1}, "127.0.0.1", server.port(), test::patience, [&](Result<std::string>) { ++answers; });
    });
    EXPECT_TRUE(run_until(poller, [&] { return answers == 2; }));
}

}  // namespace
}  // namespace mc::io

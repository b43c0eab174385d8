#include "io/byte_stream.hpp"

#include <gmock/gmock.h>

#include <malloc.h>
#include <unistd.h>

#include <array>
#include <future>

#include "engine.hpp"
#include "support.hpp"

namespace mc::io {
namespace {

using test::Container;
using test::real_engine;
using test::run_until;
using test::Server;
using ::testing::HasSubstr;

EngineEndpoint at(const Server& server) {
    return EngineEndpoint::parse(server.tcp()).value();
}

/// A stream and what came of it.
struct Harness {
    Harness(const EngineEndpoint& endpoint, HijackCall call)
        : stream(ByteStream::hijack(poller, endpoint, std::move(call), handlers())) {}
    explicit Harness(std::uint16_t port) : stream(ByteStream::dial(poller, "127.0.0.1", port, 5s, handlers())) {}

    ByteStreamHandlers handlers() {
        return {.on_open = [this] { opened = true; },
                .on_bytes = [this](std::string_view bytes) { received += bytes; },
                .on_written = [this](std::size_t bytes) { written += bytes; },
                .on_closed = [this](Result<void> result) { closed = std::move(result); }};
    }

    bool run(const std::function<bool()>& done) { return run_until(poller, done); }
    bool run_to_end() {
        return run([this] { return closed.has_value(); });
    }

    Poller poller;
    bool opened = false;
    std::size_t written = 0;
    std::string received;
    std::optional<Result<void>> closed;
    ByteStream stream;
};

HijackCall exec_call(const std::string& id) {
    return {.path = "/v1.41/exec/" + id + "/start", .body = R"({"Detach":false,"Tty":false})"};
}

/// The content of the engine's frames on one channel (1 = output, 2 = error).
std::string channel(const std::string& frames, char number) {
    std::string content;
    for (std::size_t i = 0; i + 8 <= frames.size();) {
        std::size_t length = 0;
        for (std::size_t j = 4; j < 8; ++j) length = length << 8 | static_cast<unsigned char>(frames[i + j]);
        if (frames[i] == number) content += frames.substr(i + 8, length);
        i += 8 + length;
    }
    return content;
}

void expect_error(const Harness& t, ErrorCode code, const std::string& words) {
    ASSERT_TRUE(t.closed.has_value());
    ASSERT_FALSE(t.closed->has_value());
    EXPECT_EQ(t.closed->error().code, code) << t.closed->error().message;
    EXPECT_THAT(t.closed->error().message, HasSubstr(words));
    EXPECT_FALSE(t.opened);
}

TEST(ByteStream, ExecOnTheRealEngineGivesOutputAndEnds) {
    const Container container;
    const std::string exec = container.exec(R"(["/bin/sh","-c","echo out; echo err >&2; exit 3"])");
    Harness t(real_engine(), exec_call(exec));
    ASSERT_TRUE(t.run_to_end());
    ASSERT_TRUE(t.closed->has_value()) << t.closed->error().message;
    EXPECT_TRUE(t.opened);
    EXPECT_EQ(channel(t.received, 1), "out\n");
    EXPECT_EQ(channel(t.received, 2), "err\n");
    EXPECT_THAT(Container::inspect_exec(exec), HasSubstr("\"ExitCode\":3"));
}

// More than every buffer on the way holds, both ways at once.
TEST(ByteStream, LongInputComesBackWholeAndItsEndReachesTheCommand) {
    const Container container;
    Harness t(real_engine(), exec_call(container.exec(R"(["/bin/cat"])")));
    std::string input;
    for (int i = 0; input.size() < 8'000'000; ++i) input += std::to_string(i) + "\n";
    // Some before it is open, and pieces of all sizes.
    for (std::size_t at = 0, size = 1; at < input.size(); at += size, size = (size * 7) % 200'001) {
        t.stream.write(input.substr(at, size));
    }
    t.stream.close_write();
    t.stream.write("late");
    EXPECT_EQ(t.written, 0U) << "called from inside write()";
    ASSERT_TRUE(t.run_to_end());
    ASSERT_TRUE(t.closed->has_value()) << t.closed->error().message;
    EXPECT_TRUE(channel(t.received, 1) == input) << channel(t.received, 1).size() << " of " << input.size();
    EXPECT_EQ(t.written, input.size());
}

TEST(ByteStream, PausedReadingHoldsTheCommandBack) {
    const Container container;
    // 4 MB: more than fits between the command and us.
    const std::string exec = container.exec(R"(["/bin/busybox","head","-c","4000000","/dev/zero"])");
    Harness t(real_engine(), exec_call(exec));
    ASSERT_TRUE(t.run([&] { return !t.received.empty(); }));
    t.stream.pause_reading();
    const std::size_t held = t.received.size();
    // Nothing comes, nothing spins: the loop has nobody to call.
    EXPECT_FALSE(t.poller.wait(milliseconds(100)));
    EXPECT_EQ(t.received.size(), held);
    EXPECT_THAT(Container::inspect_exec(exec), HasSubstr("\"Running\":true"));
    t.stream.resume_reading();
    ASSERT_TRUE(t.run_to_end());
    EXPECT_EQ(channel(t.received, 1).size(), 4'000'000U);
}

TEST(ByteStream, CommandThatIgnoresItsInputEndsWell) {
    const Container container;
    Harness t(real_engine(), exec_call(container.exec(R"(["/bin/busybox","true"])")));
    t.stream.write(std::string(500'000, 'x'));
    ASSERT_TRUE(t.run_to_end());
    EXPECT_TRUE(t.closed->has_value()) << t.closed->error().message;
}

TEST(ByteStream, RefusalsOfTheRealEngineAreErrors) {
    Harness missing(real_engine(), exec_call("no-such-exec"));
    ASSERT_TRUE(missing.run_to_end());
    expect_error(missing, ErrorCode::not_found, "No such exec instance");
    Harness bad(real_engine(), {.path = "/v1.41/containers/no-such-container/attach?stream=1"});
    ASSERT_TRUE(bad.run_to_end());
    expect_error(bad, ErrorCode::not_found, "no-such-container");
}

TEST(ByteStream, APortIsDialledWithoutAWordBefore) {
    std::string heard;
    const Server server([&](int fd) {
        heard = test::read_until(fd, "\n");
        test::write_all(fd, "SSH-2.0-here\n");
        heard += test::read_until(fd, "never");  // to the end of our input
        test::write_all(fd, "bye\n");
    });
    Harness t(server.port());
    t.stream.write("early\n");
    ASSERT_TRUE(t.run([&] { return t.received == "SSH-2.0-here\n"; })) << t.received;
    EXPECT_TRUE(t.opened);
    t.stream.write("more");
    t.stream.close_write();
    ASSERT_TRUE(t.run_to_end());
    EXPECT_TRUE(t.closed->has_value()) << t.closed->error().message;
    EXPECT_EQ(t.received, "SSH-2.0-here\nbye\n");
    EXPECT_EQ(heard, "early\nmore");
}

// What is not taken is not said to be: whoever writes goes by it.
TEST(ByteStream, OnlyWhatTheOtherEndTakesIsWritten) {
    std::promise<void> read_on;
    std::promise<std::size_t> heard;
    const Server server([&](int fd) {
        read_on.get_future().wait();
        std::array<char, 64 * 1024> block;
        std::size_t all = 0;
        for (ssize_t got = 0; (got = ::read(fd, block.data(), block.size())) > 0;) all += static_cast<std::size_t>(got);
        heard.set_value(all);
    });
    Harness t(server.port());
    constexpr std::size_t piece = 64 * 1024;
    constexpr std::size_t pieces = 512;  // more than the kernel holds of a connection
    for (std::size_t i = 0; i < pieces; ++i) t.stream.write(std::string(piece, 'x'));
    EXPECT_TRUE(t.run([&] { return t.written > 0; }));
    EXPECT_FALSE(run_until(
        t.poller, [&] { return t.written == pieces * piece; }, 300ms));
    read_on.set_value();
    EXPECT_TRUE(t.run([&] { return t.written == pieces * piece; })) << t.written;
    t.stream.close_write();
    ASSERT_TRUE(t.run_to_end());
    EXPECT_EQ(heard.get_future().get(), pieces * piece);
}

// Somebody who types into a command that does not read must not cost more than what he typed.
TEST(ByteStream, SmallPiecesAreJoined) {
    std::promise<std::string> heard;
    const Server server([&](int fd) { heard.set_value(test::read_until(fd, "never")); });
    std::string all;
    const std::size_t before = ::mallinfo2().uordblks;
    {
        Harness t(server.port());
        for (int i = 0; i < 100'000; ++i) {
            all += static_cast<char>('a' + i % 26);
            t.stream.write(all.substr(all.size() - 1));
        }
        // Under a sanitizer, whose heap says nothing of itself, both are 0.
        EXPECT_LT(::mallinfo2().uordblks - before, 4 * all.size());
        t.stream.close_write();
        ASSERT_TRUE(t.run_to_end());
        EXPECT_EQ(t.written, all.size());
    }
    EXPECT_EQ(heard.get_future().get(), all);
}

TEST(ByteStream, APortThatTakesNoConnectionIsAReason) {
    Harness t(test::closed_port());
    ASSERT_TRUE(t.run_to_end());
    EXPECT_FALSE(t.opened);
    expect_error(t, ErrorCode::io_failed, "Connection refused");
}

TEST(ByteStream, NoEngineIsASentence) {
    Harness t(*EngineEndpoint::parse("unix:///nowhere.sock"), {.path = "/x"});
    EXPECT_FALSE(t.closed) << "called from inside the constructor";
    ASSERT_TRUE(t.run_to_end());
    expect_error(t, ErrorCode::engine_unreachable, "unix:///nowhere.sock");
}

TEST(ByteStream, SilentEngineRunsIntoTheDeadline) {
    Server server([](int fd) { test::wait_for_close(fd); });
    Harness t(at(server), {.path = "/x", .open_timeout = milliseconds(50)});
    ASSERT_TRUE(t.run_to_end());
    expect_error(t, ErrorCode::deadline_exceeded, "POST /x");
}

TEST(ByteStream, GarbageAndEarlyEndAreErrors) {
    Server garbage([](int fd) {
        test::read_until(fd, "\r\n\r\n");
        test::write_all(fd, "SSH-2.0\r\n");
        test::wait_for_close(fd);
    });
    Harness t(at(garbage), {.path = "/x"});
    ASSERT_TRUE(t.run_to_end());
    expect_error(t, ErrorCode::engine_failed, "HTTP");

    Server endless([](int fd) {
        test::read_until(fd, "\r\n\r\n");
        test::write_all(fd, "HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x'));
        test::wait_for_close(fd);
    });
    Harness u(at(endless), {.path = "/x"});
    ASSERT_TRUE(u.run_to_end());
    expect_error(u, ErrorCode::engine_failed, "HTTP");

    Server early([](int fd) {
        test::read_until(fd, "\r\n\r\n");
        test::write_all(fd, "HTTP/1.1 101 UPG");
    });
    Harness v(at(early), {.path = "/x"});
    ASSERT_TRUE(v.run_to_end());
    expect_error(v, ErrorCode::engine_unreachable, "before it answered");
}

TEST(ByteStream, ErrorBodyIsRead) {
    for (const std::string text :
         {"HTTP/1.1 409 Conflict\r\nContent-Length: 30\r\n\r\n{\"message\":\"it is \\\"paused\\\"\"}",
          "HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\n{\"message\":\"it is "
          "\\\"paused\\\"\"}\r\n0\r\n\r\n"}) {
        Server server([&](int fd) {
            test::read_until(fd, "\r\n\r\n");
            test::write_all(fd, text);
            test::wait_for_close(fd);
        });
        Harness t(at(server), {.path = "/x"});
        ASSERT_TRUE(t.run_to_end());
        expect_error(t, ErrorCode::wrong_state, "it is \"paused\"");
    }
}

TEST(ByteStream, BytesThatComeWithTheHeadAreNotLost) {
    std::string input;
    {
        Server server([&](int fd) {
            test::read_until(fd, "\r\n\r\n{}");
            test::write_all(fd, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\nfirst");
            input = test::read_until(fd, "never");  // until the half-close
            test::write_all(fd, " last");
        });
        Harness t(at(server), {.path = "/x", .body = "{}"});
        t.stream.write("typed");
        t.stream.close_write();
        ASSERT_TRUE(t.run_to_end());
        EXPECT_TRUE(t.closed->has_value());
        EXPECT_EQ(t.received, "first last");
    }
    EXPECT_EQ(input, "typed");
}

TEST(ByteStream, MayBeDestroyedOrCancelledFromItsHandlers) {
    Server server([](int fd) {
        test::read_until(fd, "\r\n\r\n");
        test::write_all(fd, "HTTP/1.1 200 OK\r\n\r\nbytes");
        test::wait_for_close(fd);
    });
    Poller poller;
    std::unique_ptr<ByteStream> stream;
    bool opened = false;
    const auto no_end = [](Result<void>) { ADD_FAILURE() << "nothing comes after cancel"; };
    const auto open = [&](ByteStreamHandlers handlers) {
        stream = std::make_unique<ByteStream>(
            ByteStream::hijack(poller, at(server), HijackCall{.path = "/x"}, std::move(handlers)));
    };
    open({.on_open =
              [&] {
                  opened = true;
                  stream.reset();
              },
          .on_bytes = [](std::string_view) { ADD_FAILURE(); },
          .on_closed = no_end});
    EXPECT_TRUE(run_until(poller, [&] { return opened; }));
    bool got = false;
    open({.on_bytes =
              [&](std::string_view) {
                  got = true;
                  stream->cancel();
              },
          .on_closed = no_end});
    EXPECT_TRUE(run_until(poller, [&] { return got; }));
    stream->write("x");
    EXPECT_FALSE(poller.wait(milliseconds(0)));
}

}  // namespace
}  // namespace mc::io

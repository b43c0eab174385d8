#include "io/engine_client.hpp"

#include <gmock/gmock.h>

#include <atomic>

#include "engine.hpp"
#include "io/tar.hpp"
#include "support.hpp"

namespace mc::io {
namespace {

using test::call;
using test::Container;
using test::real_engine;
using test::run_until;
using test::Server;
using ::testing::AllOf;
using ::testing::HasSubstr;

EngineEndpoint at(const Server& server) {
    return EngineEndpoint::parse(server.tcp()).value();
}

void answer(int fd, const std::string& text) {
    test::read_until(fd, "\r\n\r\n");
    test::write_all(fd, text);
}

std::string ok_with(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void expect_error(const Result<EngineResponse>& result, ErrorCode code, const std::string& words) {
    ASSERT_FALSE(result) << result->status << " " << result->body;
    EXPECT_EQ(result.error().code, code) << result.error().message;
    EXPECT_THAT(result.error().message, HasSubstr(words));
}

TEST(EngineClient, RealEngineAnswers) {
    const EngineEndpoint engine = real_engine();
    const auto ping = call(engine, {.path = "/_ping"});
    ASSERT_TRUE(ping) << ping.error().message;
    EXPECT_EQ(ping->status, 200);
    EXPECT_EQ(ping->body, "OK");
    const auto version = call(engine, {.path = "/v1.41/version"});
    ASSERT_TRUE(version);
    EXPECT_THAT(version->body, HasSubstr("\"ApiVersion\""));
    const auto missing = call(engine, {.path = "/v1.41/containers/no-such-container/json"});
    ASSERT_TRUE(missing) << "404 is an answer, not an error";
    EXPECT_EQ(missing->status, 404);
    EXPECT_THAT(missing->body, HasSubstr("No such container"));
    const auto head = call(engine, {.method = "HEAD", .path = "/_ping"});
    ASSERT_TRUE(head);
    EXPECT_EQ(head->status, 200);
}

TEST(EngineClient, ManyCallsAtOnceOnTheRealEngine) {
    Poller poller;
    EngineClient client(poller, real_engine());
    std::uint64_t infos = 0;
    std::uint64_t pings = 0;
    const auto on_ping = [&](Result<EngineResponse> r) {
        EXPECT_TRUE(r && r->body == "OK");
        ++pings;
    };
    const auto on_info = [&](Result<EngineResponse> r) {
        EXPECT_TRUE(r && r->status == 200) << (r ? r->body : r.error().message);
        ++infos;
        // From inside a handler, on a connection that has just become free.
        if (infos <= 5) client.start({100 + infos}, {.path = "/_ping"}, {.on_done = on_ping});
    };
    for (std::uint64_t i = 0; i < 20; ++i) client.start({i}, {.path = "/v1.41/info"}, {.on_done = on_info});
    EXPECT_TRUE(run_until(poller, [&] { return infos == 20 && pings == 5; }));
    EXPECT_EQ(client.calls_under_way(), 0U);
}

TEST(EngineClient, UploadsAndDownloadsAnArchive) {
    const Container container;
    const auto packed = pack_tar(std::vector<TarEntry>{{.path = "tmp/note", .mode = 0600, .content = "hello\n"}});
    ASSERT_TRUE(packed);
    const std::string archive = "/v1.41/containers/" + container.id() + "/archive?path=";
    const auto put = call(
        real_engine(), {.method = "PUT", .path = archive + "/", .content_type = "application/x-tar", .body = *packed});
    ASSERT_TRUE(put) << put.error().message;
    ASSERT_EQ(put->status, 200) << put->body;
    const auto got = call(real_engine(), {.path = archive + "/tmp/note"});
    ASSERT_TRUE(got);
    const auto files = unpack_tar(got->body, 1000);
    ASSERT_TRUE(files) << files.error().message;
    ASSERT_EQ(files->size(), 1U);
    EXPECT_EQ(files->front().content, "hello\n");
}

TEST(EngineClient, EventsStreamUntilCancelled) {
    Poller poller;
    EngineClient client(poller, real_engine());
    std::string seen;
    int status = 0;
    client.start({1},
                 {.path = "/v1.41/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D",
                  .total_timeout = milliseconds(0),
                  .streaming = true},
                 {.on_done = [](Result<EngineResponse>) { ADD_FAILURE() << "the stream ended by itself"; },
                  .on_head = [&](int s) { status = s; },
                  .on_chunk =
                      [&](std::string_view bytes) {
                          seen += bytes;
                          return Flow::go_on;
                      }});
    ASSERT_TRUE(run_until(poller, [&] { return status == 200; }));
    std::string id;
    {
        const Container container;
        id = container.id();
    }
    EXPECT_TRUE(run_until(poller, [&] { return seen.find(id) != std::string::npos; }));
    client.cancel({1});
    EXPECT_EQ(client.calls_under_way(), 0U);
    EXPECT_FALSE(poller.wait(milliseconds(0)));
}

TEST(EngineClient, NoEngineIsASentence) {
    const auto nobody = call(*EngineEndpoint::parse("unix:///nowhere/docker.sock"), {.path = "/_ping"});
    expect_error(nobody, ErrorCode::engine_unreachable, "unix:///nowhere/docker.sock");
    EXPECT_THAT(nobody.error().message, AllOf(HasSubstr("No such file"), HasSubstr("is dockerd running?")));
    const std::string closed = "tcp://127.0.0.1:" + std::to_string(test::closed_port());
    const auto refused = call(*EngineEndpoint::parse(closed), {.path = "/_ping"});
    expect_error(refused, ErrorCode::engine_unreachable, closed);
    EXPECT_THAT(refused.error().message, HasSubstr("refused"));
    expect_error(call(*EngineEndpoint::parse("tcp://no-such-host.invalid:1"), {.path = "/_ping"}),
                 ErrorCode::engine_unreachable, "no-such-host.invalid");
}

TEST(EngineClient, EngineThatNeverAnswersRunsIntoTheDeadline) {
    Server server([](int fd) { test::wait_for_close(fd); });
    // Also the connection must stand within it: without one it would be another sentence.
    const auto late = call(at(server), {.path = "/_ping", .total_timeout = milliseconds(1000)});
    expect_error(late, ErrorCode::deadline_exceeded, "GET /_ping");
    EXPECT_THAT(late.error().message, HasSubstr("1000 ms"));
}

TEST(EngineClient, SilenceHalfWayRunsIntoTheIdleDeadline) {
    Server server([](int fd) {
        answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        test::wait_for_close(fd);
    });
    const auto idle =
        call(at(server), {.path = "/x", .total_timeout = milliseconds(0), .idle_timeout = milliseconds(50)});
    expect_error(idle, ErrorCode::deadline_exceeded, "fell silent");
}

TEST(EngineClient, GarbageIsNotAnEngine) {
    Server server([](int fd) { answer(fd, "SSH-2.0-OpenSSH_9.2\r\n"); });
    expect_error(call(at(server), {.path = "/x"}), ErrorCode::engine_failed, "does not speak HTTP");
}

TEST(EngineClient, ConnectionLostHalfWayIsUnknown) {
    Server half([](int fd) { answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"); });
    const auto lost = call(at(half), {.method = "POST", .path = "/x", .body = "{}"});
    expect_error(lost, ErrorCode::engine_unreachable, "broke");
    EXPECT_EQ(retry_of(lost.error().code), Retry::unknown);
    Server none([](int fd) { test::read_until(fd, "\r\n\r\n"); });
    expect_error(call(at(none), {.path = "/x"}), ErrorCode::engine_unreachable, "broke");
}

TEST(EngineClient, BodyHasALimit) {
    Server server([](int fd) { answer(fd, ok_with(std::string(1000, 'x'))); });
    const auto fits = call(at(server), {.path = "/x", .body_bytes_max = 1000});
    ASSERT_TRUE(fits) << fits.error().message;
    EXPECT_EQ(fits->body.size(), 1000U);
    expect_error(call(at(server), {.path = "/x", .body_bytes_max = 999}), ErrorCode::too_large, "999");
}

TEST(EngineClient, SendsWhatItWasGiven) {
    std::string request;
    {
        Server server([&](int fd) {
            request = test::read_until(fd, "BODY");
            test::write_all(fd, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        });
        const auto put = call(at(server), {.method = "PUT",
                                           .path = "/a?x=%20",
                                           .content_type = "application/x-tar",
                                           .body = std::string("\0\1BODY", 6),
                                           .headers = {"X-Registry-Auth: e30="}});
        ASSERT_TRUE(put) << put.error().message;
        EXPECT_EQ(put->status, 201);
    }
    EXPECT_THAT(request, HasSubstr("PUT /a?x=%20 HTTP/1.1\r\n"));
    EXPECT_THAT(request, HasSubstr("Content-Type: application/x-tar\r\n"));
    EXPECT_THAT(request, HasSubstr("X-Registry-Auth: e30=\r\n"));
    EXPECT_THAT(request, HasSubstr("Content-Length: 6\r\n"));
    EXPECT_THAT(request, ::testing::Not(HasSubstr("Expect:")));
    EXPECT_THAT(request, ::testing::EndsWith(std::string("\0\1BODY", 6)));
}

TEST(EngineClient, PausedStreamWaitsAndLosesNothing) {
    const std::string body(2'000'000, 'x');
    // Whenever it is not paused the server's thread has so long for its next bytes.
    constexpr milliseconds idle_timeout{2500};
    Server server([&](int fd) { answer(fd, ok_with(body)); });
    Poller poller;
    EngineClient client(poller, at(server));
    std::size_t got = 0;
    std::size_t chunks = 0;
    bool done = false;
    client.start({7}, {.path = "/x", .idle_timeout = idle_timeout, .streaming = true, .body_bytes_max = 10},
                 {.on_done =
                      [&](Result<EngineResponse> r) {
                          ASSERT_TRUE(r) << r.error().message;
                          EXPECT_EQ(r->body, "");
                          done = true;
                      },
                  .on_chunk =
                      [&](std::string_view bytes) {
                          got += bytes.size();
                          ++chunks;
                          return Flow::pause;
                      }});
    while (!done) {
        const std::size_t before = chunks;
        ASSERT_TRUE(run_until(poller, [&] { return done || chunks > before; }));
        // Paused longer than the idle time-out: it is our silence, not the engine's.
        if (before == 0) {
            EXPECT_FALSE(run_until(
                poller, [&] { return done || chunks > 1; }, idle_timeout + milliseconds(500)));
        }
        EXPECT_EQ(chunks, done ? chunks : before + 1);
        client.resume({7});
    }
    EXPECT_EQ(got, body.size());
    EXPECT_GT(chunks, 2U);
}

TEST(EngineClient, RefusedStreamGivesItsBodyWithTheEnd) {
    Server server([](int fd) { answer(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"); });
    Poller poller;
    EngineClient client(poller, at(server));
    std::optional<EngineResponse> response;
    client.start({1}, {.path = "/x", .streaming = true},
                 {.on_done = [&](Result<EngineResponse> r) { response = r.value_or(EngineResponse{}); },
                  .on_head = [](int) { ADD_FAILURE(); },
                  .on_chunk =
                      [](std::string_view) {
                          ADD_FAILURE();
                          return Flow::go_on;
                      }});
    ASSERT_TRUE(run_until(poller, [&] { return response.has_value(); }));
    EXPECT_EQ(response->status, 404);
    EXPECT_EQ(response->body, "gone");
}

TEST(EngineClient, HandlersMayCancelAndStartFromWithin) {
    Server server([](int fd) { answer(fd, ok_with(std::string(100'000, 'x'))); });
    Poller poller;
    EngineClient client(poller, at(server));
    bool second = false;
    client.start({1}, {.path = "/x", .streaming = true},
                 {.on_done = [](Result<EngineResponse>) { ADD_FAILURE() << "cancelled calls end silently"; },
                  .on_chunk =
                      [&](std::string_view) {
                          client.cancel({1});
                          client.start({2}, {.path = "/y"}, {.on_done = [&](Result<EngineResponse> r) {
                                           EXPECT_TRUE(r) << r.error().message;
                                           second = true;
                                       }});
                          return Flow::go_on;
                      }});
    EXPECT_TRUE(run_until(poller, [&] { return second; }));
    EXPECT_EQ(client.calls_under_way(), 0U);
}

TEST(EngineClient, DestroyedWithCallsUnderWayItCallsNobody) {
    Server server([](int fd) { test::wait_for_close(fd); });
    Poller poller;
    {
        EngineClient client(poller, at(server));
        for (std::uint64_t i = 0; i < 5; ++i) {
            client.start({i}, {.path = "/x"}, {.on_done = [](Result<EngineResponse>) { ADD_FAILURE(); }});
        }
        poller.wait(milliseconds(20));
    }
    EXPECT_FALSE(poller.wait(milliseconds(0)));
}

TEST(EngineClient, ReusesConnectionsAndRenewsDeadOnes) {
    std::atomic<int> connections{0};
    Server server([&](int fd) {
        // Two answers on the first connection, then closed while the client believes it is good.
        const int number = ++connections;
        for (int i = 0; i < (number == 1 ? 2 : 1); ++i) answer(fd, ok_with("x"));
    });
    Poller poller;
    EngineClient client(poller, at(server));
    for (int i = 0; i < 3; ++i) {
        bool done = false;
        client.start({1}, {.path = "/x"}, {.on_done = [&](Result<EngineResponse> r) {
                         EXPECT_TRUE(r) << r.error().message;
                         done = true;
                     }});
        ASSERT_TRUE(run_until(poller, [&] { return done; }));
    }
    EXPECT_EQ(connections, 2);
}

}  // namespace
}  // namespace mc::io

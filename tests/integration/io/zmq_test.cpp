#include "io/zmq.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

#include "io/poller.hpp"
#include "support.hpp"

namespace mc::io {
namespace {

using test::patience;
using test::RouterAndDealer;
using test::run_until;
using test::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Frames = std::vector<std::string>;

/// The next message, waited for.
Frames receive(Socket& socket) {
    Poller poller;
    std::optional<Frames> message;
    poller.add(socket, {}, [&](Readiness) { message = socket.receive(); });
    EXPECT_TRUE(run_until(poller, [&] { return message.has_value(); }));
    poller.remove(socket);
    return message.value_or(Frames{});
}

TEST(Zmq, RouterAndDealerTalkOverTcpAndIpc) {
    TempDir dir;
    for (const std::string& endpoint :
         {std::string("tcp://127.0.0.1:*"), "ipc://" + (dir / "socket").string(), std::string("tcp://*:*")}) {
        Context context;
        Socket router = Socket::router(context);
        ASSERT_TRUE(router.bind(endpoint)) << endpoint;
        Socket dealer = Socket::dealer(context);
        std::string at = router.last_endpoint();
        if (const auto any = at.find("[::]"); any != std::string::npos) at.replace(any, 4, "localhost");
        if (const auto any = at.find("0.0.0.0"); any != std::string::npos) at.replace(any, 7, "localhost");
        ASSERT_TRUE(dealer.connect(at)) << at;
        EXPECT_EQ(dealer.send(Frames{"header", "", "data"}), SendOutcome::sent);
        Frames request = receive(router);
        ASSERT_EQ(request.size(), 4U) << at;
        EXPECT_THAT(Frames(request.begin() + 1, request.end()), ElementsAre("header", "", "data"));
        EXPECT_EQ(router.send(Frames{request[0], "reply"}), SendOutcome::sent);
        EXPECT_THAT(receive(dealer), ElementsAre("reply"));
        EXPECT_EQ(dealer.receive(), std::nullopt);
    }
}

TEST(Zmq, RouterSaysThatAPeerIsUnknown) {
    Context context;
    Socket router = Socket::router(context);
    ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
    EXPECT_EQ(router.send(Frames{"nobody", "a", "b"}), SendOutcome::unreachable);
}

// Pitfall 1: without MANDATORY the messages over the limit would be gone without a word.
TEST(Zmq, RouterSaysThatAPeerIsFullAndGoesOnLater) {
    SocketOptions few;
    few.send_messages_max = 5;
    few.receive_messages_max = 5;
    RouterAndDealer pair(few);
    auto& [context, router, dealer] = pair;
    ASSERT_EQ(dealer.send(Frames{"hello"}), SendOutcome::sent);
    const std::string peer = receive(router).at(0);
    int sent = 0;
    while (sent < 1000 && router.send(Frames{peer, std::to_string(sent), "tail"}) == SendOutcome::sent) ++sent;
    EXPECT_LT(sent, 1000);
    EXPECT_EQ(router.send(Frames{peer, "x", "tail"}), SendOutcome::would_block);
    for (int i = 0; i < sent; ++i) EXPECT_THAT(receive(dealer), ElementsAre(std::to_string(i), "tail"));
    // libzmq notices the room with a delay of about a millisecond: would_block means "again in a later turn".
    const Instant end = read_clock().instant + patience;
    SendOutcome outcome = SendOutcome::would_block;
    while (outcome == SendOutcome::would_block && read_clock().instant < end) {
        outcome = router.send(Frames{peer, "after", "tail"});
    }
    EXPECT_EQ(outcome, SendOutcome::sent);
    EXPECT_THAT(receive(dealer), ElementsAre("after", "tail"));
}

TEST(Zmq, DealerWaitsForItsConnectionOrSaysSo) {
    const std::string nobody = "tcp://127.0.0.1:" + std::to_string(test::closed_port());
    Context context;
    SocketOptions options;
    options.linger = milliseconds(0);
    Socket patient = Socket::dealer(context, options);
    ASSERT_TRUE(patient.connect(nobody));
    EXPECT_EQ(patient.send(Frames{"later"}), SendOutcome::sent);
    options.only_when_connected = true;
    Socket strict = Socket::dealer(context, options);
    ASSERT_TRUE(strict.connect(nobody));
    EXPECT_EQ(strict.send(Frames{"now"}), SendOutcome::would_block);
}

TEST(Zmq, TooManyFramesAreCutToWhatTellsIt) {
    RouterAndDealer pair;
    auto& [context, router, dealer] = pair;
    ASSERT_EQ(dealer.send(Frames(100, "frame")), SendOutcome::sent);
    ASSERT_EQ(dealer.send(Frames{"next"}), SendOutcome::sent);
    EXPECT_EQ(receive(router).size(), SocketOptions{}.frames_kept_max);
    EXPECT_EQ(receive(router).at(1), "next");
}

// Goal: nothing of one message is taken for a part of the next, in whose memory it is.
TEST(Zmq, NothingIsLeftOfTheMessageBefore) {
    RouterAndDealer pair;
    auto& [context, router, dealer] = pair;
    ASSERT_EQ(dealer.send(Frames{"a longer header", "a body", "data"}), SendOutcome::sent);
    ASSERT_EQ(dealer.send(Frames{"header", ""}), SendOutcome::sent);
    Received received;
    ASSERT_TRUE(router.receive_into(received, false));
    EXPECT_THAT(received.frames, ElementsAre(testing::_, "a longer header", "a body", "data"));
    received.key = KeyPair::make().pub;
    received.descriptor = 7;
    ASSERT_TRUE(router.receive_into(received, false));
    EXPECT_THAT(received.frames, ElementsAre(testing::_, "header", ""));
    EXPECT_EQ(received.key, std::nullopt);
    EXPECT_EQ(received.descriptor, -1);
    EXPECT_FALSE(router.receive_into(received, false));
}

// Pitfall 8: the peer is cut off before the frame is in our memory.
TEST(Zmq, OversizedFrameNeverArrives) {
    Context context;
    SocketOptions small;
    small.message_bytes_max = 1000;
    Socket router = Socket::router(context, small);
    ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
    {
        SocketOptions hasty;
        hasty.linger = milliseconds(0);
        Socket liar = Socket::dealer(context, hasty);
        ASSERT_TRUE(liar.connect(router.last_endpoint()));
        ASSERT_EQ(liar.send(Frames{"small"}), SendOutcome::sent);
        EXPECT_EQ(receive(router).at(1), "small");
        ASSERT_EQ(liar.send(Frames{std::string(1001, 'x')}), SendOutcome::sent);
    }
    Socket good = Socket::dealer(context);
    ASSERT_TRUE(good.connect(router.last_endpoint()));
    ASSERT_EQ(good.send(Frames{std::string(1000, 'y')}), SendOutcome::sent);
    EXPECT_EQ(receive(router).at(1), std::string(1000, 'y'));
}

TEST(Zmq, SubscriberGetsWhatItAskedFor) {
    Context context;
    Socket pub = Socket::pub(context);
    ASSERT_TRUE(pub.bind("tcp://127.0.0.1:*"));
    Socket sub = Socket::sub(context);
    sub.subscribe("event");
    ASSERT_TRUE(sub.connect(pub.last_endpoint()));
    // A publisher can't know when a subscription is in place: it repeats, like the beacon does.
    Poller poller;
    std::optional<Frames> got;
    poller.add(sub, {}, [&](Readiness) { got = sub.receive(); });
    const Instant end = read_clock().instant + patience;
    while (!got && read_clock().instant < end) {
        EXPECT_EQ(pub.send(Frames{"beacon", "no"}), SendOutcome::sent);
        EXPECT_EQ(pub.send(Frames{"event", "yes"}), SendOutcome::sent);
        poller.wait(milliseconds(10));
    }
    poller.remove(sub);
    EXPECT_THAT(got.value_or(Frames{}), ElementsAre("event", "yes"));
}

TEST(Zmq, TakenPortIsASentence) {
    Context context;
    Socket first = Socket::router(context);
    ASSERT_TRUE(first.bind("tcp://127.0.0.1:*"));
    Socket second = Socket::router(context);
    const auto bound = second.bind(first.last_endpoint());
    ASSERT_FALSE(bound);
    EXPECT_EQ(bound.error().code, ErrorCode::io_failed);
    EXPECT_THAT(bound.error().message, HasSubstr("in use"));
    EXPECT_THAT(bound.error().message, HasSubstr(first.last_endpoint()));
}

TEST(Zmq, BindsAgainOrSaysThatNoDescriptorsAreLeft) {
    for (const std::string& endpoint : {std::string("tcp://127.0.0.1:*"), std::string("tcp://*:*")}) {
        Context context;
        std::string bound;
        {
            Socket first = Socket::router(context);
            ASSERT_TRUE(first.bind(endpoint));
            bound = first.last_endpoint();
            Socket second = Socket::router(context);
            const auto taken = second.bind_again(bound);
            ASSERT_FALSE(taken);
            EXPECT_THAT(taken.error().message, HasSubstr("in use"));
        }
        Socket router = Socket::router(context);
        rlimit usual{};
        ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
        // The three that every process has. With 0 poll() itself refuses, and libzmq's threads end the process for
        // that; more than these the library may just be giving back.
        const rlimit none{3, usual.rlim_max};
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
        const auto full = router.bind_again(bound);
        const auto no_socket = Socket::xpub(context);
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
        ASSERT_FALSE(full);
        EXPECT_EQ(full.error().code, ErrorCode::io_failed);
        EXPECT_THAT(full.error().message, HasSubstr("Too many open files"));
        ASSERT_FALSE(no_socket);
        EXPECT_EQ(no_socket.error().code, ErrorCode::io_failed);
        EXPECT_THAT(no_socket.error().message, HasSubstr("Too many open files"));

        // The library gives the port back a moment later.
        const Instant end = read_clock().instant + patience;
        while (!router.bind_again(bound) && read_clock().instant < end) Poller().wait(10ms);
        EXPECT_EQ(router.last_endpoint(), bound);
        Socket dealer = Socket::dealer(context);
        std::string at = bound;
        if (const auto any = at.find("[::]"); any != std::string::npos) at.replace(any, 4, "127.0.0.1");
        if (const auto any = at.find("0.0.0.0"); any != std::string::npos) at.replace(any, 7, "127.0.0.1");
        ASSERT_TRUE(dealer.connect(at));
        EXPECT_EQ(dealer.send(Frames{"hello"}), SendOutcome::sent);
        EXPECT_THAT(receive(router), SizeIs(2)) << bound;
    }
}

TEST(Zmq, BadEndpointsAreRefused) {
    Context context;
    Socket socket = Socket::router(context);
    for (const char* bad :
         {"", "nonsense", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "tcp://127.0.0.1:12ab", "foo://x:1"}) {
        const auto bound = socket.bind(bad);
        ASSERT_FALSE(bound) << bad;
        EXPECT_EQ(bound.error().code, ErrorCode::invalid_argument) << bad << ": " << bound.error().message;
    }
    Socket dealer = Socket::dealer(context);
    EXPECT_FALSE(dealer.connect("nonsense"));
    EXPECT_FALSE(dealer.connect("tcp://127.0.0.1"));
    const auto foreign = socket.bind("tcp://192.0.2.1:0");  // TEST-NET: no machine has it
    ASSERT_FALSE(foreign);
    EXPECT_THAT(foreign.error().message, HasSubstr("no such address"));
}

TEST(Zmq, IpcSocketIsPrivateAndOnlyAStaleOneIsReplaced) {
    TempDir dir;
    const std::string path = (dir / "s").string();
    Context context;
    {
        Socket first = Socket::router(context);
        ASSERT_TRUE(first.bind("ipc://" + path));
        struct stat status {};
        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0600U);
        Socket second = Socket::router(context);
        const auto bound = second.bind("ipc://" + path);
        ASSERT_FALSE(bound);
        EXPECT_THAT(bound.error().message, HasSubstr("in use"));
    }
    {
        // As kill -9 leaves it: a socket file without a listener.
        Context other;
        Socket stale = Socket::router(other);
        ASSERT_TRUE(stale.bind("ipc://" + path + ".live"));
        std::filesystem::rename(path + ".live", path);
    }
    Socket again = Socket::router(context);
    EXPECT_TRUE(again.bind("ipc://" + path));

    const std::string file = (dir / "precious").string();
    std::ofstream(file) << "data";
    Socket third = Socket::router(context);
    const auto bound = third.bind("ipc://" + file);
    ASSERT_FALSE(bound);
    EXPECT_THAT(bound.error().message, HasSubstr("another kind"));
    EXPECT_TRUE(std::filesystem::is_regular_file(file));
}

TEST(Zmq, DealerReconnectsToARestartedRouter) {
    Context context;
    auto router = std::make_unique<Socket>(Socket::router(context));
    ASSERT_TRUE(router->bind("tcp://127.0.0.1:*"));
    const std::string endpoint = router->last_endpoint();
    Socket dealer = Socket::dealer(context);
    ASSERT_TRUE(dealer.connect(endpoint));
    ASSERT_EQ(dealer.send(Frames{"one"}), SendOutcome::sent);
    EXPECT_EQ(receive(*router).at(1), "one");
    router.reset();
    const Instant end = read_clock().instant + patience;
    auto second = std::make_unique<Socket>(Socket::router(context));
    while (!second->bind(endpoint) && read_clock().instant < end) {  // the library closes in its own thread
        second = std::make_unique<Socket>(Socket::router(context));
    }
    // What was sent before the loss was noticed is gone (pitfall 2), so it is repeated, as every request is.
    Poller poller;
    std::optional<Frames> got;
    poller.add(*second, {}, [&](Readiness) { got = second->receive(); });
    while (!got && read_clock().instant < end) {
        EXPECT_EQ(dealer.send(Frames{"two"}), SendOutcome::sent);
        poller.wait(milliseconds(50));
    }
    poller.remove(*second);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->at(1), "two");
}

}  // namespace
}  // namespace mc::io

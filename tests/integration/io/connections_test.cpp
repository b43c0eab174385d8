#include "io/connections.hpp"

#include <gmock/gmock.h>

#include "io/clock.hpp"
#include "support.hpp"

namespace mc::io {
namespace {

using test::run_until;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Frames = std::vector<std::string>;

// Goal: a message leads to its connection, and that one can be ended. Spec: ADR 24.
TEST(Connections, AreSeenAndEndedThoughTheLibraryHasThem) {
    Context context;
    Poller poller;
    Socket router = Socket::router(context);
    ASSERT_TRUE(router.bind("tcp://127.0.0.1:*"));
    const std::string endpoint = router.last_endpoint();
    const auto port = static_cast<std::uint16_t>(std::stoul(endpoint.substr(endpoint.rfind(':') + 1)));
    Connections connections = Connections::open().value();
    EXPECT_THAT(connections.list({port}), IsEmpty()) << "what listens is none";

    Socket dealer = Socket::dealer(context);
    Socket other = Socket::dealer(context);
    ASSERT_TRUE(dealer.connect(endpoint));
    ASSERT_TRUE(other.connect(endpoint));
    Received received;
    poller.add(router, {}, [&](Readiness) { ASSERT_TRUE(router.receive_into(received, true)); });
    const auto say = [&](Socket& from, const std::string& what) {
        received = {};
        EXPECT_EQ(from.send(Frames{what}), SendOutcome::sent);
        EXPECT_TRUE(run_until(poller, [&] { return received.frames.size() == 2 && received.frames[1] == what; }));
        return received.descriptor;
    };
    const int descriptor = say(dealer, "hello");
    const int others = say(other, "hello too");
    EXPECT_NE(descriptor, others);
    const auto open = connections.list({port});
    ASSERT_THAT(open, SizeIs(2)) << "the other ends of both are in this process too, and came to no port";
    const OpenConnection& one = open[0].descriptor == descriptor ? open[0] : open[1];
    EXPECT_EQ(one.descriptor, descriptor);
    EXPECT_GT(one.received_bytes, 64U);
    EXPECT_THAT(connections.list({}), IsEmpty());

    end_connection(descriptor, one.cookie + 1'000'000);  // another's: nothing happens
    EXPECT_THAT(connections.list({port}), SizeIs(2));
    end_connection(descriptor, one.cookie);
    // The library of who was ended connects again by itself; nothing tells the poller of it.
    const auto is_back = [&] {
        const auto left = connections.list({port});
        return left.size() == 2 && left[0].cookie != one.cookie && left[1].cookie != one.cookie;
    };
    const Instant end = read_clock().instant + test::patience;
    while (!is_back() && read_clock().instant < end) poller.wait(10ms);
    EXPECT_TRUE(is_back());
    say(dealer, "hello again");
    EXPECT_EQ(say(other, "still here"), others);
    poller.remove(router);
}

}  // namespace
}  // namespace mc::io

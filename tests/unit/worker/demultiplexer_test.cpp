#include "worker/core/demultiplexer.hpp"

#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::Channel;

struct Collected {
    std::string output;
    std::string error;
};

Result<void> feed(Demultiplexer& streams, std::string_view bytes, Collected& into) {
    return streams.feed(bytes, [&](Channel channel, std::string_view piece) {
        (channel == Channel::error ? into.error : into.output) += piece;
    });
}

// Goal: it does not matter where the network cuts the stream.
TEST(Demultiplexer, GivesTheSameAtEverySplitPoint) {
    const std::string stream = Harness::frame(1, "out") + Harness::frame(2, "error!") + Harness::frame(1, "") +
                               Harness::frame(1, std::string(300, 'x'));
    for (std::size_t first = 0; first <= stream.size(); ++first) {
        for (std::size_t second = first; second <= stream.size(); second += 7) {
            Demultiplexer streams;
            Collected got;
            const std::string_view all = stream;
            ASSERT_TRUE(feed(streams, all.substr(0, first), got));
            ASSERT_TRUE(feed(streams, all.substr(first, second - first), got));
            ASSERT_TRUE(feed(streams, all.substr(second), got));
            ASSERT_EQ(got.output, "out" + std::string(300, 'x'));
            ASSERT_EQ(got.error, "error!");
            ASSERT_TRUE(streams.at_boundary());
        }
    }
}

TEST(Demultiplexer, RefusesAHeaderThatIsNone) {
    Demultiplexer streams;
    Collected got;
    const auto result = feed(streams, "plain text, not frames", got);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::engine_failed);
    EXPECT_FALSE(feed(streams, Harness::frame(1, "later"), got));
    EXPECT_EQ(got.output, "");
}

TEST(Demultiplexer, TellsACutStreamFromACompleteOne) {
    Demultiplexer streams;
    Collected got;
    const std::string whole = Harness::frame(1, "hello");
    ASSERT_TRUE(feed(streams, std::string_view(whole).substr(0, whole.size() - 1), got));
    EXPECT_FALSE(streams.at_boundary());
}

// A frame may announce 4 GiB: only what came is handed on, nothing is reserved.
TEST(Demultiplexer, HandsOnPiecesOfAHugeFrameAsTheyCome) {
    Demultiplexer streams;
    Collected got;
    ASSERT_TRUE(feed(streams, std::string("\x01\0\0\0\xFF\xFF\xFF\xFF", 8) + "abc", got));
    EXPECT_EQ(got.output, "abc");
    EXPECT_FALSE(streams.at_boundary());
}

}  // namespace
}  // namespace mc::worker

#include "broker/shell/send_queues.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mc::broker {
namespace {

using io::SendOutcome;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t mebibyte = 1024 * 1024;
const PeerId node{"n"};
const PeerId other{"o"};

struct SendQueuesTest : testing::Test {
    SendOutcome outcome = SendOutcome::sent;
    std::vector<std::string> sent;
    SendQueues queues{[this](const SendQueues::Frames& frames) {
                          if (outcome == SendOutcome::sent) sent.push_back(frames.back().substr(0, 1));
                          return outcome;
                      },
                      8 * mebibyte};

    bool push(const std::string& frame, bool relayed = false) { return queues.push(node, {"n", frame}, relayed); }
};

TEST_F(SendQueuesTest, KeepWhatAFullConnectionDoesNotTakeInItsOrder) {
    EXPECT_TRUE(push("1"));
    outcome = SendOutcome::would_block;
    EXPECT_TRUE(push("2"));
    outcome = SendOutcome::sent;
    EXPECT_TRUE(push("3")) << "not before 2";
    EXPECT_THAT(sent, ElementsAre("1"));
    EXPECT_THAT(queues.flush(), IsEmpty());
    EXPECT_THAT(sent, ElementsAre("1", "2", "3"));
    EXPECT_TRUE(queues.empty());
}

TEST_F(SendQueuesTest, TakeForGoneWhoeverHasTooMuchWaitingOrCantBeReached) {
    outcome = SendOutcome::would_block;
    for (int i = 0; i < 7; ++i) EXPECT_TRUE(push(std::string(mebibyte, 'x')));
    EXPECT_FALSE(push(std::string(mebibyte, 'x')));
    EXPECT_TRUE(queues.empty());
    EXPECT_TRUE(push("1"));
    outcome = SendOutcome::unreachable;
    EXPECT_FALSE(queues.push(other, {"o", "1"}));
    EXPECT_THAT(queues.flush(), ElementsAre(node));
}

// Goal: what one person has a node told ends nobody else's stream. ADR 23.
TEST_F(SendQueuesTest, CountWhatIsRelayedByItself) {
    outcome = SendOutcome::would_block;
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(push(std::string(mebibyte, 'o')));
    EXPECT_TRUE(queues.is_behind(node));
    for (int i = 0; i < 4; ++i) {
        EXPECT_FALSE(queues.relayed_behind(node)) << i;
        EXPECT_TRUE(push(std::string(mebibyte, 'r'), true));
    }
    EXPECT_TRUE(queues.relayed_behind(node));
    EXPECT_FALSE(queues.relayed_behind(other));
    outcome = SendOutcome::sent;
    EXPECT_THAT(queues.flush(), IsEmpty());
    EXPECT_FALSE(queues.relayed_behind(node));
}

TEST_F(SendQueuesTest, CountManySmallMessagesForMoreThanTheirBytes) {
    outcome = SendOutcome::would_block;
    for (int i = 0; i < 25'000; ++i) ASSERT_TRUE(push("x", true));
    EXPECT_TRUE(queues.relayed_behind(node));
}

}  // namespace
}  // namespace mc::broker

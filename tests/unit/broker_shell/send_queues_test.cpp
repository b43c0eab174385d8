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
const Instant start{1000s};

struct SendQueuesTest : testing::Test {
    SendOutcome outcome = SendOutcome::sent;
    int takes = 0;  ///< so many messages, whatever `outcome` is
    std::vector<std::string> sent;
    SendQueues queues{[this](SendQueues::Frames frames) {
                          const SendOutcome now = takes > 0 ? SendOutcome::sent : outcome;
                          if (takes > 0) --takes;
                          if (now == SendOutcome::sent) sent.emplace_back(frames.back().substr(0, 1));
                          return now;
                      },
                      32 * mebibyte};

    bool push(const std::string& body, bool relayed = false) { return queues.push(node, {{}, body, {}}, relayed); }
};

TEST_F(SendQueuesTest, KeepWhatAFullConnectionDoesNotTakeInItsOrder) {
    EXPECT_TRUE(push("1"));
    outcome = SendOutcome::would_block;
    EXPECT_TRUE(push("2"));
    outcome = SendOutcome::sent;
    EXPECT_TRUE(push("3")) << "not before 2";
    EXPECT_THAT(sent, ElementsAre("1"));
    EXPECT_THAT(queues.flush(start), IsEmpty());
    EXPECT_THAT(sent, ElementsAre("1", "2", "3"));
    EXPECT_TRUE(queues.empty());
}

TEST_F(SendQueuesTest, TakeForGoneWhoeverHasTooMuchWaitingOrCantBeReached) {
    outcome = SendOutcome::would_block;
    for (int i = 0; i < 31; ++i) EXPECT_TRUE(push(std::string(mebibyte, 'x')));
    EXPECT_FALSE(push(std::string(mebibyte, 'x')));
    EXPECT_TRUE(queues.empty());
    EXPECT_TRUE(push("1"));
    outcome = SendOutcome::unreachable;
    EXPECT_FALSE(queues.push(other, {{}, "1", {}}));
    EXPECT_THAT(queues.flush(start), ElementsAre(node));
}

// Goal: what one person has a node told ends nobody else's stream. ADR 23.
TEST_F(SendQueuesTest, CountWhatIsRelayedByItself) {
    outcome = SendOutcome::would_block;
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(push(std::string(mebibyte, 'o')));
    EXPECT_TRUE(queues.is_behind(node));
    for (int i = 0; i < 16; ++i) {
        EXPECT_FALSE(queues.relayed_behind(node)) << i;
        EXPECT_TRUE(push(std::string(mebibyte, 'r'), true));
    }
    EXPECT_TRUE(queues.relayed_behind(node));
    EXPECT_FALSE(queues.relayed_behind(other));
    outcome = SendOutcome::sent;
    EXPECT_THAT(queues.flush(start), IsEmpty());
    EXPECT_FALSE(queues.relayed_behind(node));
}

TEST_F(SendQueuesTest, CountManySmallMessagesForMoreThanTheirBytes) {
    outcome = SendOutcome::would_block;
    for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(push("x", true));
    EXPECT_TRUE(queues.relayed_behind(node));
}

// Goal: a peer that stands still costs no turns of the broker's loop, and one that reads slowly is served about as fast
// as it reads.
TEST_F(SendQueuesTest, AreTriedLaterAndLaterWhileNobodyTakesAnything) {
    EXPECT_EQ(queues.next_flush(), Instant::never());
    outcome = SendOutcome::would_block;
    EXPECT_TRUE(push("1"));
    EXPECT_LE(queues.next_flush(), start) << "at once: who is full may have room already";
    Instant now = start;
    std::vector<std::int64_t> waits;
    for (int i = 0; i < 8; ++i) {
        EXPECT_THAT(queues.flush(now), IsEmpty());
        waits.push_back((queues.next_flush() - now).count());
        // Turns that have other causes, and what is added to what waits, bring nothing forward or off.
        EXPECT_THAT(queues.flush(now + 1ms), IsEmpty());
        EXPECT_TRUE(push("2"));
        EXPECT_EQ((queues.next_flush() - now).count(), waits.back());
        now = queues.next_flush();
    }
    EXPECT_THAT(waits, ElementsAre(5, 10, 20, 40, 80, 160, 250, 250));
}

TEST_F(SendQueuesTest, AreTriedSoonAgainOnceSomebodyTakesSomethingOrAnotherIsBehind) {
    outcome = SendOutcome::would_block;
    EXPECT_TRUE(push("1"));
    EXPECT_TRUE(push("2"));
    Instant now = start;
    const auto stand_still = [&] {
        for (int i = 0; i < 9; ++i) {
            now = std::max(now, queues.next_flush());
            EXPECT_THAT(queues.flush(now), IsEmpty());
        }
        EXPECT_EQ(queues.next_flush() - now, SendQueues::flush_interval_max);
    };
    stand_still();
    takes = 1;
    now = now + 3ms;
    EXPECT_THAT(queues.flush(now), IsEmpty());
    EXPECT_THAT(sent, ElementsAre("1"));
    EXPECT_EQ(queues.next_flush() - now, SendQueues::flush_interval_min);
    stand_still();
    EXPECT_TRUE(queues.push(other, {{}, "1", {}}));
    EXPECT_LE(queues.next_flush(), now);
    stand_still();
    outcome = SendOutcome::sent;
    EXPECT_THAT(queues.flush(now), IsEmpty());
    EXPECT_EQ(queues.next_flush(), Instant::never());
}

}  // namespace
}  // namespace mc::broker

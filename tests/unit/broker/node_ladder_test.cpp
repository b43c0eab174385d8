#include "broker/core/node_ladder.hpp"

#include <gtest/gtest.h>

#include "broker/core/node_table.hpp"

namespace mc::broker::test {
namespace {

class NodeLadderTest : public testing::Test {
protected:
    NodeLadderTest() {
        for (std::size_t i = 0; i < nodes.size(); ++i)
            nodes[i].record.name = std::string(1, static_cast<char>('a' + i));
    }
    Node& node(char name) { return nodes[static_cast<std::size_t>(name - 'a')]; }
    /// All of them, `most` at most.
    [[nodiscard]] std::string up(std::size_t most = 9) const {
        std::string seen;
        ladder.upward([&](const Node& one) { return (seen += one.record.name).size() < most; });
        return seen;
    }
    [[nodiscard]] std::string down(std::size_t most = 9) const {
        std::string seen;
        ladder.downward([&](const Node& one) { return (seen += one.record.name).size() < most; });
        return seen;
    }

    std::array<Node, 4> nodes;
    NodeLadder ladder;
};

TEST_F(NodeLadderTest, ShowsThemByRungAndByHowLongTheyHaveStoodThere) {
    EXPECT_EQ(up(), "");
    ladder.put(node('c'), 7);
    ladder.put(node('a'), 3);
    ladder.put(node('b'), 7);
    ladder.put(node('d'), 1000);
    EXPECT_EQ(up(), "acbd");
    EXPECT_EQ(down(), "dcba");
    EXPECT_EQ(up(2), "ac");
    EXPECT_EQ(down(1), "d");
    EXPECT_EQ(ladder.rung_of(node('b')), 7U);
    EXPECT_EQ(ladder.size(), 4U);
}

TEST_F(NodeLadderTest, PutsOneThatStandsElsewhereAndLeavesOneThatStandsThere) {
    for (const char name : {'a', 'b', 'c'}) ladder.put(node(name), 1);
    ladder.put(node('a'), 1);
    EXPECT_EQ(up(), "abc");
    ladder.put(node('a'), 2);
    EXPECT_EQ(up(), "bca");
    ladder.put(node('a'), 1);
    EXPECT_EQ(up(), "bca");
    ladder.put(node('c'), 2);
    ladder.put_first(node('c'), 1);
    EXPECT_EQ(up(), "cba") << "as if it had never gone";
}

TEST_F(NodeLadderTest, ForgetsThoseThatAreRemoved) {
    ladder.put(node('a'), 1);
    ladder.put(node('b'), 2);
    ladder.remove(node('a'));
    ladder.remove(node('a'));
    ladder.remove(node('d'));
    EXPECT_EQ(up(), "b");
    EXPECT_EQ(ladder.rung_of(node('a')), 0U);
    ladder.remove(node('b'));
    EXPECT_TRUE(ladder.empty());
    EXPECT_EQ(down(), "");
}

}  // namespace
}  // namespace mc::broker::test

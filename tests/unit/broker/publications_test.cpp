#include "broker/core/publications.hpp"

#include <gtest/gtest.h>

namespace mc::broker {
namespace {

protocol::Event event(std::uint64_t number, const std::string& owner = "") {
    protocol::Event made;
    made.seq = EventSeq{number};
    made.owner = owner;
    return made;
}

std::vector<protocol::Event> events(std::uint64_t first, std::uint64_t last) {
    std::vector<protocol::Event> made;
    for (; first <= last; ++first) made.push_back(event(first));
    return made;
}

constexpr Instant start{1000ms};

TEST(Publications, AreDueAtOnceAfterARest) {
    Publications publications;
    EXPECT_EQ(publications.due(), Instant::never());
    publications.add(events(1, 2));
    EXPECT_LE(publications.due(), start);
    const auto due = publications.take(start, false);
    EXPECT_EQ(due.messages, (std::vector<Publications::Message>{{"events", {events(1, 2)}}}));
    EXPECT_FALSE(due.beacon);
    EXPECT_EQ(publications.due(), Instant::never());
    publications.add(events(3, 3));
    EXPECT_LE(publications.due(), start + 1h);
}

TEST(Publications, OfOneIntervalAreOneMessage) {
    Publications publications;
    publications.add(events(1, 1));
    static_cast<void>(publications.take(start, false));
    publications.add(events(2, 2));
    publications.add(events(3, 4));
    EXPECT_EQ(publications.due(), start + Publications::interval);
    EXPECT_EQ(publications.take(publications.due(), false).messages,
              (std::vector<Publications::Message>{{"events", {events(2, 4)}}}));
}

// The beacon says which number is the last: whoever hears it before the event would ask for that.
TEST(Publications, BeaconsComeOnceAndAfterTheEvents) {
    Publications publications;
    publications.add(protocol::Beacon{CloudId{1}, Epoch{1}, EventSeq{0}});
    publications.add(events(1, 1));
    publications.add(protocol::Beacon{CloudId{1}, Epoch{1}, EventSeq{1}});
    const auto due = publications.take(start, false);
    EXPECT_EQ(due.messages.size(), 1u);
    ASSERT_TRUE(due.beacon);
    EXPECT_EQ(due.beacon->last, EventSeq{1});
    EXPECT_FALSE(publications.take(start, false).beacon);
}

TEST(Publications, ByOwnerGoToEachOwnerToo) {
    Publications publications;
    const std::vector all{event(1, "ada"), event(2, ""), event(3, "bob"), event(4, "ada")};
    publications.add(all);
    EXPECT_EQ(publications.take(start, true).messages,
              (std::vector<Publications::Message>{{"events", {all}},
                                                  {"event//", {{all[1]}}},
                                                  {"event/ada/", {{all[0], all[3]}}},
                                                  {"event/bob/", {{all[2]}}}}));
}

TEST(Publications, HaveSoManyEventsInOneMessageAtMost) {
    Publications publications;
    constexpr std::uint64_t most = Publications::events_per_message_max;
    publications.add(events(1, most + 1));
    EXPECT_EQ(publications.take(start, true).messages,
              (std::vector<Publications::Message>{{"events", {events(1, most)}},
                                                  {"events", {events(most + 1, most + 1)}},
                                                  {"event//", {events(1, most)}},
                                                  {"event//", {events(most + 1, most + 1)}}}));
}

}  // namespace
}  // namespace mc::broker

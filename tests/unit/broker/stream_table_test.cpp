#include "broker/core/stream_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mc::broker {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

const PeerId ada{"a"};
const PeerId eve{"e"};
constexpr RequestId request{1, 1};
constexpr RequestId another{1, 2};

std::vector<std::uint64_t> jobs_of(const std::vector<Stream>& streams) {
    std::vector<std::uint64_t> jobs;
    for (const Stream& stream : streams) jobs.push_back(stream.job.low);
    return jobs;
}

struct StreamTableTest : testing::Test {
    StreamTable streams;

    void add(std::uint64_t job, const PeerId& client, RequestId id, const std::string& owner) {
        streams.add(JobId{0, job}, client, id, owner);
    }
};

// Goal: what one client does with a request id concerns no other that has made the same one.
TEST_F(StreamTableTest, KeepsClientsWithTheSameRequestIdApart) {
    add(1, ada, request, "ada");
    add(2, eve, request, "eve");
    EXPECT_EQ(streams.find(ada, request)->job, (JobId{0, 1}));
    EXPECT_EQ(streams.find(eve, request)->job, (JobId{0, 2}));
    EXPECT_EQ(streams.find(ada, another), nullptr);
    streams.erase(JobId{0, 1});
    EXPECT_EQ(streams.find(ada, request), nullptr);
    EXPECT_EQ(streams.find(eve, request)->owner, "eve");
    EXPECT_EQ(streams.find_request(request)->job, (JobId{0, 2}));
    streams.erase(JobId{0, 2});
    EXPECT_EQ(streams.find_request(request), nullptr);
    EXPECT_EQ(streams.size(), 0U);
}

TEST_F(StreamTableTest, CountsByClientAndOwnerWhatIsThere) {
    add(1, ada, request, "ada");
    add(2, ada, another, "ada");
    add(3, eve, request, "ada");
    EXPECT_EQ(streams.count_of_client(ada), 2U);
    EXPECT_EQ(streams.count_of_owner("ada"), 3U);
    EXPECT_THAT(jobs_of(streams.of_client(ada)), UnorderedElementsAre(1, 2));
    streams.erase(JobId{0, 1});
    streams.erase(JobId{0, 1});
    EXPECT_EQ(streams.count_of_client(ada), 1U);
    EXPECT_EQ(streams.count_of_owner("ada"), 2U);
    streams.erase(JobId{0, 2});
    EXPECT_EQ(streams.count_of_client(ada), 0U);
    EXPECT_THAT(streams.of_client(ada), IsEmpty());
    EXPECT_THAT(jobs_of(streams.all()), UnorderedElementsAre(3));
}

TEST_F(StreamTableTest, MovesARequestToAnotherConnection) {
    add(1, ada, request, "ada");
    add(2, ada, another, "ada");
    streams.find(JobId{0, 1})->about = "web";
    streams.move(JobId{0, 1}, eve);
    EXPECT_EQ(streams.find(ada, request), nullptr);
    EXPECT_EQ(streams.find(eve, request)->about, "web");
    EXPECT_THAT(jobs_of(streams.of_client(ada)), UnorderedElementsAre(2));
    EXPECT_THAT(jobs_of(streams.of_client(eve)), UnorderedElementsAre(1));
    EXPECT_EQ(streams.count_of_owner("ada"), 2U);
    streams.erase(JobId{0, 1});
    EXPECT_EQ(streams.count_of_client(eve), 0U);
}

}  // namespace
}  // namespace mc::broker

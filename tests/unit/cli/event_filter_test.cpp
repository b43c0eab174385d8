#include "cli/core/event_filter.hpp"

#include <gtest/gtest.h>

namespace mc::cli {
namespace {

Result<EventFilter> filter(std::vector<std::string> texts) {
    return EventFilter::read(Settings(Settings::Values{{"filter", std::move(texts)}}));
}

protocol::Event event(const char* kind, const char* name) {
    protocol::Event out;
    out.kind = kind;
    out.name = name;
    out.node = "node-a";
    out.seq = EventSeq{17};
    return out;
}

TEST(EventFilter, HoldsForAllWithoutConditions) {
    EXPECT_TRUE(EventFilter::read(Settings{})->holds(event("vm.running", "web")));
}

TEST(EventFilter, AsksOneConditionOfAFieldAndEveryField) {
    const auto asked = filter({"kind=vm.*", "kind=node.silent", "name=web*"});
    EXPECT_TRUE(asked->holds(event("vm.running", "web-1")));
    EXPECT_TRUE(asked->holds(event("node.silent", "web")));
    EXPECT_FALSE(asked->holds(event("vm.running", "db")));
    EXPECT_FALSE(asked->holds(event("node.ready", "web")));
}

TEST(EventFilter, TakesNumbersAndWhatIsNotThere) {
    EXPECT_TRUE(filter({"seq=17"})->holds(event("vm.running", "")));
    EXPECT_TRUE(filter({"name="})->holds(event("node.silent", "")));
    EXPECT_FALSE(filter({"name=?*"})->holds(event("node.silent", "")));
    EXPECT_TRUE(filter({"reason=*=*"}) && !filter({"reason=*=*"})->holds(event("vm.running", "web")));
}

TEST(EventFilter, SaysWhatIsWrong) {
    EXPECT_EQ(filter({"kind"}).error().code, ErrorCode::usage);
    EXPECT_NE(filter({"knd=x"}).error().message.find("did you mean kind?"), std::string::npos);
    EXPECT_NE(filter({"colour=x"}).error().message.find("such as kind"), std::string::npos);
}

}  // namespace
}  // namespace mc::cli

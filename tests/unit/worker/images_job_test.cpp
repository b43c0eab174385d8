#include "protocol/image_bodies.hpp"
#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::ImageAction;
using protocol::ImagesReply;
using protocol::Kind;
using protocol::NodeImagesOrder;
using protocol::Verb;
using testing::HasSubstr;

// Goal: what a node's engine has is told, brought and removed as the broker orders. ADR 31.
struct ImagesHarness : Harness {
    JobId ask(ImageAction action, const std::string& image = "", const std::string& owner = "ann") {
        return order(Verb::node_images, protocol::encode(NodeImagesOrder{Epoch{5}, action, image, owner}));
    }
    [[nodiscard]] ImagesReply answer(JobId id) const {
        EXPECT_EQ(code(id), ErrorCode::ok) << sentence(id);
        return protocol::decode<ImagesReply>(reply(id)->body).value_or(ImagesReply{});
    }
    [[nodiscard]] std::vector<std::string> names(JobId id) const {
        std::vector<std::string> names;
        for (const auto& image : answer(id).images) names.push_back(image.name);
        return names;
    }
};

TEST(ImagesJob, ListsWhatTheEngineHas) {
    ImagesHarness t;
    const JobId id = t.ask(ImageAction::list);
    EXPECT_THAT(t.names(id), testing::ElementsAre("minicloud/vm:latest", "plain:1"));
    EXPECT_EQ(t.answer(id).left_out, 0U);
    EXPECT_EQ(t.answer(id).images[1],
              (protocol::ImageView{"plain:1", "sha256:plain:1", 1000, WallTime{1795476000000}}));
}

TEST(ImagesJob, ListsAsManyAsOneAnswerHolds) {
    ImagesHarness t;
    t.engine.images.clear();
    for (std::size_t i = 0; i < limits::images_max + 3; ++i) {
        t.engine.images[std::string(limits::image_bytes_max - 6, 'x') + ":" + std::to_string(10000 + i)];
    }
    const JobId id = t.ask(ImageAction::list);
    EXPECT_EQ(t.answer(id).images.size(), limits::images_max);
    EXPECT_EQ(t.answer(id).left_out, 3U);
    EXPECT_LT(t.reply(id)->body.size(), limits::message_bytes_max);
}

TEST(ImagesJob, TellsWhyItCantList) {
    ImagesHarness t;
    t.when("GET", "/images/json", FakeEngine::error(500, "no"));
    const JobId failed = t.ask(ImageAction::list);
    EXPECT_EQ(t.code(failed), ErrorCode::engine_failed);
    EXPECT_EQ(t.sentence(failed), "the engine can't list the images on node node-a: no");
    t.when("GET", "/images/json", Harness::refused());
    EXPECT_EQ(t.code(t.ask(ImageAction::list)), ErrorCode::engine_unreachable);
    t.when("GET", "/images/json", FakeEngine::reply(200, {{"not", "a list"}}));
    EXPECT_EQ(t.code(t.ask(ImageAction::list)), ErrorCode::engine_failed);
}

TEST(ImagesJob, PullsAlsoWhatIsThere) {
    ImagesHarness t;
    t.engine.pull_stream = "{\"status\":\"Pull complete\",\"id\":\"a\"}\n";
    const JobId id = t.ask(ImageAction::pull, "plain:1");
    t.engine.images["plain:1"]["Id"] = "sha256:new";
    EXPECT_EQ(t.engine.count("POST /images/create?fromImage=plain&tag=1"), 1);
    EXPECT_EQ(t.code(id), ErrorCode::engine_failed) << "FakeEngine's images have no id unless a test says so";
    const JobId again = t.ask(ImageAction::pull, "plain:1");
    EXPECT_EQ(t.answer(again).images, (std::vector<protocol::ImageView>{{"plain:1", "sha256:new", 0, {}}}));
    EXPECT_THAT(t.stages(again), testing::Contains("pulling"));
}

TEST(ImagesJob, TellsWhyItCantPull) {
    ImagesHarness t;
    const JobId id = t.ask(ImageAction::pull, "plain:1");
    EXPECT_EQ(t.code(id), ErrorCode::pull_failed);
    EXPECT_EQ(t.sentence(id), "image plain:1 can't be pulled to node node-a: no registry here");
    t.engine.pull_stream = "{\"error\":\"manifest for far:2 not found\"}\n";
    EXPECT_EQ(t.code(t.ask(ImageAction::pull, "far:2")), ErrorCode::image_not_found);
    t.engine.pull_stream = "{\"error\":\"manifest unknown\"}\n";
    EXPECT_EQ(t.code(t.ask(ImageAction::pull, "far:2")), ErrorCode::image_not_found);
    t.when("POST", "/images/create", Harness::timed_out());
    EXPECT_EQ(t.code(t.ask(ImageAction::pull, "plain:1")), ErrorCode::pull_failed)
        << "that an older one is there is no success";
}

TEST(ImagesJob, GivesSignsOfLifeWhileItPulls) {
    ImagesHarness t;
    t.when("POST", "/images/create", std::nullopt);
    const JobId id = t.ask(ImageAction::pull, "far:2");
    const auto told = [&] { return t.all(id, Kind::progress).size(); };
    const auto before = told();
    t.advance(bounds::pull_sign_interval + 1s);
    EXPECT_EQ(told(), before + 1);
    t.chunk("/images/create",
            "{\"status\":\"Downloading\",\"id\":\"a\",\"progressDetail\":{\"current\":43,\"total\":100}}\n");
    const auto last = protocol::decode<protocol::Progress>(t.all(id, Kind::progress).back().body);
    EXPECT_EQ(last->percent, 43);
    EXPECT_EQ(last->stage, "pulling");
    t.advance(2 * bounds::pull_sign_interval);
    EXPECT_EQ(told(), before + 4);
}

TEST(ImagesJob, BreaksAPullOffThatNobodyWantsAnyMore) {
    ImagesHarness t;
    t.when("POST", "/images/create", std::nullopt);
    const JobId id = t.ask(ImageAction::pull, "far:2");
    EXPECT_TRUE(t.hangs("/images/create"));
    t.cancel(id);
    EXPECT_EQ(t.code(id), ErrorCode::cancelled);
    EXPECT_FALSE(t.hangs("/images/create"));
    const JobId other = t.ask(ImageAction::pull, "far:2");
    t.advance(10s, false);
    EXPECT_EQ(t.code(other), ErrorCode::node_unreachable) << "the broker is gone, and with it who asked";
    EXPECT_FALSE(t.hangs("/images/create"));
}

TEST(ImagesJob, LeavesOthersTheirPartOfThePulls) {
    ImagesHarness t;
    t.when("POST", "/images/create", std::nullopt);
    for (const char* image : {"far:1", "far:2", "far:3"}) t.ask(ImageAction::pull, image, "ann");
    EXPECT_EQ(t.hanging.size(), bounds::pulls_of_owner_max + 1) << "with the event stream";
    t.ask(ImageAction::pull, "far:4", "bob");
    EXPECT_TRUE(t.hangs("tag=4"));
}

TEST(ImagesJob, RemovesWhatIsNotInUse) {
    ImagesHarness t;
    const JobId id = t.ask(ImageAction::remove, "plain:1");
    EXPECT_TRUE(t.answer(id).images.empty());
    EXPECT_FALSE(t.engine.images.contains("plain:1"));
    EXPECT_EQ(t.engine.count("DELETE /images/plain%3A1"), 1) << "without force";
    const JobId again = t.ask(ImageAction::remove, "plain:1");
    EXPECT_EQ(t.code(again), ErrorCode::not_found);
    EXPECT_EQ(t.sentence(again), "there is no image plain:1 on node node-a");
}

TEST(ImagesJob, LeavesWhatIsInUseAndQuotesTheEngine) {
    ImagesHarness t;
    t.create();
    const JobId id = t.ask(ImageAction::remove, "minicloud/vm:latest");
    EXPECT_EQ(t.code(id), ErrorCode::wrong_state);
    EXPECT_THAT(t.sentence(id), HasSubstr("on node node-a: conflict: container id-mc-"));
    EXPECT_TRUE(t.engine.images.contains("minicloud/vm:latest"));
}

TEST(ImagesJob, LooksWhetherAnImageWentWhenTheEngineDidNotSay) {
    ImagesHarness t;
    t.when("DELETE", "/images/", Harness::timed_out());
    EXPECT_EQ(t.code(t.ask(ImageAction::remove, "plain:1")), ErrorCode::deadline_exceeded) << "it is still there";
    t.engine.images.erase("plain:1");
    EXPECT_EQ(t.code(t.ask(ImageAction::remove, "plain:1")), ErrorCode::ok);
    t.when("DELETE", "/images/", Harness::refused());
    EXPECT_EQ(t.code(t.ask(ImageAction::remove, "plain:1")), ErrorCode::engine_unreachable);
}

TEST(ImagesJob, TakesNoNameThatLeadsElsewhere) {
    ImagesHarness t;
    for (const char* image : {"", "../containers/x", "a//b", "a?force=1"}) {
        EXPECT_EQ(t.code(t.ask(ImageAction::remove, image)), ErrorCode::invalid_argument) << image;
    }
    EXPECT_EQ(t.engine.count("DELETE"), 0);
}

// A list may be half a MiB: thousands that are remembered would fill the memory.
TEST(ImagesJob, IsNotRememberedWhenItIsOver) {
    ImagesHarness t;
    const auto body = protocol::encode(NodeImagesOrder{Epoch{5}, ImageAction::list, "", "ann"});
    const JobId id = t.order(Verb::node_images, body);
    t.order(Verb::node_images, body, {}, 0, id);
    EXPECT_EQ(t.engine.count("GET /images/json"), 2);
}

TEST(ImagesJob, IsRefusedByAWorkerThatStops) {
    ImagesHarness t;
    t.core.begin_stop(t.now);
    t.settle();
    EXPECT_EQ(t.code(t.ask(ImageAction::list)), ErrorCode::node_unreachable);
}

}  // namespace
}  // namespace mc::worker

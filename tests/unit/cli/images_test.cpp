#include "cli/core/images.hpp"

#include <gtest/gtest.h>

#include "cli/core/image_views.hpp"

namespace mc::cli {
namespace {

using protocol::ImageAction;
using protocol::ImagesReply;
using protocol::ImagesRequest;
using Status = ImageResult::Status;
using Strings = std::vector<std::string>;

Result<ImagesCommand> read(Strings operands, ImageAction action, Settings::Values values = {}) {
    return read_images(Settings(std::move(values)), operands, action);
}

protocol::NodeView node(std::string name) {
    protocol::NodeView out;
    out.name = std::move(name);
    return out;
}

TEST(Images, AreReadAsWritten) {
    const auto pull = read({"debian:12", "a/b", "debian:12"}, ImageAction::pull, {{"node", {"lab-*", "web"}}});
    ASSERT_TRUE(pull);
    EXPECT_EQ(pull->images, (Strings{"debian:12", "a/b"})) << "each once";
    EXPECT_EQ(pull->nodes, (Strings{"lab-*", "web"}));
    EXPECT_EQ(pull->timeout, 10min);
    EXPECT_EQ(read({"a"}, ImageAction::remove)->timeout, 2min);
    EXPECT_EQ(read({"a"}, ImageAction::pull, {{"timeout", {"1h"}}})->timeout, 1h);
    EXPECT_TRUE(read({}, ImageAction::list, {{"all", {"true"}}})->all);
    EXPECT_EQ(read({"../x"}, ImageAction::remove).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read({"a"}, ImageAction::pull, {{"node", {"No"}}}).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(read({"a"}, ImageAction::pull, {{"timeout", {"2h"}}}).error().code, ErrorCode::invalid_argument);
}

TEST(Images, AreAskedOfTheNodesThatAreMeant) {
    const std::vector<protocol::NodeView> nodes{node("lab-1"), node("lab-2"), node("web")};
    const auto of = [&](Strings wanted) {
        ImagesCommand command;
        command.nodes = std::move(wanted);
        return nodes_of(command, nodes);
    };
    EXPECT_EQ(of({}).names, (Strings{"lab-1", "lab-2", "web"}));
    EXPECT_EQ(of({"web", "lab-*", "web"}).names, (Strings{"lab-1", "lab-2", "web"})) << "each once";
    const auto mistyped = of({"web", "lba-1", "x*"});
    EXPECT_EQ(mistyped.names, Strings{"web"});
    ASSERT_EQ(mistyped.unknown.size(), 2U);
    EXPECT_EQ(mistyped.unknown[0].message, "there is no node \"lba-1\"; did you mean lab-1?");
    EXPECT_EQ(mistyped.unknown[1].message, "no node has a name like x*");
}

TEST(Images, HaveTheNameThatTheEngineListsThemBy) {
    EXPECT_EQ(full_image_name("debian"), "debian:latest");
    EXPECT_EQ(full_image_name("debian:12"), "debian:12");
    EXPECT_EQ(full_image_name("docker.io/library/debian:12"), "debian:12");
    EXPECT_EQ(full_image_name("docker.io/ada/box"), "ada/box:latest");
    EXPECT_EQ(full_image_name("127.0.0.1:5000/box"), "127.0.0.1:5000/box:latest");
    EXPECT_EQ(full_image_name("box@sha256:12"), "box@sha256:12");
}

TEST(Images, SayHowManyVmsOfTheirNodeWereMadeFromThem) {
    protocol::VmView vm;
    vm.node = "a";
    vm.image = "docker.io/library/debian";
    protocol::VmView elsewhere = vm;
    elsewhere.node = "b";
    const ImagesReply reply{
        {{"debian:latest", "sha256:1", 1, {}}, {"debian:12", "sha256:1", 1, {}}, {"", "sha256:2", 1, {}}}, 0};
    ImagesCommand command;
    const auto named = image_rows(command, "a", reply, {vm, vm, elsewhere});
    ASSERT_EQ(named.size(), 2U);
    EXPECT_EQ(named[0].vms, 2U);
    EXPECT_EQ(named[1].vms, 0U);
    command.all = true;
    const auto all = image_rows(command, "a", reply, {});
    ASSERT_EQ(all.size(), 3U);
    EXPECT_FALSE(all[2].vms);
}

std::vector<Status> removal(std::vector<Result<ImagesReply>> replies) {
    std::vector<ImagesRequest> requests;
    for (std::size_t i = 0; i < replies.size(); ++i) {
        requests.push_back({"node-" + std::to_string(i), ImageAction::remove, "x"});
    }
    std::vector<Status> statuses;
    for (const auto& result : image_results(ImageAction::remove, requests, replies)) {
        EXPECT_EQ(result.error.has_value(), result.status == Status::failed);
        statuses.push_back(result.status);
    }
    return statuses;
}

// Goal: an image on one node of three is removed without a complaint; a name that is nowhere was mistyped.
TEST(Images, ThatAreOnSomeNodesOnlyAreRemovedWithoutComplaint) {
    const auto absent = [] { return fail(ErrorCode::not_found, "there is no image x on it"); };
    const auto in_use = [] { return fail(ErrorCode::wrong_state, "it is in use"); };
    EXPECT_EQ(removal({ImagesReply{}, absent()}), (std::vector{Status::removed, Status::absent}));
    EXPECT_EQ(removal({in_use(), absent()}), (std::vector{Status::failed, Status::absent}));
    EXPECT_EQ(removal({absent(), absent()}), (std::vector{Status::failed, Status::failed}));
}

TEST(Images, ThatAreNotInTheirRegistryAreAFailureOfEachNode) {
    const std::vector<ImagesRequest> requests{{"a", ImageAction::pull, "x"}, {"b", ImageAction::pull, "x"}};
    const auto results =
        image_results(ImageAction::pull, requests,
                      {ImagesReply{{{"x", "sha256:1", 1, {}}}, 0}, fail(ErrorCode::image_not_found, "there is no x")});
    EXPECT_EQ(results[0].status, Status::pulled);
    EXPECT_EQ(results[0].pulled->id, "sha256:1");
    EXPECT_EQ(results[1].status, Status::failed);
    EXPECT_EQ(results[1].error->code, ErrorCode::image_not_found);
}

}  // namespace
}  // namespace mc::cli

#include <algorithm>

#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using testing::Contains;
using testing::HasSubstr;

/// Of the one VM's container, as the engine was asked for it; "" = its default.
std::string network_of(Harness& t) {
    const auto* container = t.container();
    return container ? container->spec.at("HostConfig").value("NetworkMode", std::string()) : "no container";
}

Settings named(const std::string& network) {
    auto settings = Harness::settings();
    settings.vm_network = network;
    return settings;
}

TEST(VmNetwork, IsTheEnginesBridgeWhereThatKeepsVmsApart) {
    Harness t;
    EXPECT_EQ(t.code(t.create()), ErrorCode::ok);
    EXPECT_EQ(network_of(t), "");
    EXPECT_TRUE(t.engine.networks.empty());
}

TEST(VmNetwork, IsMadeWhereTheBridgeLetsVmsReachEachOther) {
    Harness t(true, Harness::settings(), [](FakeEngine& engine) { engine.bridge_isolates = false; });
    EXPECT_TRUE(t.core.status(t.now).ready);
    EXPECT_THAT(t.logged, Contains(HasSubstr("the engine's network minicloud")));
    EXPECT_EQ(t.code(t.create()), ErrorCode::ok);
    EXPECT_EQ(network_of(t), "minicloud");
    EXPECT_TRUE(t.engine.networks.at("minicloud"));
    t.advance(3 * bounds::info_interval);
    EXPECT_EQ(t.engine.count("POST /networks/create"), 1);
}

// dockerd --bridge none
TEST(VmNetwork, IsMadeWhereThereIsNoBridge) {
    Harness t(true, Harness::settings(), [](FakeEngine& engine) {
        engine.intercept = [](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
            if (request.target != "/v1.41/networks/bridge") return std::nullopt;
            return FakeEngine::error(404, "network bridge not found");
        };
    });
    EXPECT_EQ(t.code(t.create()), ErrorCode::ok);
    EXPECT_EQ(network_of(t), "minicloud");
}

TEST(VmNetwork, MadeByAnotherWorkerIsUsed) {
    Harness t(true, Harness::settings(), [](FakeEngine& engine) {
        engine.bridge_isolates = false;
        engine.networks["minicloud"] = true;
    });
    EXPECT_EQ(t.code(t.create()), ErrorCode::ok);
    EXPECT_EQ(network_of(t), "minicloud");
    EXPECT_EQ(t.engine.count("POST /networks/create"), 0);
}

TEST(VmNetwork, MadeByAnotherWorkerAtTheSameMomentIsUsed) {
    Harness t(true, Harness::settings(), [](FakeEngine& engine) {
        engine.bridge_isolates = false;
        engine.intercept = [&engine](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
            if (request.target != "/v1.41/networks/create") return std::nullopt;
            engine.networks["minicloud"] = true;
            return FakeEngine::error(403, "conflicts with network 8229 (mc-1): networks have same bridge name");
        };
    });
    EXPECT_TRUE(t.core.status(t.now).ready);
    EXPECT_EQ(t.code(t.create()), ErrorCode::ok);
    EXPECT_EQ(network_of(t), "minicloud");
}

TEST(VmNetwork, ThatCantBeMadeMakesTheNodeNotReady) {
    Harness t(true, Harness::settings(), [](FakeEngine& engine) {
        engine.bridge_isolates = false;
        engine.intercept = [](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
            if (request.target != "/v1.41/networks/create") return std::nullopt;
            return FakeEngine::error(500, "could not find an available, non-overlapping IPv4 address pool");
        };
    });
    EXPECT_FALSE(t.core.status(t.now).ready);
    EXPECT_THAT(t.core.status(t.now).reason, HasSubstr("IPv4 address pool; make room for one"));
    const JobId refused = t.create();
    EXPECT_EQ(t.code(refused), ErrorCode::engine_failed);
    EXPECT_THAT(t.sentence(refused), HasSubstr("--vm-network"));
    EXPECT_EQ(t.container(), nullptr);
    // Somebody makes room.
    t.engine.intercept = nullptr;
    t.advance(bounds::network_retry);
    EXPECT_TRUE(t.core.status(t.now).ready);
    EXPECT_EQ(t.code(t.create()), ErrorCode::ok);
}

TEST(VmNetwork, OfThatNameThatLetsVmsReachEachOtherIsNotUsed) {
    Harness t(true, Harness::settings(), [](FakeEngine& engine) {
        engine.bridge_isolates = false;
        engine.networks["minicloud"] = false;
    });
    EXPECT_FALSE(t.core.status(t.now).ready);
    EXPECT_THAT(t.core.status(t.now).reason, HasSubstr("docker network rm minicloud"));
}

// docker network prune, while no VM runs.
TEST(VmNetwork, ThatWasRemovedIsMadeAnew) {
    Harness t(true, Harness::settings(), [](FakeEngine& engine) { engine.bridge_isolates = false; });
    t.engine.intercept = [&t](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (!request.target.ends_with("/start") || t.engine.networks.contains("minicloud")) return std::nullopt;
        return FakeEngine::error(404, "network minicloud not found");
    };
    t.engine.networks.clear();
    const JobId failed = t.create();
    EXPECT_THAT(t.sentence(failed), HasSubstr("network minicloud not found"));
    EXPECT_TRUE(t.core.status(t.now).ready);
    EXPECT_TRUE(t.engine.networks.contains("minicloud"));
    EXPECT_EQ(t.code(t.create()), ErrorCode::ok);
    // And without anybody's create.
    t.engine.networks.clear();
    t.advance(bounds::info_interval + 1s);
    EXPECT_TRUE(t.engine.networks.contains("minicloud"));
}

// The broker repeats orders as soon as a worker is back.
TEST(VmNetwork, IsWaitedForByACreateThatComesEarlier) {
    Harness t(true, Harness::settings(), [](FakeEngine& engine) {
        engine.bridge_isolates = false;
        engine.intercept = [](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
            if (request.target != "/v1.41/networks/create") return std::nullopt;
            return FakeEngine::Answer(std::nullopt);
        };
    });
    EXPECT_FALSE(t.core.status(t.now).ready);
    const JobId waiting = t.create();
    EXPECT_FALSE(t.reply(waiting));
    EXPECT_EQ(t.container(), nullptr);
    t.release("/networks/create");
    t.advance(bounds::engine_retry);
    EXPECT_EQ(t.code(waiting), ErrorCode::ok);
    EXPECT_EQ(network_of(t), "minicloud");
}

TEST(VmNetwork, ThatAPersonNamesIsUsedAsItIs) {
    Harness t(true, named("vms"), [](FakeEngine& engine) { engine.networks["vms"] = false; });
    EXPECT_EQ(t.code(t.create()), ErrorCode::ok);
    EXPECT_EQ(network_of(t), "vms");
    t.advance(3 * bounds::info_interval);
    const auto told = std::count_if(t.logged.begin(), t.logged.end(), [](const auto& line) {
        return line.find("reach each other") != std::string::npos;
    });
    EXPECT_EQ(told, 1);
    EXPECT_EQ(t.engine.count("POST /networks/create"), 0);
}

TEST(VmNetwork, ThatAPersonNamesIsToldToBeMissing) {
    const Harness t(true, named("vms"));
    EXPECT_THAT(t.logged, Contains(HasSubstr("the engine has no network vms")));
}

}  // namespace
}  // namespace mc::worker

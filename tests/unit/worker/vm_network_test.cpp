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

/// The engine answers so when it is asked for that network, or with "create" for one to be made.
void answer_for(FakeEngine& engine, const std::string& network, const FakeEngine::Answer& answer) {
    engine.intercept = [=](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
        if (request.target != "/v1.41/networks/" + network) return std::nullopt;
        return answer;
    };
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

// Docker takes the interface's name before it shows the network.
TEST(VmNetwork, ThatAnotherWorkerIsStillMakingIsWaitedFor) {
    Harness t(true, Harness::settings(), [](FakeEngine& engine) {
        engine.bridge_isolates = false;
        answer_for(engine, "create", FakeEngine::error(403, "networks have same bridge name"));
    });
    const JobId waiting = t.create();
    EXPECT_FALSE(t.reply(waiting));
    t.engine.networks["minicloud"] = true;
    t.advance(bounds::inventory_retry + bounds::engine_retry);
    EXPECT_EQ(t.code(waiting), ErrorCode::ok);
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
    t.advance(bounds::network_looks_max * bounds::inventory_retry);
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

// One without our label is somebody's own, who may need it.
TEST(VmNetwork, OfThatNameThatIsSomebodyElsesIsNotToldToBeRemoved) {
    for (const bool internal : {false, true}) {
        Harness t(true, Harness::settings(), [&](FakeEngine& engine) {
            engine.bridge_isolates = false;
            answer_for(engine, "minicloud",
                       FakeEngine::reply(200, {{"Internal", internal},
                                               {"Labels", nlohmann::json::object()},
                                               {"Options", {{FakeEngine::icc, internal ? "false" : "true"}}}}));
        });
        EXPECT_FALSE(t.core.status(t.now).ready);
        const std::string reason = t.core.status(t.now).reason;
        EXPECT_THAT(reason, HasSubstr(internal ? "nobody would reach VMs" : "VMs would reach each other"));
        EXPECT_THAT(reason, HasSubstr("somebody else's: name another with --vm-network"));
        EXPECT_THAT(reason, testing::Not(HasSubstr("docker network rm")));
    }
}

TEST(VmNetwork, StaysWhatItIsWhileTheEngineCantTell) {
    const auto unreadable = FakeEngine::reply(200, nlohmann::json::array());
    for (const auto* network : {"minicloud", "bridge"}) {
        for (const auto& answer : {FakeEngine::error(500, "locked"), FakeEngine::error(400, "no"), unreadable}) {
            Harness t(true, Harness::settings(), [](FakeEngine& engine) { engine.bridge_isolates = false; });
            answer_for(t.engine, network, answer);
            t.advance(3 * bounds::info_interval);
            EXPECT_TRUE(t.core.status(t.now).ready) << t.core.status(t.now).reason;
            EXPECT_EQ(t.code(t.create()), ErrorCode::ok);
            EXPECT_EQ(network_of(t), "minicloud");
        }
    }
}

TEST(VmNetwork, IsNotMadeWhileTheEngineCantTellAboutItsBridge) {
    Harness t(true, Harness::settings(),
              [](FakeEngine& engine) { answer_for(engine, "bridge", FakeEngine::error(500, "locked")); });
    EXPECT_FALSE(t.core.status(t.now).ready);
    const JobId waiting = t.create();
    EXPECT_FALSE(t.reply(waiting));
    t.engine.intercept = nullptr;
    t.advance(bounds::inventory_retry + bounds::engine_retry);
    EXPECT_EQ(t.code(waiting), ErrorCode::ok);
    EXPECT_EQ(network_of(t), "");
    EXPECT_EQ(t.engine.count("POST /networks/create"), 0);
}

TEST(VmNetwork, IsToldToBeMissingWhenTheEngineNeverTells) {
    for (const auto* network : {"minicloud", "bridge"}) {
        Harness t(true, Harness::settings(), [&](FakeEngine& engine) {
            engine.bridge_isolates = false;
            answer_for(engine, network, FakeEngine::error(500, "locked"));
        });
        t.advance(bounds::network_looks_max * bounds::inventory_retry);
        EXPECT_THAT(t.core.status(t.now).reason, HasSubstr("network"));
        EXPECT_THAT(t.core.status(t.now).reason, HasSubstr("locked"));
        t.engine.intercept = nullptr;
        t.advance(bounds::network_retry);
        EXPECT_TRUE(t.core.status(t.now).ready);
    }
}

// It was good at the regular looks before.
TEST(VmNetwork, ThatIsGoodNoLongerIsLookedAtAgainSoon) {
    Harness t(true, Harness::settings(), [](FakeEngine& engine) { engine.bridge_isolates = false; });
    t.advance(2 * bounds::inventory_retry);
    t.engine.networks["minicloud"] = false;
    t.advance(bounds::info_interval);
    EXPECT_FALSE(t.core.status(t.now).ready);
    t.engine.networks["minicloud"] = true;
    t.advance(bounds::network_retry);
    EXPECT_TRUE(t.core.status(t.now).ready);
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

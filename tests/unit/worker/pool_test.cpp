#include "worker/core/pool.hpp"

#include "unit/worker/harness.hpp"

namespace mc::worker {
namespace {

using protocol::Verb;

Settings pooled(std::size_t size) {
    Settings settings = Harness::settings();
    settings.pool = size;
    return settings;
}

/// A node that has filled its pool.
struct Node : Harness {
    explicit Node(std::size_t size = 1, bool filled = true) : Harness(true, pooled(size)) {
        if (filled) advance(4s);
    }
    [[nodiscard]] std::vector<VmId> spares() const {
        std::vector<VmId> ids;
        const auto told = inventory().value_or(protocol::Inventory{});
        for (const auto& spare : told.spares) ids.push_back(spare.vm);
        return ids;
    }
    /// For what a spare is made with.
    [[nodiscard]] static protocol::CreateOrder usual_order(VmId vm) {
        auto order = create_order();
        order.vm = vm;
        order.spec.cpus_milli = defaults::cpus_milli;
        return order;
    }
    [[nodiscard]] static const FileEntry* keys_of(const FakeEngine::Container& container) {
        for (const auto& file : container.files) {
            if (file.path == "root/.ssh/authorized_keys") return &file;
        }
        return nullptr;
    }
};

// Goal: a create takes what has been started before. Spec: ADR 35.
TEST(Pool, IsFilledWithStartedContainersThatNobodyHas) {
    Node t(2);
    ASSERT_EQ(t.spares().size(), 2U);
    EXPECT_NE(t.spares()[0], t.spares()[1]);
    EXPECT_TRUE(t.inventory()->vms.empty()) << "they are no VMs";
    EXPECT_EQ(t.inventory()->spares[0].image, "minicloud/vm:latest");
    const auto* container = t.container(t.spares()[0]);
    ASSERT_TRUE(container);
    EXPECT_EQ(container->state, "running");
    EXPECT_EQ(container->spec.at("Labels").at(label::spare), "1");
    EXPECT_EQ(container->spec.at("Labels").at(label::vm), t.spares()[0].str());
    for (const char* unknown : {label::name, label::owner, label::request, label::spec}) {
        EXPECT_FALSE(container->spec.at("Labels").contains(unknown)) << unknown;
    }
    EXPECT_FALSE(Node::keys_of(*container));
    t.advance(60s);
    EXPECT_EQ(t.engine.count("POST /containers/create"), 2);
}

TEST(Pool, IsEmptyUnlessAskedFor) {
    Node t(0);
    t.advance(60s);
    EXPECT_EQ(t.engine.count("POST /containers/create"), 0);
    EXPECT_TRUE(t.spares().empty());
}

TEST(Pool, GivesASpareTheNameAndKeysOfItsVm) {
    Node t;
    const VmId vm = t.spares().at(0);
    const int before = t.engine.count("POST ");
    const JobId job = t.create(Node::usual_order(vm));
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    EXPECT_EQ(t.engine.count("POST "), before) << "nothing is created, changed or started";
    const auto* container = t.container(vm);
    EXPECT_EQ(container->host_name, "vm-1");
    ASSERT_TRUE(Node::keys_of(*container));
    EXPECT_EQ(Node::keys_of(*container)->content, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ann\n");
    EXPECT_EQ(t.report(job).container, container->id);
    EXPECT_EQ(t.report(job).state, protocol::ContainerState::running);
    EXPECT_EQ(t.report(job).ssh_port, container->port);
    EXPECT_EQ(t.report(job).host_key, "ssh-ed25519 AAAAkey");
}

TEST(Pool, ReportsASpareThatWasGivenAwayAsAVmAndMakesAnother) {
    Node t;
    const VmId vm = t.spares().at(0);
    t.create(Node::usual_order(vm));
    t.advance(10s);
    ASSERT_EQ(t.inventory()->vms.size(), 1U);
    EXPECT_EQ(t.inventory()->vms[0].vm, vm);
    ASSERT_EQ(t.spares().size(), 1U);
    EXPECT_NE(t.spares()[0], vm);
}

TEST(Pool, ChangesLimitsWhereOthersAreAskedFor) {
    Node t;
    auto order = Node::usual_order(t.spares().at(0));
    order.spec.memory_bytes = 256ULL << 20;
    ASSERT_EQ(t.code(t.create(order)), ErrorCode::ok);
    const auto& limits = t.container(order.vm)->limits;
    EXPECT_EQ(limits.at("Memory"), 256 << 20);
    EXPECT_EQ(limits.at("MemorySwap"), 256 << 20);
    EXPECT_EQ(limits.at("NanoCpus"), 1'000'000'000);
    EXPECT_EQ(limits.at("PidsLimit"), 512);
}

/// Why a spare does not do, and what must come of it all the same.
struct Unfit {
    const char* name;
    std::function<void(Node&, protocol::CreateOrder&)> make;
};
class PoolFallsBack : public ::testing::TestWithParam<Unfit> {};

TEST_P(PoolFallsBack, ToACreateOfTheSameVm) {
    Node t;
    auto order = Node::usual_order(t.spares().at(0));
    GetParam().make(t, order);
    const JobId job = t.create(order);
    ASSERT_EQ(t.code(job), ErrorCode::ok) << t.sentence(job);
    t.engine.intercept = nullptr;
    const auto* container = t.container(order.vm);
    ASSERT_TRUE(container);
    EXPECT_FALSE(container->spec.at("Labels").contains(label::spare));
    EXPECT_EQ(container->spec.at("Labels").at(label::owner), "ann");
    EXPECT_EQ(container->spec.at("Hostname"), "vm-1");
    EXPECT_TRUE(Node::keys_of(*container));
    EXPECT_EQ(t.report(job).ssh_port, container->port);
}

INSTANTIATE_TEST_SUITE_P(
    When, PoolFallsBack,
    ::testing::Values(
        Unfit{"EnvironmentIsWanted", [](Node&, auto& order) { order.spec.env = {"A=1"}; }},
        Unfit{"APasswordIsWanted", [](Node&, auto& order) { order.spec.password_hash = "$6$salt$hash"; }},
        Unfit{"AScriptIsToRun", [](Node&, auto& order) { order.setup = "#!/bin/sh\n"; }},
        Unfit{"ItsImageIsOld", [](Node& node, auto&) { node.engine.images["minicloud/vm:latest"]["Id"] = "sha256:2"; }},
        Unfit{"ItCantBeVisited",
              [](Node& node, auto&) { node.visit = fail(ErrorCode::io_failed, "no space left on device"); }},
        Unfit{"ItsLimitsCantBeChanged",
              [](Node& node, auto& order) {
                  order.spec.pids = 64;
                  node.when("POST", "/update", FakeEngine::error(500, "no"));
              }},
        Unfit{"NobodyKnowsWhetherItsLimitsWereChanged",
              [](Node& node, auto& order) {
                  order.spec.pids = 64;
                  node.when("POST", "/update", Harness::timed_out());
              }}),
    [](const auto& one) { return std::string(one.param.name); });

// Goal: an order that comes again, to the worker's next process, ends with the same VM.
TEST(Pool, IsNotNeededToGoOnWithWhatAnEarlierProcessBeganWith) {
    Node t;
    const auto order = Node::usual_order(t.spares().at(0));
    auto containers = t.engine.containers;
    Harness next(true, pooled(1), [&](FakeEngine& engine) { engine.containers = std::move(containers); });
    const int before = next.engine.count("POST /containers/create");
    const JobId job = next.create(order);
    ASSERT_EQ(next.code(job), ErrorCode::ok) << next.sentence(job);
    EXPECT_EQ(next.engine.count("POST /containers/create"), before);
    EXPECT_EQ(next.container(order.vm)->host_name, "vm-1");
    EXPECT_TRUE(Node::keys_of(*next.container(order.vm)));
    EXPECT_EQ(next.container(order.vm)->limits.at("PidsLimit"), 512) << "an earlier order may have set others";
}

TEST(Pool, GivesNoSpareOfAnEarlierProcess) {
    Node t;
    const VmId vm = t.spares().at(0);
    auto containers = t.engine.containers;
    Settings settings = pooled(1);
    settings.boot = BootId{78};
    Harness next(true, settings, [&](FakeEngine& engine) { engine.containers = std::move(containers); });
    next.advance(10s);
    ASSERT_EQ(next.inventory()->spares.size(), 1U);
    EXPECT_NE(next.inventory()->spares[0].vm, vm);
    ASSERT_EQ(next.inventory()->vms.size(), 1U) << "the broker decides what becomes of it";
    EXPECT_EQ(next.inventory()->vms[0].vm, vm);
}

TEST(Pool, PartsWithWhatHasEnded) {
    Node t;
    const VmId vm = t.spares().at(0);
    t.container(vm)->state = "exited";
    t.advance(10s);
    EXPECT_FALSE(t.container(vm));
    ASSERT_EQ(t.spares().size(), 1U);
    EXPECT_NE(t.spares()[0], vm);
}

TEST(Pool, PartsWithASpareWhoseCreateWasGivenUp) {
    Node t;
    const VmId vm = t.spares().at(0);
    t.when("GET", "/images/", std::nullopt);
    const JobId job = t.create(Node::usual_order(vm), 5000);
    t.engine.intercept = nullptr;
    t.advance(6s);
    EXPECT_EQ(t.code(job), ErrorCode::deadline_exceeded);
    EXPECT_FALSE(t.container(vm)) << "the broker never gives that VmId to another VM";
}

TEST(Pool, LeavesACopyOfASpareToTheBroker) {
    Node t;
    const VmId vm = t.spares().at(0);
    auto copy = *t.container(vm);
    copy.id = "id-copy";
    copy.name = "copy";
    copy.state = "created";
    t.engine.containers["copy"] = copy;
    t.advance(4s);
    ASSERT_EQ(t.inventory()->vms.size(), 1U);
    EXPECT_EQ(t.inventory()->vms[0].container, "id-copy");
}

TEST(Pool, GoesWithItsProcess) {
    Node t(2);
    t.core.begin_stop(t.now);
    t.settle();
    EXPECT_TRUE(t.engine.containers.empty());
    EXPECT_TRUE(t.core.idle());
    t.advance(60s);
    EXPECT_TRUE(t.engine.containers.empty());
}

TEST(Pool, StaysEmptyWhereContainersCantBeVisited) {
    Node t(1, false);
    t.visit = fail(ErrorCode::denied, "this needs root");
    t.advance(20s);
    EXPECT_TRUE(t.spares().empty());
    EXPECT_TRUE(t.engine.containers.empty());
    const int tries = t.engine.count("POST /containers/create");
    EXPECT_EQ(tries, 1);
    EXPECT_THAT(t.logged, ::testing::Contains(::testing::HasSubstr("can be kept ready, so creates take longer")));
    t.advance(60s);
    EXPECT_EQ(t.engine.count("POST /containers/create"), tries + 1) << "30 s, then 60 s";
    EXPECT_EQ(t.code(t.create()), ErrorCode::ok);
}

TEST(Pool, NeverPulls) {
    Node t(1, false);
    t.engine.images.erase("minicloud/vm:latest");
    t.advance(20s);
    EXPECT_EQ(t.engine.count_with("/images/create"), 0);
    EXPECT_TRUE(t.spares().empty());
}

TEST(Pool, WaitsForWhoMakesSeveralVms) {
    Node t;
    t.create(Node::usual_order(t.spares().at(0)));
    const int made = t.engine.count("POST /containers/create");
    t.advance(bounds::pool_rest - 10ms);
    EXPECT_EQ(t.engine.count("POST /containers/create"), made);
    t.advance(20ms);
    EXPECT_EQ(t.engine.count("POST /containers/create"), made + 1);
}

TEST(Pool, KeepsTheImageThatWasAskedForLastAsWell) {
    Node t;
    t.engine.images["lab:1"] = t.engine.images["minicloud/vm:latest"];
    t.engine.images["lab:2"] = t.engine.images["minicloud/vm:latest"];
    const auto images = [&] {
        std::vector<std::string> names;
        const auto told = t.inventory().value_or(protocol::Inventory{});
        for (const auto& spare : told.spares) names.push_back(spare.image);
        return names;
    };
    auto order = Node::usual_order(VmId{0xB1});
    order.spec.image = "lab:1";
    t.create(order);
    t.advance(5s);
    EXPECT_THAT(images(), ::testing::UnorderedElementsAre("minicloud/vm:latest", "lab:1"));
    order.vm = VmId{0xB2};
    order.spec.image = "lab:2";
    t.create(order);
    t.advance(5s);
    EXPECT_THAT(images(), ::testing::UnorderedElementsAre("minicloud/vm:latest", "lab:2"));
    t.advance(bounds::pool_image_kept);
    EXPECT_THAT(images(), ::testing::ElementsAre("minicloud/vm:latest"));
}

TEST(Pool, KeepsNoImageThatIsNoneOfOurs) {
    Node t;
    auto order = Node::usual_order(VmId{0xB1});
    order.spec.image = "plain:1";
    t.create(order);
    t.advance(5s);
    EXPECT_EQ(t.spares().size(), 1U);
}

// Goal: a VM's host name is its name, also after a start, when the engine gives it back the one it was made with.
TEST(SwitchJob, GivesAStartedVmItsNameAsHostName) {
    Node t;
    const VmId vm = t.spares().at(0);
    t.create(Node::usual_order(vm));
    t.container(vm)->host_name.clear();
    const auto restart = [&](const std::string& name) {
        return t.order(Verb::vm_restart, protocol::encode(protocol::VmOrder{Epoch{5}, vm, 3, name}));
    };
    EXPECT_EQ(t.code(restart("vm-1")), ErrorCode::ok);
    EXPECT_EQ(t.container(vm)->host_name, "vm-1");
    t.visit = fail(ErrorCode::denied, "this needs root");
    EXPECT_EQ(t.code(restart("other")), ErrorCode::ok) << "it runs all the same";
    EXPECT_EQ(t.container(vm)->host_name, "vm-1");
    EXPECT_EQ(t.code(restart("no name!")), ErrorCode::invalid_argument);
}

TEST(SwitchJob, LeavesAHostNameThatIsRightAlone) {
    Harness t;
    t.create();
    const auto visits = t.visits.size();
    EXPECT_EQ(t.code(t.order(Verb::vm_restart, protocol::encode(protocol::VmOrder{Epoch{5}, Harness::vm, 3, "vm-1"}))),
              ErrorCode::ok);
    EXPECT_EQ(t.visits.size(), visits);
}

}  // namespace
}  // namespace mc::worker

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "integration/io/temp_dir.hpp"
#include "io/files.hpp"
#include "protocol/endpoints.hpp"
#include "worker/shell/own_address.hpp"
#include "worker/shell/state_file.hpp"
#include "worker/shell/worker_options.hpp"

namespace mc::worker {
namespace {

using testing::HasSubstr;

io::Environment environment(std::map<std::string, std::string> values) {
    return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
        const auto found = values.find(std::string(name));
        return found == values.end() ? std::nullopt : std::optional(found->second);
    };
}

Result<WorkerOptions> read(std::vector<std::string> arguments, std::map<std::string, std::string> values = {}) {
    values.emplace("HOME", "/nonexistent");
    return read_options(arguments, environment(std::move(values)));
}

TEST(WorkerOptions, DefaultsServeOneMachine) {
    const auto options = read({});
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->broker, "tcp://127.0.0.1:7711");
    EXPECT_EQ(options->settings.advertise, "127.0.0.1");
    EXPECT_EQ(options->settings.port_host_ip, "127.0.0.1");
    EXPECT_EQ(options->settings.name, node_name_from(own_host_name()));
    EXPECT_EQ(options->state_dir.filename(), "worker-" + options->settings.name);
    EXPECT_EQ(options->settings.slots, 0U);
    EXPECT_EQ(options->settings.engine_calls, bounds::engine_calls_default);
}

TEST(WorkerOptions, TakesAllThatIsSaid) {
    const auto options = read({"--node", "n1", "--docker", "tcp://engine:2375", "--advertise", "vm.example", "--slots",
                               "5", "--cpus", "1.5", "--memory", "2g", "--label", "zone=a", "--engine-calls", "7"},
                              {{"DOCKER_HOST", "unix:///ignored.sock"}, {"MC_BROKER", "ipc:///run/b"}});
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->broker, "ipc:///run/b");
    EXPECT_EQ(options->engine.host, "engine");
    EXPECT_EQ(options->settings.port_host_ip, "0.0.0.0");
    EXPECT_EQ(options->settings.probe_host, "vm.example");  // a far engine: where people reach it, so do we
    EXPECT_EQ(options->settings.cpus_milli, 1500U);
    EXPECT_EQ(options->settings.memory_bytes, 2ULL << 30);
    EXPECT_EQ(options->settings.labels.at(0), (protocol::Label{"zone", "a"}));
    EXPECT_EQ(options->settings.engine_calls, 7U);
}

TEST(WorkerOptions, NearEngineIsProbedNearbyWhateverIsAdvertised) {
    const auto options = read({"--docker", "unix:///x.sock", "--advertise", "203.0.113.7"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->settings.probe_host, "127.0.0.1");
    EXPECT_EQ(options->settings.port_host_ip, "0.0.0.0");
}

TEST(WorkerOptions, PublishesOnANamedAddressOfItsOwnAlone) {
    const auto own = own_address_towards("tcp://192.0.2.1:7711");
    if (!own || protocol::is_loopback_host(*own)) GTEST_SKIP() << "this machine has no address but loopback";
    const auto options = read({"--docker", "unix:///x.sock", "--advertise", *own});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->settings.port_host_ip, *own);
    EXPECT_EQ(options->settings.probe_host, *own);
    EXPECT_FALSE(is_own_address("0.0.0.0"));
    EXPECT_FALSE(is_own_address("vm.example"));
}

TEST(WorkerOptions, TakesNoNameForLoopback) {
    const auto options = read({"--docker", "unix:///x.sock", "--advertise", "127.example.org"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->settings.port_host_ip, "0.0.0.0");
    EXPECT_EQ(options->settings.advertise, "127.example.org");
}

TEST(WorkerOptions, RefusesWithTheOptionsName) {
    for (const auto& [arguments, part] :
         std::map<std::vector<std::string>, std::string>{{{"--node", "Not_Valid"}, "--node"},
                                                         {{"--memory", "much"}, "much"},
                                                         {{"--cpus", "0"}, "0"},
                                                         {{"--vm-network", "host"}, "--vm-network host is refused"},
                                                         {{"--vm-network", "none"}, "--vm-network none is refused"},
                                                         {{"--vm-network", "default"}, "is refused"},
                                                         {{"--vm-network", "container:db"}, "another container"},
                                                         {{"--vm-network", "a/../b"}, "is no name of a network"},
                                                         {{"--vm-network", "-x"}, "is no name of a network"},
                                                         {{"--vm-network", std::string(256, 'n')}, "is no name"},
                                                         {{"--advertise", "[2001:db8::1]"}, "--advertise"},
                                                         {{"--advertise", "tcp://x:22"}, "give a host name"},
                                                         {{"--advertise", std::string(256, 'n')}, "--advertise"},
                                                         {{"--label", "=x"}, "label"},
                                                         {{"--docker", "https://x"}, "https"},
                                                         {{"--slot", "3"}, "slot"},
                                                         {{"--log-level", "loud"}, "loud"}}) {
        const auto options = read(arguments);
        ASSERT_FALSE(options) << arguments[0];
        EXPECT_THAT(options.error().message, HasSubstr(part));
    }
}

TEST(WorkerOptions, HelpAndVersionAreTexts) {
    EXPECT_THAT(read({"--help"})->print, HasSubstr("--engine-calls"));
    EXPECT_THAT(read({"--version"})->print, HasSubstr("mcworker "));
}

TEST(OwnAddress, IsFoundAndMakesNodeNames) {
    EXPECT_EQ(node_name_from("My_Host.example.org"), "my-host");
    EXPECT_EQ(node_name_from("__"), "node");
    EXPECT_EQ(*own_address_towards("tcp://127.0.0.1:7711"), "127.0.0.1");
    EXPECT_EQ(own_address_towards("tcp://[::1]:7711").value_or("::1"), "::1");
}

TEST(StateFile, ComesBackAsSavedAndIsRefusedWhenDamaged) {
    const io::test::TempDir temp;
    const auto& dir = temp.path();
    const auto fresh = load_state(dir);
    ASSERT_TRUE(fresh);
    EXPECT_TRUE(fresh->node);
    const WorkerState state{NodeId{7}, CloudId{8}, Epoch{9}};
    ASSERT_TRUE(save_state(dir, state));
    EXPECT_EQ(*load_state(dir), state);
    std::ofstream(dir / "worker.state") << "node=zzz\n";
    const auto damaged = load_state(dir);
    ASSERT_FALSE(damaged);
    EXPECT_THAT(damaged.error().message, HasSubstr("damaged"));
}

}  // namespace
}  // namespace mc::worker

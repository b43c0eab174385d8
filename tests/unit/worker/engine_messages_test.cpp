#include "unit/worker/harness.hpp"
#include "worker/core/engine_replies.hpp"
#include "worker/core/engine_requests.hpp"
#include "worker/core/text.hpp"

namespace mc::worker {
namespace {

using protocol::ContainerState;
using testing::HasSubstr;

const Identity identity{Harness::cloud, Harness::node};

// The whole of what a VM may be at the engine: a change here is a change of the
// security of every VM.
TEST(ContainerSpec, IsExactlyThisForAVmImage) {
    auto order = Harness::create_order();
    order.spec.env = {"A=1"};
    const std::string hash = spec_hash(order.spec);
    EXPECT_EQ(
        container_spec(identity, order, Purpose::vm, {.has_sshd = true, .is_vm = true}, Harness::settings(), ""),
        R"({"Env":["A=1","MINICLOUD_NODE=00000000000000c1/000000000000000d"],"ExposedPorts":{"22/tcp":{}},"HostConfig":{"CapAdd":["AUDIT_WRITE","CHOWN","DAC_OVERRIDE",)"
        R"("FOWNER","FSETID","KILL","NET_BIND_SERVICE","SETGID","SETUID","SYS_CHROOT"],"CapDrop":["ALL"],)"
        R"("Memory":536870912,"MemorySwap":536870912,"NanoCpus":1500000000,"PidsLimit":512,"PortBindings":)"
        R"({"22/tcp":[{"HostIp":"0.0.0.0","HostPort":""}]},"RestartPolicy":{"Name":"no"}},"Hostname":"vm-1",)"
        R"("Image":"minicloud/vm:latest","Labels":{"minicloud.cloud":"00000000000000c1","minicloud.name":"vm-1",)"
        R"("minicloud.node":"000000000000000d","minicloud.owner":"ann",)"
        R"("minicloud.request":"00000000000000010000000000000002","minicloud.spec":")" +
            hash + R"(","minicloud.vm":"00000000000000ab"},"OpenStdin":true,"Tty":false})");
}

TEST(ContainerSpec, GivesAPlainImageAnInitAndNoPort) {
    const std::string spec =
        container_spec(identity, Harness::create_order("plain:1"), Purpose::vm, {}, Harness::settings(), "");
    EXPECT_THAT(spec, HasSubstr(R"("Init":true)"));
    EXPECT_THAT(spec, testing::Not(HasSubstr("PortBindings")));
}

TEST(ContainerSpec, PutsTheVmInTheNetworkOfItsNode) {
    auto settings = Harness::settings();
    settings.port_host_ip = "192.0.2.9";
    const std::string spec =
        container_spec(identity, Harness::create_order(), Purpose::vm, {.has_sshd = true}, settings, "vms");
    EXPECT_THAT(spec, HasSubstr(R"("NetworkMode":"vms")"));
    EXPECT_THAT(spec, HasSubstr(R"("HostIp":"192.0.2.9")"));
}

TEST(EngineRequests, MakeANetworkThatKeepsItsContainersApart) {
    const auto request = engine::own_network_create("ID/var/lib/docker");
    EXPECT_EQ(request.method + " " + request.target, "POST /v1.41/networks/create");
    EXPECT_THAT(request.body, HasSubstr(R"("com.docker.network.bridge.enable_icc":"false")"));
    EXPECT_THAT(request.body, HasSubstr(R"("Name":"minicloud")"));
    const auto interface = [](const EngineRequest& of) {
        return nlohmann::json::parse(of.body).at("Options").at("com.docker.network.bridge.name").get<std::string>();
    };
    EXPECT_LE(interface(request).size(), 15U);  // Linux takes no longer one
    // One engine has one; another engine of the same machine has another.
    EXPECT_EQ(interface(request), interface(engine::own_network_create("ID/var/lib/docker")));
    EXPECT_NE(interface(request), interface(engine::own_network_create("ID/tmp/other")));
}

TEST(EngineReplies, KnowANetworkThatKeepsItsContainersApart) {
    const auto isolates = [](std::string_view body) { return engine::parse_network(body)->isolates; };
    EXPECT_TRUE(isolates(R"({"Options":{"com.docker.network.bridge.enable_icc":"false"}})"));
    EXPECT_FALSE(isolates(R"({"Options":{"com.docker.network.bridge.enable_icc":"true"}})"));
    EXPECT_FALSE(isolates(R"({"Options":null})"));
    EXPECT_FALSE(engine::parse_network("[]"));
}

TEST(EngineReplies, KnowWhoseANetworkIs) {
    const auto ours = engine::parse_network(R"({"Internal":false,"Labels":{"minicloud.network":"1"}})");
    EXPECT_TRUE(ours->ours);
    EXPECT_FALSE(ours->internal);
    const auto foreign = engine::parse_network(R"({"Internal":true,"Labels":null})");
    EXPECT_FALSE(foreign->ours);
    EXPECT_TRUE(foreign->internal);
}

TEST(ContainerSpec, PutsKeysAndHashWhereTheImageLooks) {
    auto order = Harness::create_order();
    auto& spec = order.spec;
    spec.password_hash = "$6$salt$hash";
    order.setup = "#!/bin/sh\ntrue\n";
    const auto files = first_files(order, {.has_sshd = true, .is_vm = true, .sets_up = true});
    ASSERT_EQ(files.size(), 5U);
    EXPECT_EQ(files[0], (FileEntry{"root/.ssh", 0700, true, ""}));
    EXPECT_EQ(files[1], (FileEntry{"root/.ssh/authorized_keys", 0600, false, spec.authorized_keys[0] + "\n"}));
    EXPECT_EQ(files[3], (FileEntry{"etc/minicloud/password-hash", 0600, false, "$6$salt$hash\n"}));
    EXPECT_EQ(files[4], (FileEntry{"etc/minicloud/setup", 0700, false, "#!/bin/sh\ntrue\n"}));
    spec.password_hash.clear();
    EXPECT_EQ(first_files(order, {.has_sshd = false, .is_vm = true, .sets_up = true}).size(), 2U) << "and its folder";
    EXPECT_TRUE(first_files(order, {}).empty());
}

TEST(ContainerSpec, HashChangesWithTheSpec) {
    auto spec = Harness::create_order().spec;
    const auto before = spec_hash(spec);
    spec.pids = 513;
    EXPECT_NE(spec_hash(spec), before);
}

TEST(Ownership, NeedsBothLabels) {
    Labels labels = container_labels(identity, Harness::create_order(), Purpose::vm);
    EXPECT_TRUE(is_ours(labels, identity));
    EXPECT_EQ(vm_of(labels), Harness::vm);
    EXPECT_FALSE(is_ours(labels, Identity{CloudId{2}, Harness::node}));
    EXPECT_FALSE(is_ours(labels, Identity{Harness::cloud, NodeId{2}}));
    labels.erase(label::node);
    EXPECT_FALSE(is_ours(labels, identity));
    // Before the first registration nothing is ours, however it is labelled.
    EXPECT_FALSE(is_ours({{label::cloud, CloudId{}.str()}, {label::node, Harness::node.str()}},
                         Identity{CloudId{}, Harness::node}));
}

TEST(EngineRequests, EscapeWhatTheyAreGiven) {
    EXPECT_EQ(engine::inspect("a/../b?x").target, "/v1.41/containers/a%2F..%2Fb%3Fx/json");
    EXPECT_EQ(engine::image_inspect("host:5000/a/b:1").target, "/v1.41/images/host%3A5000/a/b%3A1/json");
    EXPECT_THAT(engine::list(identity).target,
                HasSubstr("all=1&filters=%7B%22label%22%3A%5B%22minicloud.cloud%3D00000000000000c1%22"));
}

TEST(EngineRequests, PullNamesOneTag) {
    EXPECT_THAT(engine::pull("alpine").target, HasSubstr("fromImage=alpine&tag=latest"));
    EXPECT_THAT(engine::pull("host:5000/a").target, HasSubstr("fromImage=host%3A5000%2Fa&tag=latest"));
    EXPECT_THAT(engine::pull("a/b:1.2").target, HasSubstr("fromImage=a%2Fb&tag=1.2"));
    EXPECT_THAT(engine::pull("a@sha256:00").target, HasSubstr("fromImage=a&tag=sha256%3A00"));
    EXPECT_EQ(engine::pull("a").time_max, 0ms);
    EXPECT_GT(engine::pull("a").idle_max, 0ms);
}

TEST(EngineRequests, ExecWithoutCommandIsALoginShell) {
    EXPECT_THAT(engine::exec_create("c", {}, "m").body, HasSubstr("exec bash -l; else exec sh -l"));
    protocol::ExecSpec spec;
    spec.argv = {"echo", "a\"b\xFF"};  // not UTF-8: must not throw
    EXPECT_THAT(engine::exec_create("c", spec, "m").body, HasSubstr("\\\"b"));
}

TEST(EngineReplies, ReadAnInspect) {
    const auto info = engine::parse_inspect(
        R"({"Id":"abc","Config":{"Image":"i","Labels":{"k":"v"},"ExposedPorts":{"22/tcp":{}}},
            "State":{"Status":"running","ExitCode":0,"StartedAt":"2026-11-23T23:31:08.576661479Z"},
            "NetworkSettings":{"Ports":{"22/tcp":[{"HostIp":"127.0.0.1","HostPort":"32802"}]}}})");
    ASSERT_TRUE(info);
    EXPECT_EQ(info->state, ContainerState::running);
    EXPECT_EQ(info->ssh_port, 32802);
    EXPECT_TRUE(info->exposes_ssh);
    EXPECT_EQ(info->started.unix_ms, 1795476668576);
}

TEST(EngineReplies, SayWhyAVmIsNotRunning) {
    const auto info = engine::parse_inspect(
        R"({"Id":"abc","Config":{},"State":{"Status":"exited","OOMKilled":true,"ExitCode":137}})");
    ASSERT_TRUE(info);
    EXPECT_EQ(info->exit_code, 137);
    EXPECT_THAT(info->reason, HasSubstr("memory"));
    const auto dead = engine::parse_inspect(R"({"Id":"abc","Config":{},"State":{"Status":"dead","Dead":true}})");
    EXPECT_TRUE(dead->dead);
    EXPECT_EQ(dead->state, ContainerState::exited);
}

TEST(EngineReplies, TellWhetherTheEngineRemapsUsers) {
    const auto remaps = [](const std::string& options) {
        return engine::parse_info(R"({"ServerVersion":"20.10","SecurityOptions":)" + options + "}")->remaps_users;
    };
    EXPECT_TRUE(remaps(R"(["name=seccomp,profile=default","name=userns"])"));
    EXPECT_FALSE(remaps(R"(["name=seccomp,profile=default"])"));
    for (const char* nonsense : {"null", "{}", "[1,null]", "\"name=userns\""})
        EXPECT_FALSE(remaps(nonsense)) << nonsense;
    EXPECT_FALSE(engine::parse_info("{}")->remaps_users);
}

TEST(EngineReplies, TellWhetherDockersOwnSeccompProfileIsApplied) {
    const auto filters = [](const std::string& options) {
        return engine::parse_info(R"({"SecurityOptions":)" + options + "}")->filters_calls;
    };
    EXPECT_TRUE(filters(R"(["name=apparmor","name=seccomp,profile=default"])"));
    EXPECT_TRUE(filters(R"(["name=seccomp,profile=builtin"])"));
    EXPECT_FALSE(filters(R"(["name=seccomp,profile=unconfined"])"));
    EXPECT_FALSE(filters(R"(["name=seccomp,profile=/etc/own.json"])"));
    EXPECT_FALSE(filters(R"(["name=apparmor"])"));
}

TEST(EngineReplies, ReadAList) {
    const auto list = engine::parse_list(
        R"([{"Id":"a","Image":"i","Labels":{},"State":"exited","Status":"Exited (137) 5 seconds ago","Ports":[]},
            {"Id":"b","Image":"i","Labels":{},"State":"running","Status":"Up","Ports":[
               {"PrivatePort":80,"Type":"tcp","PublicPort":1},{"PrivatePort":22,"Type":"tcp","PublicPort":32802}]}])");
    ASSERT_TRUE(list);
    EXPECT_EQ(list->at(0).exit_code, 137);
    EXPECT_EQ(list->at(1).ssh_port, 32802);
}

TEST(EngineReplies, RefuseWhatTheyCantRead) {
    EXPECT_FALSE(engine::parse_list(R"({"message":"x"})"));
    EXPECT_FALSE(engine::parse_list(R"([{"State":"running"}])"));  // would read as "gone"
    EXPECT_FALSE(engine::parse_inspect("<html>"));
    EXPECT_FALSE(engine::parse_inspect(R"({"Id":5,"State":[]})"));
    EXPECT_FALSE(engine::parse_info("[]"));
    EXPECT_FALSE(engine::parse_id("{}"));
    EXPECT_FALSE(engine::parse_exec("{}"));
    EXPECT_FALSE(engine::parse_event("{}"));
    EngineResponse bare;
    bare.status = 502;
    EXPECT_EQ(engine::message_of(bare), "HTTP 502");
}

TEST(EngineReplies, QuoteLastWordsAsOneLine) {
    EXPECT_EQ(engine::last_words_in(Harness::frame(2, "a\r\n") + Harness::frame(1, "b\n")), "a b");
    EXPECT_EQ(engine::last_words_in(Harness::frame(2, std::string(5000, 'x'))).size(), bounds::last_words_bytes_max);
}

// What an engine 20.10 said on a kernel with cgroups v1, less what is not looked at.
constexpr const char* usage_v1 =
    R"({"read":"2026-11-26T15:22:13.66341032Z","preread":"0001-01-01T00:00:00Z","cpu_stats":{"cpu_usage":{)"
    R"("total_usage":58242391,"percpu_usage":[37751186,20491205]},"online_cpus":2},"memory_stats":{"usage":2031616,)"
    R"("stats":{"inactive_file":1,"total_inactive_file":16384},"limit":536870912},"networks":{)"
    R"("eth0":{"rx_bytes":806,"tx_bytes":5},"eth1":{"rx_bytes":4}}})";

TEST(EngineReplies, SayWhatAContainerUses) {
    const auto usage = engine::parse_usage(usage_v1);
    ASSERT_TRUE(usage);
    EXPECT_EQ(usage->read, (WallTime{1795706533663}));
    EXPECT_EQ(usage->cpu_ns, 58242391U);
    EXPECT_EQ(usage->memory_bytes, 2031616U - 16384U);
    EXPECT_EQ(usage->rx_bytes, 810U);
    EXPECT_EQ(usage->tx_bytes, 5U);
}

TEST(EngineReplies, SayWhatAContainerUsesByCgroupsV2AndWithoutANetwork) {
    const auto usage =
        engine::parse_usage(R"({"read":"2026-11-26T15:22:13Z","cpu_stats":{"cpu_usage":{"total_usage":1}},)"
                            R"("memory_stats":{"usage":100,"stats":{"inactive_file":30}}})");
    ASSERT_TRUE(usage);
    EXPECT_EQ(usage->memory_bytes, 70U);
    EXPECT_EQ(usage->rx_bytes, 0U);
    // A cache that is over the whole is none of it.
    const auto odd =
        engine::parse_usage(R"({"read":"2026-11-26T15:22:13Z","cpu_stats":{"cpu_usage":{"total_usage":1}},)"
                            R"("memory_stats":{"usage":100,"stats":{"inactive_file":300}},"networks":[1]})");
    ASSERT_TRUE(odd);
    EXPECT_EQ(odd->memory_bytes, 100U);
}

TEST(EngineReplies, SayNothingOfAContainerThatDoesNotRun) {
    for (const char* body :
         {"", "[]", "null",
          R"({"read":"0001-01-01T00:00:00Z","cpu_stats":{"cpu_usage":{"total_usage":0}},)"
          R"("memory_stats":{}})",
          R"({"read":"2026-11-26T15:22:13Z","cpu_stats":{"cpu_usage":{"total_usage":-1}},"memory_stats":{"usage":1}})",
          R"({"read":"2026-11-26T15:22:13Z","cpu_stats":{"cpu_usage":{"total_usage":1}},"memory_stats":{}})"}) {
        const auto usage = engine::parse_usage(body);
        ASSERT_FALSE(usage) << body;
        EXPECT_EQ(usage.error().code, ErrorCode::engine_failed);
    }
}

TEST(EngineReplies, SayWhichImagesThereAreByName) {
    const auto images =
        engine::parse_images(R"([{"Id":"sha256:1","RepoTags":["z/vm:1","debian:12"],"Size":124,"Created":1795476000},)"
                             R"({"Id":"sha256:2","RepoTags":["<none>:<none>"],"Size":5,"Created":10},)"
                             R"({"Id":"sha256:3","RepoTags":null,"Size":-1,"Created":11},)"
                             R"({"Id":"sha256:4","RepoTags":["127.0.0.1:5000/a:1"],"Created":9223372036854775807}])");
    ASSERT_TRUE(images);
    std::vector<std::string> seen;
    for (const auto& image : *images) seen.push_back(image.name + " " + image.id.substr(7));
    EXPECT_EQ(seen, (std::vector<std::string>{"127.0.0.1:5000/a:1 4", "debian:12 1", "z/vm:1 1", " 3", " 2"}));
    EXPECT_EQ((*images)[1].size_bytes, 124U);
    EXPECT_EQ((*images)[1].created, (WallTime{1795476000000}));
    EXPECT_EQ((*images)[0].created, WallTime{}) << "no clock shows that";
    EXPECT_TRUE(engine::parse_images("[]")->empty());
    for (const char* body : {"", "{}", "[1]", R"([{"RepoTags":["a"]}])"}) {
        ASSERT_FALSE(engine::parse_images(body)) << body;
        EXPECT_EQ(engine::parse_images(body).error().code, ErrorCode::engine_failed);
    }
}

TEST(EngineReplies, SayWhatWasPulled) {
    const auto image = engine::parse_image_view(
        R"({"Id":"sha256:1","Size":124,"Created":"2026-11-26T15:22:13Z","RepoTags":["other:1"]})", "debian");
    ASSERT_TRUE(image);
    EXPECT_EQ(*image, (protocol::ImageView{"debian", "sha256:1", 124, WallTime{1795706533000}}));
    EXPECT_FALSE(engine::parse_image_view("{}", "debian"));
}

TEST(PullProgress, CountsLayersAndFindsTheErrorInTheStream) {
    engine::PullProgress progress;
    progress.on_chunk(R"({"status":"Pulling fs layer","id":"a"})"
                      "\r\n{\"status\":\"Downloading\",\"id\":\"b\",\"progressDetail\":{\"cur");
    progress.on_chunk("rent\":52428800,\"total\":104857600}}\r\n");
    EXPECT_EQ(progress.detail(), "0 of 2 layers");
    EXPECT_EQ(progress.percent(), 49);
    progress.on_chunk(R"({"status":"Pull complete","id":"b"})"
                      "\n");
    EXPECT_EQ(progress.detail(), "1 of 2 layers");
    EXPECT_FALSE(progress.error());
    progress.on_chunk(R"({"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"})"
                      "\n");
    EXPECT_EQ(progress.error(), "manifest unknown");
}

TEST(LineReader, DropsALineOverTheLimitAndGoesOn) {
    engine::LineReader reader;
    EXPECT_TRUE(reader.feed(std::string(bounds::line_bytes_max, 'x')).empty());
    EXPECT_THAT(reader.feed("y\nnext\r\n\nla"), testing::ElementsAre("next"));
    EXPECT_THAT(reader.feed("st\n"), testing::ElementsAre("last"));
}

TEST(Text, ParsesTimesAndRefusesOthers) {
    EXPECT_EQ(parse_time("1970-01-01T00:00:01Z").unix_ms, 1000);
    EXPECT_EQ(parse_time("0001-01-01T00:00:00Z").unix_ms, 0);
    EXPECT_EQ(parse_time("2026-13-01T00:00:00Z").unix_ms, 0);
    EXPECT_EQ(parse_time("yesterday").unix_ms, 0);
}

TEST(Text, SentencesAreCleanUtf8) {
    EXPECT_EQ(to_sentence("a\tb\x1b[31m\n", 100), "a b [31m");
    EXPECT_EQ(to_sentence("\xC3\xA9\xFF", 100), "\xC3\xA9?");
    EXPECT_EQ(to_sentence("a\xC3\xA9", 2), "a");  // never half a character
}

}  // namespace
}  // namespace mc::worker

#include "cli/core/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "cli/core/commands.hpp"
#include "cli/core/help.hpp"

namespace mc::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<CommandLine> split(std::vector<std::string> args) {
    return split_command_line(args);
}
std::string error_of(std::vector<std::string> args) {
    const auto line = split(std::move(args));
    return line ? "" : line.error().message;
}

TEST(CommandLine, TakesOptionsBeforeAndAfterTheVerb) {
    const auto line =
        split({"--broker", "tcp://x:1", "create", "-n", "3", "web", "--label=a=b", "-m512M", "--password"});
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_EQ(line->verb->id, VerbId::create);
    EXPECT_THAT(line->options,
                ElementsAre("--broker=tcp://x:1", "--count=3", "--label=a=b", "--memory=512M", "--password"));
    EXPECT_THAT(line->operands, ElementsAre("web"));
}

TEST(CommandLine, LeavesTheCommandOfExecAlone) {
    const auto with_dashes = split({"exec", "-it", "vm-1", "--", "ls", "-la", "--help"});
    ASSERT_TRUE(with_dashes);
    EXPECT_THAT(with_dashes->options, ElementsAre("--interactive", "--tty"));
    EXPECT_THAT(with_dashes->command, ElementsAre("ls", "-la", "--help"));
    const auto without = split({"exec", "vm-1", "ls", "-la", "--", "x"});
    ASSERT_TRUE(without);
    EXPECT_THAT(without->options, IsEmpty());
    EXPECT_THAT(without->command, ElementsAre("ls", "-la", "--", "x"));
    const auto after_name = split({"ssh", "vm-1", "-t", "--", "top"});
    ASSERT_TRUE(after_name);
    EXPECT_THAT(after_name->options, ElementsAre("--tty"));
    EXPECT_THAT(after_name->command, ElementsAre("top"));
}

TEST(CommandLine, KnowsTheNamesThatFingersExpect) {
    EXPECT_EQ(split({"ls"})->verb->id, VerbId::list);
    EXPECT_EQ(split({"rm", "a"})->verb->id, VerbId::remove);
    EXPECT_EQ(split({"shell", "a"})->verb->id, VerbId::ssh);
    EXPECT_EQ(split({"sh", "a"})->verb->id, VerbId::ssh);
}

TEST(CommandLine, KnowsVerbsOfTwoWords) {
    const auto line = split({"node", "-q", "drain", "--deadline", "30m", "lab-1", "lab-2"});
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_EQ(line->verb->id, VerbId::drain);
    EXPECT_THAT(line->operands, ElementsAre("lab-1", "lab-2"));
    EXPECT_EQ(split({"nodes", "list"})->verb->id, VerbId::nodes);
    EXPECT_EQ(split({"delete", "drain"})->verb->id, VerbId::remove);
    EXPECT_THAT(error_of({"nodes", "drian", "lab-1"}), HasSubstr("did you mean \"nodes drain\"?"));
    EXPECT_THAT(error_of({"nodes", "cordon"}), HasSubstr("the name of a node"));
}

TEST(CommandLine, SaysWhatWasProbablyMeant) {
    EXPECT_EQ(error_of({"crate"}), "there is no verb \"crate\"; did you mean \"create\"?");
    EXPECT_EQ(error_of({"delte", "x"}), "there is no verb \"delte\"; did you mean \"delete\"?");
    EXPECT_EQ(error_of({"xyzzy"}), "there is no verb \"xyzzy\"; see: mccli --help");
    EXPECT_THAT(error_of({"create", "--memroy=1G"}), HasSubstr("did you mean --memory?"));
    EXPECT_THAT(error_of({"list", "-z"}), HasSubstr("no option -z for list"));
}

TEST(CommandLine, CountsOperands) {
    EXPECT_THAT(error_of({"info"}), HasSubstr("needs the name of a VM"));
    EXPECT_THAT(error_of({"job"}), HasSubstr("needs the id of a request"));
    EXPECT_THAT(error_of({"jobs", "x"}), HasSubstr("takes no operand"));
    EXPECT_THAT(error_of({"info", "a", "b"}), HasSubstr("\"b\""));
    EXPECT_EQ(error_of({"delete", "--help"}), "");
}

TEST(CommandLine, RefusesMissingAndSuperfluousValues) {
    EXPECT_THAT(error_of({"create", "--name"}), HasSubstr("--name needs a value"));
    EXPECT_THAT(error_of({"create", "--name="}), HasSubstr("--name needs a value"));
    EXPECT_THAT(error_of({"create", "--password=x"}), HasSubstr("takes no value"));
    EXPECT_THAT(error_of({"--", "create"}), HasSubstr("a verb must come before"));
}

// Everything that is made from the table relies on this.
TEST(VerbTable, IsConsistent) {
    std::set<std::string_view> names;
    for (const auto& verb : verbs()) {
        EXPECT_TRUE(names.insert(verb.name).second) << verb.name;
        for (const auto& alias : verb.aliases) EXPECT_TRUE(names.insert(alias).second) << alias;
        EXPECT_FALSE(verb.summary.empty()) << verb.name;
        EXPECT_FALSE(verb.summary.ends_with('.')) << verb.name;
        EXPECT_FALSE(verb.examples.empty()) << verb.name;
        EXPECT_EQ(verb.operands.empty(), verb.operands_max == 0) << verb.name;
        std::set<std::string_view> options;
        std::set<char> letters;
        for (const auto& option : verb.options) {
            EXPECT_TRUE(options.insert(option.name).second) << verb.name << " --" << option.name;
            if (option.letter != 0) {
                EXPECT_TRUE(letters.insert(option.letter).second) << verb.name << " -" << option.letter;
            }
            EXPECT_FALSE(option.help.empty()) << option.name;
        }
    }
}

TEST(VerbTable, GivesEveryOptionOneNameEverywhere) {
    const auto& create = verb_of(VerbId::create);
    EXPECT_EQ(environment_name(nullptr, *find_option(nullptr, "connect-timeout")), "MC_CONNECT_TIMEOUT");
    EXPECT_EQ(environment_name(&create, *find_option(&create, "image")), "MC_CREATE_IMAGE");
    EXPECT_EQ(ini_name(&create, *find_option(&create, "image")), "create-image");
}

Settings settings(Settings::Values values) {
    return Settings(std::move(values));
}

TEST(Commands, ReadsACreate) {
    const auto command = read_create(settings({{"count", {"3"}},
                                               {"cpus", {"0.5"}},
                                               {"memory", {"1G"}},
                                               {"pids", {"100"}},
                                               {"env", {"A=1", "B=2"}},
                                               {"label", {"class=unix1"}},
                                               {"ttl", {"2h"}},
                                               {"node", {"node-a"}},
                                               {"timeout", {"5m"}},
                                               {"password", {"true"}}}),
                                     {});
    ASSERT_TRUE(command) << command.error().message;
    const auto& spec = command->request.spec;
    EXPECT_EQ(command->request.count, 3U);
    EXPECT_EQ(command->request.node, "node-a");
    EXPECT_EQ(command->timeout, 300s);
    EXPECT_TRUE(command->password);
    EXPECT_TRUE(command->many);
    EXPECT_EQ(spec.cpus_milli, 500U);
    EXPECT_EQ(spec.memory_bytes, 1ULL << 30);
    EXPECT_EQ(spec.pids, 100U);
    EXPECT_EQ(spec.ttl_seconds, 7200U);
    EXPECT_THAT(spec.env, ElementsAre("A=1", "B=2"));
    EXPECT_THAT(spec.labels, ElementsAre(protocol::Label{"class", "unix1"}));
    EXPECT_EQ(spec.password_hash, "");
}

TEST(Commands, RefusesWhatTheBrokerWouldRefuse) {
    const auto refused = [](Settings::Values values, std::vector<std::string> operands = {}) {
        const auto command = read_create(settings(std::move(values)), operands);
        return command ? "" : command.error().message;
    };
    EXPECT_THAT(refused({{"memory", {"1X"}}}), HasSubstr("--memory: \"1X\" is not a size"));
    EXPECT_THAT(refused({{"memory", {"1M"}}}), HasSubstr("--memory: it must be between 16M and 64T, not 1M"));
    EXPECT_THAT(refused({{"count", {"1001"}}}), HasSubstr("--count"));
    EXPECT_THAT(refused({{"count", {"2"}}}, {"web"}), HasSubstr("a name is one VM's"));
    EXPECT_THAT(refused({{"name", {"Web"}}}), HasSubstr("\"Web\" is not valid"));
    EXPECT_THAT(refused({{"name", {"a"}}}, {"b"}), HasSubstr("given twice"));
    EXPECT_THAT(refused({{"env", {"1A=2"}}}), HasSubstr("--env"));
    EXPECT_THAT(refused({{"label", {"novalue"}}}), HasSubstr("write it as key=value"));
    EXPECT_THAT(refused({{"ttl", {"10ms"}}}), HasSubstr("at least 1s"));
    EXPECT_EQ(read_create(Settings{}, {})->timeout, 120s);
    EXPECT_EQ(read_create(Settings(Settings::Values{{"count", {"30"}}}), {})->timeout, 410s) << "one after the other";
    EXPECT_EQ(read_create(Settings(Settings::Values{{"count", {"1000"}}}), {})->timeout, 1h);
    EXPECT_THAT(refused({{"timeout", {"2h"}}}), HasSubstr("between 1s and 1h"));
    EXPECT_THAT(refused({{"policy", {"best"}}}), HasSubstr("use round-robin, least-loaded, spread or pack"));
    EXPECT_THAT(refused({{"require", {"ssd"}}}), HasSubstr("--require: \"ssd\" is not a label"));
    EXPECT_THAT(refused({{"prefer", {"a b=c"}}}), HasSubstr("--prefer: label key \"a b\""));
    EXPECT_THAT(refused({{"detach", {"true"}}, {"wait", {"true"}}}), HasSubstr("which --wait is for"));
    EXPECT_THAT(refused({{"detach", {"true"}}, {"all-or-nothing", {"true"}}}), HasSubstr("--all-or-nothing has to"));
    EXPECT_THAT(refused({{"image", {"$(id)"}}}), HasSubstr("image"));
}

TEST(Commands, SaysWhereVmsAreToBePut) {
    const auto command = read_create(settings({{"policy", {"spread"}},
                                               {"require", {"disk=ssd", "arch=x86"}},
                                               {"prefer", {"room=2"}},
                                               {"setup", {"setup.sh"}},
                                               {"dry-run", {"true"}}}),
                                     std::vector<std::string>{"lab-{1..3}"});
    ASSERT_TRUE(command) << command.error().message;
    EXPECT_EQ(command->setup_file, "setup.sh");
    EXPECT_TRUE(command->dry_run);
    const auto asked = placement_of(*command);
    EXPECT_EQ(
        asked.create.placement,
        (protocol::Placement{protocol::PlacementPolicy::spread, {{"disk", "ssd"}, {"arch", "x86"}}, {{"room", "2"}}}));
    EXPECT_EQ(asked.create.count, 3U);
    EXPECT_EQ(asked.create.spec.name, "");
    EXPECT_THAT(asked.names, ElementsAre("lab-1", "lab-2", "lab-3"));
    const auto one = placement_of(*read_create(settings({}), std::vector<std::string>{"web"}));
    EXPECT_EQ(one.create.spec.name + std::to_string(one.names.size()), "web0");
    EXPECT_EQ(placement_of(*read_create(settings({{"count", {"5"}}}), {})).create.count, 5U);
}

TEST(Commands, CountsANameThatIsGivenTwiceOnce) {
    const std::vector<std::string> names{"a", "b", "a"};
    const auto command = read_action(VerbId::remove, settings({}), names);
    ASSERT_TRUE(command);
    EXPECT_EQ(command->verb, protocol::Verb::remove);
    EXPECT_THAT(command->request.targets, ElementsAre("a", "b"));
    EXPECT_FALSE(read_action(VerbId::remove, settings({}), std::vector<std::string>{"a", "../etc"}));
}

TEST(Commands, ReadsWhatIsAskedOfNodes) {
    const std::vector<std::string> names{"lab-1", "lab-2", "lab-1"};
    const auto drain = read_node_action(VerbId::drain, Settings(Settings::Values{{"deadline", {"30m"}}}), names);
    ASSERT_TRUE(drain) << drain.error().message;
    EXPECT_EQ(drain->verb, protocol::Verb::drain);
    EXPECT_THAT(drain->request.targets, ElementsAre("lab-1", "lab-2"));
    EXPECT_EQ(drain->request.deadline_seconds, 1800u);
    EXPECT_EQ(drain->timeout, 31min) << "as long as it takes, and a minute";
    EXPECT_EQ(read_node_action(VerbId::drain, Settings(Settings::Values{{"deadline", {"2d"}}}), names)->timeout,
              limits::request_deadline_max);
    EXPECT_FALSE(read_node_action(VerbId::drain, Settings(Settings::Values{{"deadline", {"31d"}}}), names));
    EXPECT_FALSE(read_node_action(VerbId::cordon, Settings{}, std::vector<std::string>{"No_Node"}));
    EXPECT_TRUE(
        read_node_action(VerbId::forget, Settings(Settings::Values{{"with-vms", {"true"}}}), names)->request.with_vms);
    EXPECT_EQ(read_create(Settings(Settings::Values{{"on-lost", {"replace"}}}), {})->request.on_lost,
              protocol::OnLost::replace);
    EXPECT_FALSE(read_create(Settings(Settings::Values{{"on-lost", {"revive"}}}), {}));
}

TEST(Commands, ReadsWhatIsCopied) {
    const auto copy = [](std::vector<std::string> operands) { return read_copy(settings({}), operands); };
    const auto there = copy({"a", "x:y", "./b:c", "ada/vm-1:/srv"});
    EXPECT_EQ(there.error().code, ErrorCode::usage) << "two VMs";
    const auto to = copy({"a", "-r", "b c:d", "./b:c", "ada/vm-1:/srv"});
    ASSERT_TRUE(to) << to.error().message;
    EXPECT_TRUE(to->to_vm);
    EXPECT_EQ(to->login.target, "ada/vm-1");
    EXPECT_THAT(to->sources, ElementsAre("a", "-r", "./b c:d", "./b:c"));
    EXPECT_EQ(to->destination, "/srv");
    const auto from = copy({"vm-1:/etc/hosts", "vm-1:", "."});
    ASSERT_TRUE(from) << from.error().message;
    EXPECT_FALSE(from->to_vm);
    EXPECT_THAT(from->sources, ElementsAre("/etc/hosts", ""));
    EXPECT_EQ(from->destination, ".");
    for (const auto& bad : std::vector<std::vector<std::string>>{
             {"a", "b"}, {"a", "vm-1:x", "vm-1:y"}, {"vm-1:x", "a", "b"}, {"vm-1:x", "vm-1:y"}, {"", "vm-1:y"}}) {
        EXPECT_EQ(copy(bad).error().code, ErrorCode::usage) << bad[0] << " " << bad[1];
    }
}

TEST(Commands, ReadsPortsToForward) {
    const auto read = [](std::vector<std::string> operands) { return read_forward(settings({}), operands); };
    const auto forward = read({"vm-1", "8080:80", "22"});
    ASSERT_TRUE(forward);
    EXPECT_EQ(forward->address, "127.0.0.1");
    EXPECT_THAT(forward->forwards, ElementsAre(Forward{8080, 80}, Forward{22, 22}));
    for (const char* bad : {"", "0", "65536", "80:", ":80", "a", "1:2:3", "-1", "80 "}) {
        EXPECT_EQ(read({"vm-1", bad}).error().code, ErrorCode::usage) << bad;
    }
    const std::vector<std::string> operands{"vm-1", "80"};
    EXPECT_FALSE(read_forward(settings({{"address", {"-x y"}}}), operands));
}

TEST(Commands, ReadsCommonOptions) {
    const auto common =
        read_common(settings({{"broker", {"box:7710"}}, {"output", {"json"}}, {"connect-timeout", {"500ms"}}}));
    ASSERT_TRUE(common);
    EXPECT_EQ(common->broker, "tcp://box:7710");
    EXPECT_EQ(common->output, OutputFormat::json);
    EXPECT_EQ(common->connect_timeout, 500ms);
    EXPECT_EQ(read_common(settings({}))->broker, "");
    EXPECT_EQ(read_common(settings({{"context", {"lab"}}}))->context, "lab");
    EXPECT_EQ(read_common(settings({{"output", {"xml"}}})).error().code, ErrorCode::usage);
}

TEST(Commands, ReadsExecSshLogsWatchAndIds) {
    const auto exec = split({"exec", "vm-1", "--", "ls"});
    EXPECT_EQ(read_exec(settings({{"no-tty", {"true"}}}), *exec)->tty, TtyWish::no);
    EXPECT_FALSE(read_exec(settings({{"no-tty", {"true"}}, {"tty", {"true"}}}), *exec));
    EXPECT_FALSE(read_exec(settings({}), *split({"exec", "vm-1"})));
    EXPECT_EQ(read_ssh(settings({{"route", {"broker"}}}), *split({"ssh", "vm-1"}))->login.route, SshRoute::broker);
    EXPECT_EQ(read_ssh(settings({{"route", {"sea"}}}), *split({"ssh", "vm-1"})).error().code, ErrorCode::usage);
    for (const char* user : {"-oProxyCommand=x", "a b", "a\"b", "%h", "a\nb"}) {
        EXPECT_FALSE(read_ssh(settings({{"user", {user}}}), *split({"ssh", "vm-1"}))) << user;
    }
    const std::vector<std::string> names{"vm-1"};
    const auto logs =
        read_logs(settings({{"tail", {"5"}}, {"since", {"1m"}}, {"follow", {"true"}}}), names, WallTime{120'000});
    ASSERT_TRUE(logs);
    EXPECT_EQ(logs->spec.tail, 5U);
    EXPECT_EQ(logs->spec.since_unix_seconds, 60);
    EXPECT_EQ(read_watch(settings({{"since", {"0"}}})).value(), EventSeq{0});
    EXPECT_EQ(read_watch(settings({})).value(), std::nullopt);
    EXPECT_FALSE(read_request_id(names));
    EXPECT_TRUE(read_request_id(std::vector<std::string>{"6f0c4c1f3f9a4d0b8b1e2d3c4b5a6978"}));
}

}  // namespace
}  // namespace mc::cli

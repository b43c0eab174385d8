#include "io/options.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "support.hpp"

namespace mc::io {
namespace {

using test::environment_of;
using test::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Words = std::vector<std::string>;

/// A worker's options, as a program would declare them.
struct Harness {
    TempDir dir;
    std::map<std::string, std::string> variables{{"XDG_CONFIG_HOME", (dir / "config").string()}};
    std::string node = "default-node";
    std::string docker;
    std::uint32_t slots = 4;
    std::uint64_t memory = 1024;
    milliseconds grace{60000};
    Words labels;
    bool verbose = false;
    Options options{"mcworker", "mcworker [options]", "Runs VMs on this machine."};

    Harness() {
        options.group("Node");
        options.add("node-name", "NAME", node, "name of this node");
        options.add("slots", "N", slots, "VMs at most", {.short_name = 's'}, 1, 1000);
        options.add("memory", "BYTES", memory, "memory for VMs");
        options.add("cleanup-grace", "DURATION", grace, "before a stopped VM goes");
        options.add("label", "KEY=VALUE", labels, "label of this node", {.short_name = 'l'});
        options.group("Engine");
        options.add("docker", "ENDPOINT", docker, "the engine",
                    {.env_aliases = {"DOCKER_HOST"}, .default_shown = "the usual socket"});
        options.add_flag("verbose", verbose, "say more", {.short_name = 'v'});
    }

    Result<Parsed> parse(const Words& args) { return options.parse(args, environment_of(variables)); }

    std::string refusal(const Words& args) {
        const auto parsed = parse(args);
        EXPECT_FALSE(parsed);
        if (parsed) return "";
        EXPECT_EQ(parsed.error().code, ErrorCode::usage);
        return parsed.error().message;
    }

    std::string ini(const std::string& text) {
        const std::string path = (dir / "given.ini").string();
        std::ofstream(path) << text;
        return path;
    }
};

TEST(Options, DefaultsHoldWhenNothingIsGiven) {
    Harness t;
    const auto parsed = t.parse({});
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(t.node, "default-node");
    EXPECT_EQ(t.slots, 4U);
    EXPECT_EQ(parsed->config_file, "");
    EXPECT_THAT(parsed->positional, IsEmpty());
    EXPECT_FALSE(parsed->has_rest);
}

TEST(Options, CommandLineBeatsEnvironmentBeatsFileBeatsDefault) {
    Harness t;
    const std::string file = t.ini("node-name = from-file\nslots = 7\nmemory = 9\n# comment\n\nverbose = yes\n");
    t.variables["MC_NODE_NAME"] = "from-env";
    t.variables["MC_SLOTS"] = "6";
    const auto parsed = t.parse({"--config", file, "--node-name=from-line"});
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(t.node, "from-line");
    EXPECT_EQ(t.slots, 6U);
    EXPECT_EQ(t.memory, 9U);
    EXPECT_TRUE(t.verbose);
    EXPECT_EQ(t.grace, milliseconds(60000));
    EXPECT_EQ(parsed->config_file, file);
    const std::map<std::string, std::string, std::less<>> origins{{"config", "--config"},
                                                                  {"node-name", "--node-name"},
                                                                  {"slots", "MC_SLOTS"},
                                                                  {"memory", file + ":3"},
                                                                  {"verbose", file + ":6"}};
    EXPECT_EQ(parsed->origins, origins);
}

TEST(Options, AliasVariableComesAfterOurOwnAndBeforeTheFile) {
    Harness t;
    const std::string file = t.ini("docker = unix:///file\n");
    t.variables["MC_CONFIG"] = file;
    ASSERT_TRUE(t.parse({}));
    EXPECT_EQ(t.docker, "unix:///file");
    t.variables["DOCKER_HOST"] = "unix:///docker-host";
    ASSERT_TRUE(t.parse({}));
    EXPECT_EQ(t.docker, "unix:///docker-host");
    t.variables["MC_DOCKER"] = "unix:///own";
    ASSERT_TRUE(t.parse({}));
    EXPECT_EQ(t.docker, "unix:///own");
}

TEST(Options, UsersFileIsFoundByItself) {
    Harness t;
    std::filesystem::create_directories(t.dir / "config" / "minicloud");
    std::ofstream(t.dir / "config" / "minicloud" / "mcworker.ini") << "slots=11\n";
    const auto parsed = t.parse({});
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(t.slots, 11U);
    EXPECT_THAT(parsed->config_file, HasSubstr("mcworker.ini"));
}

TEST(Options, UnderstandsEveryForm) {
    Harness t;
    const auto parsed =
        t.parse({"-s", "3", "-vl", "a=1", "--label=b=2", "--label", "-c", "--cleanup-grace", "90s", "--node-name", ""});
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(t.slots, 3U);
    EXPECT_TRUE(t.verbose);
    EXPECT_THAT(t.labels, ElementsAre("a=1", "b=2", "-c"));
    EXPECT_EQ(t.grace, milliseconds(90000));
    EXPECT_EQ(t.node, "");
    t.variables["MC_VERBOSE"] = "true";
    ASSERT_TRUE(t.parse({"--verbose=false"}));
    EXPECT_FALSE(t.verbose);
    t.variables["MC_LABEL"] = "x=1,y=2";
    ASSERT_TRUE(t.parse({}));
    EXPECT_THAT(t.labels, ElementsAre("x=1", "y=2"));
    ASSERT_TRUE(t.parse({"-l", "only"}));
    EXPECT_THAT(t.labels, ElementsAre("only"));
    ASSERT_TRUE(t.parse({"-s5", "--slots", "6"}));
    EXPECT_EQ(t.slots, 6U);
}

TEST(Options, UnknownOptionSuggestsTheOneThatWasMeant) {
    Harness t;
    EXPECT_THAT(t.refusal({"--slot", "3"}), HasSubstr("did you mean --slots?"));
    EXPECT_THAT(t.refusal({"--node-nmae", "3"}), HasSubstr("did you mean --node-name?"));
    const std::string far = t.refusal({"--zzzzzz"});
    EXPECT_THAT(far, HasSubstr("--zzzzzz"));
    EXPECT_THAT(far, Not(HasSubstr("did you mean")));
    EXPECT_THAT(t.refusal({"-z"}), HasSubstr("-z"));
    EXPECT_THAT(t.refusal({"--slots"}), HasSubstr("needs a value"));
}

TEST(Options, BadValuesNameTheirSource) {
    Harness t;
    EXPECT_THAT(t.refusal({"--slots", "many"}),
                ::testing::AllOf(HasSubstr("--slots"), HasSubstr("many"), HasSubstr("from 1 to 1000")));
    EXPECT_THAT(t.refusal({"--slots=0"}), HasSubstr("from 1 to 1000"));
    EXPECT_THAT(t.refusal({"--slots", "-3"}), HasSubstr("-3"));
    EXPECT_THAT(t.refusal({"--memory", "99999999999999999999999"}), HasSubstr("--memory"));
    EXPECT_THAT(t.refusal({"--cleanup-grace", "soon"}), HasSubstr("90s"));
    EXPECT_THAT(t.refusal({"--verbose=maybe"}), HasSubstr("neither true nor false"));
    t.variables["MC_SLOTS"] = "lots";
    EXPECT_THAT(t.refusal({}), HasSubstr("MC_SLOTS"));
    t.variables.erase("MC_SLOTS");
    const std::string file = t.ini("\n\nslots = lots\n");
    EXPECT_THAT(t.refusal({"--config", file}), HasSubstr(file + ":3"));
}

TEST(Options, IniMistakesNameFileAndLine) {
    Harness t;
    std::string file = t.ini("slots = 3\nslotz = 4\n");
    EXPECT_THAT(t.refusal({"--config", file}),
                ::testing::AllOf(HasSubstr(file + ":2"), HasSubstr("slotz"), HasSubstr("did you mean slots?")));
    file = t.ini("slots = 3\nslots = 4\n");
    EXPECT_THAT(t.refusal({"--config", file}), HasSubstr("given twice"));
    file = t.ini("just words\n");
    EXPECT_THAT(t.refusal({"--config", file}), HasSubstr(file));
    file = t.ini("help = true\n");
    EXPECT_THAT(t.refusal({"--config", file}), HasSubstr("command line"));
    EXPECT_THAT(t.refusal({"--config", (t.dir / "missing.ini").string()}), HasSubstr("missing.ini"));
    file = t.ini("image = x\n");
    t.options.pass_over_in_ini({"image"});
    EXPECT_TRUE(t.parse({"--config", file}));
}

TEST(Options, PositionalWordsAndTheRest) {
    Harness t;
    EXPECT_THAT(t.refusal({"stray"}), HasSubstr("stray"));
    t.options.positionals(1, 2, "NAME");
    EXPECT_THAT(t.refusal({}), HasSubstr("missing NAME"));
    auto parsed = t.parse({"vm-1", "-v", "vm-2", "--", "ls", "--slots", "--"});
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_THAT(parsed->positional, ElementsAre("vm-1", "vm-2"));
    EXPECT_TRUE(parsed->has_rest);
    EXPECT_THAT(parsed->rest, ElementsAre("ls", "--slots", "--"));
    EXPECT_TRUE(t.verbose);
    t.options.raw_after(1);
    parsed = t.parse({"vm-1", "-s", "9", "ls", "-l", "--unknown"});
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(t.slots, 9U);
    EXPECT_THAT(parsed->rest, ElementsAre("ls", "-l", "--unknown"));
}

TEST(Options, FindsTheVerb) {
    Harness t;
    const Words args{"-s", "3", "--node-name", "list", "-v", "create", "--name", "x"};
    const VerbSplit split = t.options.split_verb(args);
    EXPECT_EQ(split.verb, "create");
    EXPECT_THAT(split.before, ElementsAre("-s", "3", "--node-name", "list", "-v"));
    EXPECT_THAT(split.after, ElementsAre("--name", "x"));
    EXPECT_EQ(t.options.split_verb(Words{"--help"}).verb, "");
}

TEST(Options, HelpShowsGroupsDefaultsAndVariables) {
    Harness t;
    const auto parsed = t.parse({"--slots", "nonsense", "-h"});
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->help);
    const std::string help = t.options.help();
    for (const char* part :
         {"Usage: mcworker [options]", "Node:", "Engine:", "General:", "-s, --slots N", "[default: 4]", "MC_NODE_NAME",
          "DOCKER_HOST", "the usual socket", "[default: 60s]", "--config FILE", "--version", "(may be repeated)"}) {
        EXPECT_THAT(help, HasSubstr(part));
    }
    EXPECT_LT(help.find("Node:"), help.find("Engine:"));
    EXPECT_LT(help.find("Engine:"), help.find("General:"));
    for (std::size_t begin = 0; begin < help.size();) {
        const std::size_t end = help.find('\n', begin);
        EXPECT_LE(end - begin, 110U) << help.substr(begin, end - begin);
        begin = end + 1;
    }
    const auto version = t.parse({"--version"});
    ASSERT_TRUE(version);
    EXPECT_TRUE(version->version);
    EXPECT_THAT(t.options.version_text(), ::testing::MatchesRegex("mcworker [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Options, Durations) {
    EXPECT_EQ(parse_duration("1500ms"), milliseconds(1500));
    EXPECT_EQ(parse_duration("90"), milliseconds(90000));
    EXPECT_EQ(parse_duration("2m"), milliseconds(120000));
    EXPECT_EQ(parse_duration("2h"), milliseconds(7200000));
    EXPECT_EQ(parse_duration("1d"), milliseconds(86400000));
    for (const char* bad : {"", "s", "-1s", "1.5s", "1 s", "99999999999999999d", "1w"}) {
        EXPECT_FALSE(parse_duration(bad)) << bad;
    }
}

TEST(Options, CustomOptionChecksForItself) {
    Harness t;
    std::string seen;
    t.options.add_custom(
        "size", "SIZE", "none",
        [&](const std::string& text) -> Result<void> {
            if (text != "big") return fail(ErrorCode::invalid_argument, "\"" + text + "\" is not big");
            seen = text;
            return {};
        },
        "how big");
    ASSERT_TRUE(t.parse({}));
    EXPECT_EQ(seen, "");
    ASSERT_TRUE(t.parse({"--size", "big"}));
    EXPECT_EQ(seen, "big");
    EXPECT_EQ(t.refusal({"--size", "small"}), "--size: \"small\" is not big");
}

}  // namespace
}  // namespace mc::io

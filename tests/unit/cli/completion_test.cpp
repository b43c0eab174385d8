#include "cli/core/completion.hpp"

#include <gtest/gtest.h>

namespace mc::cli {
namespace {

using Strings = std::vector<std::string>;
using Live = Completion::Live;

TEST(Completion, KnowsVerbsOfOneAndTwoWords) {
    EXPECT_EQ(complete(Strings{"cre"}).words, Strings{"create"});
    EXPECT_EQ(complete(Strings{"nodes", "dr"}).words, Strings{"drain"});
    EXPECT_EQ(complete(Strings{"complet"}).words, Strings{"completion"}) << "complete itself is hidden";
    EXPECT_EQ(complete(Strings{"nosuch", ""}).live, Live::none);
}

TEST(Completion, KnowsWhoseNamesMayFollow) {
    EXPECT_EQ(complete(Strings{"ssh", ""}).live, Live::vms);
    EXPECT_EQ(complete(Strings{"ssh", "web", ""}).live, Live::none) << "it takes one";
    EXPECT_EQ(complete(Strings{"delete", "web", ""}).live, Live::vms);
    EXPECT_EQ(complete(Strings{"create", ""}).live, Live::none) << "a new name is not an old one";
    EXPECT_EQ(complete(Strings{"create", "--name", ""}).live, Live::none) << "likewise";
    EXPECT_EQ(complete(Strings{"port-forward", ""}).live, Live::vms);
    EXPECT_EQ(complete(Strings{"port-forward", "web", ""}).live, Live::none) << "a port";
    EXPECT_EQ(complete(Strings{"cp", "-r", ""}).live, Live::vm_paths);
    EXPECT_EQ(complete(Strings{"cp", "notes.txt", ""}).live, Live::vm_paths);
    EXPECT_EQ(complete(Strings{"proxy", ""}).live, Live::vms);
    EXPECT_EQ(complete(Strings{"nodes", "drain", ""}).live, Live::nodes);
    EXPECT_EQ(complete(Strings{"list", "--node", ""}).live, Live::nodes);
    EXPECT_EQ(complete(Strings{"create", "--image", ""}).live, Live::images);
    EXPECT_EQ(complete(Strings{"images", "pull", ""}).live, Live::images);
    EXPECT_EQ(complete(Strings{"images", "remove", "a", ""}).live, Live::images);
    EXPECT_EQ(complete(Strings{"images", "--node", ""}).live, Live::nodes);
    EXPECT_EQ(complete(Strings{"context", "use", ""}).live, Live::contexts);
    EXPECT_EQ(complete(Strings{"--context", ""}).live, Live::contexts);
    EXPECT_EQ(complete(Strings{"exec", "web", "--", ""}).live, Live::none);
}

TEST(Completion, TakesTheBrokerFromTheLine) {
    EXPECT_EQ(complete(Strings{"--broker", "tcp://a:1", "ssh", ""}).broker, "tcp://a:1");
    EXPECT_EQ(complete(Strings{"ssh", "--context=lab", ""}).context, "lab");
}

TEST(Completion, KnowsValuesBehindAnEqualsSign) {
    // zsh and fish: one word, which is replaced whole.
    const auto whole = complete(Strings{"list", "--output=js"});
    EXPECT_EQ(whole.words, Strings{"json"});
    EXPECT_EQ(whole.before, "--output=");
    EXPECT_EQ(complete(Strings{"list", "--output="}).words.size(), 6U);
    EXPECT_EQ(complete(Strings{"create", "--policy=s"}).words, Strings{"spread"});
    EXPECT_EQ(complete(Strings{"ssh", "--route=b"}).words, Strings{"broker"});
    EXPECT_EQ(complete(Strings{"list", "--node=lab"}).live, Live::nodes);
    EXPECT_EQ(complete(Strings{"list", "--node=lab"}).typed, "lab");
    EXPECT_TRUE(complete(Strings{"list", "--quiet="}).words.empty()) << "it takes none";
    EXPECT_TRUE(complete(Strings{"list", "--nosuch="}).words.empty());
    // bash: three words, of which the last is replaced, and the sign stays.
    for (const Strings& words : {Strings{"list", "--output", "=", "js"}, Strings{"list", "--output", "js"}}) {
        EXPECT_EQ(complete(words).words, Strings{"json"});
        EXPECT_EQ(complete(words).before, "");
    }
    EXPECT_EQ(complete(Strings{"list", "--output", "="}).words.size(), 6U);
    EXPECT_EQ(complete(Strings{"--broker", "=", "tcp", "ssh", ""}).live, Live::vms);
}

TEST(Completion, HasNoScriptForOtherShells) {
    EXPECT_TRUE(completion_script("fish"));
    EXPECT_EQ(completion_script("tcsh").error().code, ErrorCode::usage);
}

TEST(Completion, SurvivesAnythingTyped) {
    for (const Strings& words : {Strings{}, Strings{""}, Strings{"-", ""}, Strings{"--=x", ""}, Strings{"--=", "="},
                                 Strings{"=", "="}, Strings{"--="}, Strings{"-n", ""}}) {
        static_cast<void>(complete(words));
    }
}

}  // namespace
}  // namespace mc::cli

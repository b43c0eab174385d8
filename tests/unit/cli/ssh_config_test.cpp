#include "cli/core/ssh_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mc::cli {
namespace {

using Strings = std::vector<std::string>;

Settings domain(const char* name) {
    return Settings(Settings::Values{{"domain", {name}}});
}

TEST(SshConfig, NamesVmsAsHostsAndFindsThemAgain) {
    EXPECT_EQ(ssh_host("web", "mc"), "web.mc");
    EXPECT_EQ(ssh_host("ann.b/web", "lab.mc"), "web.ann.b.lab.mc");
    for (const char* target : {"web", "ann/web", "ann.b/web"}) {
        EXPECT_EQ(target_of_host(ssh_host(target, "mc"), "mc").value(), target);
    }
    EXPECT_EQ(target_of_host("web.example", "mc").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(target_of_host("webmc", "mc").error().code, ErrorCode::invalid_argument);
}

TEST(SshConfig, TakesHostsForVmsOnlyBelowTheDomainThatIsSaid) {
    EXPECT_EQ(read_host(domain("mc"), Strings{"web.ann.mc"}).value(), "ann/web");
    EXPECT_EQ(read_host(domain("mc"), Strings{"web"}).value(), "web") << "no host's name";
    EXPECT_EQ(read_host(Settings{}, Strings{"web"}).value(), "web");
    EXPECT_FALSE(read_host(Settings{}, Strings{"web.mc"}));
    EXPECT_FALSE(read_host(domain("mc"), Strings{".mc"}));
    EXPECT_FALSE(read_host(domain("mc"), Strings{"$(x).mc"}));
    for (const char* odd : {"", ".mc", "mc.", "m c", "m'c", "m\nc", "*"}) {
        EXPECT_EQ(read_domain(domain(odd)).error().code, ErrorCode::usage) << odd;
    }
}

TEST(SshConfig, WritesWhatAsksForAddressAndKeyWhenTheyAreNeeded) {
    const std::string text = ssh_config_text({.domain = "mc",
                                              .mccli = {"/it's/100%/mccli", "--context", "lab"},
                                              .identities = {"/home/a \"b\"/key"},
                                              .user = "root",
                                              .hosts = {"web.mc", "db.mc"}});
    EXPECT_EQ(text, R"(# Written by mccli ssh-config. VMs that come later need no new one.
Host web.mc
Host db.mc
Host *.mc "!*'*"
    User root
    IdentityFile "/home/a \"b\"/key"
    ProxyCommand '/it'\''s/100%%/mccli' --context lab proxy --fdpass --domain mc '%n'
    ProxyUseFdpass yes
    KnownHostsCommand "/it's/100%%/mccli" "--context" "lab" host-key --domain mc --as %H %n
    UserKnownHostsFile /dev/null
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    CheckHostIP no
    UpdateHostKeys no
)");
}

TEST(SshConfig, IsIncludedFirstAndOnce) {
    EXPECT_EQ(with_include("", "/s/*.conf"), "Include \"/s/*.conf\"\n");
    const std::string once = with_include("Host *\n  User ann\n", "/s/*.conf");
    EXPECT_EQ(once, "Include \"/s/*.conf\"\nHost *\n  User ann\n");
    EXPECT_EQ(with_include(once, "/s/*.conf"), once);
}

TEST(SshConfig, WritesNoKnownHostsLineThatSaysMore) {
    const std::string key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICFkh/FCJ6zWWve5BZETLPeD0kNq5YU8WATlivlTSFnK";
    EXPECT_EQ(known_hosts_line("[web.mc]:2222", key).value(), "[web.mc]:2222 " + key + "\n");
    for (const char* odd : {"", "*", "a,b", "a b", "@cert-authority", "!a", "a\nb", "#a"}) {
        EXPECT_EQ(known_hosts_line(odd, key).error().code, ErrorCode::invalid_argument) << odd;
    }
    EXPECT_FALSE(known_hosts_line("web", "no key"));
}

}  // namespace
}  // namespace mc::cli

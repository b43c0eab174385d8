#include "cli/core/ssh_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/core/keys.hpp"

namespace mc::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;

constexpr const char* key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKyAlq6ibvhrR5kSb";
constexpr const char* other_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOtherOtherOther";

protocol::VmView running_vm() {
    protocol::VmView vm;
    vm.name = "vm-1";
    vm.id = VmId{0xABC};
    vm.state = protocol::VmState::running;
    vm.ssh_host = "10.0.0.5";
    vm.ssh_port = 49153;
    vm.username = "root";
    vm.host_key = key;
    return vm;
}

TEST(KnownHosts, PinsOneLinePerVmAndLeavesTheOthersAlone) {
    const auto first = pin_host_key("", "0000000000000abc", key);
    ASSERT_TRUE(first);
    EXPECT_EQ(*first, "0000000000000abc " + std::string(key) + "\n");
    const auto second = pin_host_key(*first, "0000000000000def", other_key);
    EXPECT_EQ(*second, *first + "0000000000000def " + other_key + "\n");
    EXPECT_EQ(pin_host_key(*second, "0000000000000abc", key), *second);
}

TEST(KnownHosts, ReplacesTheKeyInItsPlaceAndDropsDoubles) {
    const std::string before = "# mine\n0000000000000abc " + std::string(other_key) + "\nx y z\n0000000000000abc old\n";
    const auto after = pin_host_key(before, "0000000000000abc", key);
    ASSERT_TRUE(after);
    EXPECT_EQ(*after, "# mine\n0000000000000abc " + std::string(key) + "\nx y z\n");
}

TEST(KnownHosts, RefusesWhatWouldBreakTheFile) {
    EXPECT_FALSE(pin_host_key("", "a b", key));
    EXPECT_FALSE(pin_host_key("", "*", key));
    EXPECT_FALSE(pin_host_key("", "abc", "ssh-ed25519 AAAA\n* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"));
    EXPECT_FALSE(pin_host_key("", "abc", ""));
}

TEST(KnownHosts, KeepsABoundedNumberOfLines) {
    std::string content;
    for (std::size_t i = 0; i < known_hosts_lines_max; ++i) content += "old" + std::to_string(i) + " k\n";
    const auto added = pin_host_key(content, "abc", key);
    ASSERT_TRUE(added);
    EXPECT_EQ(static_cast<std::size_t>(std::count(added->begin(), added->end(), '\n')), known_hosts_lines_max);
    EXPECT_TRUE(added->starts_with("old1 k\n"));
    EXPECT_TRUE(added->ends_with("abc " + std::string(key) + "\n"));
    const auto refreshed = pin_host_key("abc " + std::string(other_key) + "\n" + content, "abc", key);
    EXPECT_THAT(*refreshed, HasSubstr("abc " + std::string(key) + "\n"));
}

SshLink link() {
    return {running_vm(), "/state dir/50%/known_hosts", "/it's/100%/mccli"};
}

SshLogin login_by(SshRoute route) {
    SshLogin login;
    login.route = route;
    return login;
}

TEST(SshCommand, AlwaysChecksTheHostKeyUnderTheVmsId) {
    for (const auto& arguments :
         {ssh_arguments(link(), {}), scp_arguments(link(), {}, true), forward_arguments(link(), {})}) {
        EXPECT_THAT(arguments, Contains("StrictHostKeyChecking=yes"));
        EXPECT_THAT(arguments, Contains("HostKeyAlias=0000000000000abc"));
        EXPECT_THAT(arguments, Contains("GlobalKnownHostsFile=/dev/null"));
        EXPECT_THAT(arguments, Contains("UserKnownHostsFile=\"/state dir/50%%/known_hosts\""));
        EXPECT_THAT(arguments, Contains("ConnectTimeout=20")) << "one that never greets is not waited for";
        EXPECT_THAT(arguments, Contains("User=root"));
        EXPECT_THAT(arguments, Not(Contains("-t")));
    }
}

TEST(SshCommand, PutsTheCommandAfterTheHost) {
    SshCommand command;
    command.login.user = "ann";
    command.login.identities = {"/k/id"};
    command.tty = true;
    command.command = {"ls", "-la"};
    const auto arguments = ssh_arguments(link(), command);
    EXPECT_EQ(arguments.front(), "ssh");
    EXPECT_THAT(arguments, IsSupersetOf({"-i", "/k/id", "User=ann", "Port=49153"}));
    EXPECT_THAT(std::vector<std::string>(arguments.end() - 5, arguments.end()),
                ElementsAre("-t", "--", "10.0.0.5", "ls", "-la"));
}

TEST(SshCommand, GoesThroughTheBrokerWhereThatIsSaid) {
    const auto proxied = [](SshRoute route) { return ssh_arguments(link(), {login_by(route), false, {}}); };
    EXPECT_THAT(proxied(SshRoute::direct), Not(Contains(StartsWith("Proxy"))));
    // The shell that ssh has run it sees one word; ssh sees no % of its own.
    EXPECT_THAT(proxied(SshRoute::broker),
                IsSupersetOf({"ProxyCommand='/it'\\''s/100%%/mccli' proxy 0000000000000abc", "ProxyUseFdpass=no"}));
    EXPECT_THAT(
        proxied(SshRoute::automatic),
        IsSupersetOf({"ProxyCommand='/it'\\''s/100%%/mccli' proxy --fdpass 0000000000000abc", "ProxyUseFdpass=yes"}));
}

TEST(SshCommand, CopiesToAndFromTheVm) {
    CopyCommand command;
    command.to_vm = true;
    command.recursive = true;
    command.sources = {"a", "./b:c"};
    command.destination = "/srv";
    auto arguments = scp_arguments(link(), command, false);
    EXPECT_EQ(arguments.front(), "scp");
    EXPECT_THAT(std::vector<std::string>(arguments.end() - 7, arguments.end()),
                ElementsAre("-r", "-o", "HostName=10.0.0.5", "--", "a", "./b:c", "0000000000000abc:/srv"));
    command = {};
    command.preserve = true;
    command.sources = {"/etc/hosts"};
    command.destination = ".";
    EXPECT_THAT(arguments, Not(Contains(StartsWith("Ciphers="))));
    arguments = scp_arguments(link(), command, true);
    EXPECT_THAT(std::vector<std::string>(arguments.end() - 6, arguments.end()),
                ElementsAre("-p", "-o", "HostName=10.0.0.5", "--", "0000000000000abc:/etc/hosts", "."));
    EXPECT_THAT(arguments, Contains(StartsWith("Ciphers=aes128-gcm@openssh.com,")));
}

TEST(SshCommand, ForwardsPortsOrFails) {
    ForwardCommand command;
    command.address = "::1";
    command.forwards = {{8080, 80}, {22, 22}};
    const auto arguments = forward_arguments(link(), command);
    EXPECT_THAT(arguments, IsSupersetOf({"-N", "ExitOnForwardFailure=yes"}));
    EXPECT_THAT(std::vector<std::string>(arguments.end() - 6, arguments.end()),
                ElementsAre("-L", "[::1]:8080:localhost:80", "-L", "[::1]:22:localhost:22", "--", "10.0.0.5"));
}

TEST(SshCommand, ChoosesTheWayIn) {
    auto vm = running_vm();
    EXPECT_EQ(choose_ssh_way(vm, vm.name), SshWay::client);
    vm.host_key.clear();
    EXPECT_EQ(choose_ssh_way(vm, vm.name).error().code, ErrorCode::ssh_not_answering);
    vm.ssh_port = 0;
    EXPECT_EQ(choose_ssh_way(vm, vm.name), SshWay::exec);
    vm.state = protocol::VmState::stopped;
    EXPECT_EQ(choose_ssh_way(vm, vm.name).error().message, "vm-1 is stopped; start it with: mccli start vm-1");
    for (const auto state : {protocol::VmState::pending, protocol::VmState::creating, protocol::VmState::unknown,
                             protocol::VmState::failed, protocol::VmState::deleting, protocol::VmState::deleted}) {
        vm.state = state;
        EXPECT_EQ(choose_ssh_way(vm, vm.name).error().code, ErrorCode::wrong_state);
    }
}

TEST(Keys, ReadsPublicKeyFiles) {
    const auto keys = public_keys_in("# mine\n\n" + std::string(key) + " me@here\r\n" + other_key + "\n", "f");
    ASSERT_TRUE(keys) << keys.error().message;
    EXPECT_THAT(*keys, ElementsAre(std::string(key) + " me@here", other_key));
    EXPECT_THAT(public_keys_in("", "f").error().message, HasSubstr("no SSH public key"));
    EXPECT_THAT(public_keys_in("-----BEGIN OPENSSH PRIVATE KEY-----\n", "id").error().message,
                HasSubstr("give id.pub"));
    EXPECT_FALSE(public_keys_in("command=\"x\" " + std::string(key), "f"));
}

TEST(Keys, TakesTheUsualNames) {
    EXPECT_THAT(public_key_names({"id_rsa.pub", "id_rsa", "known_hosts", "id_ed25519.pub", "id_rsa-cert.pub", "x.pub"}),
                ElementsAre("id_ed25519.pub", "id_rsa.pub"));
}

}  // namespace
}  // namespace mc::cli

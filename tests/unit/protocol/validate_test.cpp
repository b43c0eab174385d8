#include "protocol/validate.hpp"

#include <gtest/gtest.h>

#include "protocol/text.hpp"
#include "unit/protocol/samples.hpp"

namespace mc::protocol {
namespace {

// Goal: what reaches a store, an engine or a shell's screen has passed a rule.
// Spec: docs/protocol.md "Names and values".

bool valid(const Result<void>& result) {
    if (!result) {
        EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
        EXPECT_FALSE(result.error().message.empty());
        for (const char c : result.error().message) EXPECT_FALSE(c >= 0 && c < ' ') << "a control character is shown";
    }
    return result.has_value();
}

TEST(Name, IsOneDnsLabel) {
    for (const char* name : {"a", "0", "vm-1", "a--b", "123"}) EXPECT_TRUE(valid(check_name("VM name", name))) << name;
    EXPECT_TRUE(valid(check_name("VM name", std::string(63, 'a'))));
    EXPECT_FALSE(valid(check_name("VM name", std::string(64, 'a'))));
    for (const char* name :
         {"", "-a", "a-", "-", "A", "a.b", "a_b", "a b", "../x", "a/b", "ä", "a\n", "$(id)", "a;b"}) {
        EXPECT_FALSE(valid(check_name("VM name", name))) << name;
    }
    EXPECT_FALSE(valid(check_name("VM name", std::string_view("a\0b", 3))));
    EXPECT_NE(check_name("node name", "A").error().message.find("node name \"A\""), std::string::npos);
}

TEST(Name, IsQuotedReadably) {
    // 79 bytes and a two-byte character: cut before it, not in it.
    const auto error = check_name("VM name", std::string(79, 'x') + "\xC3\xBC").error();
    EXPECT_NE(error.message.find("xx…\""), std::string::npos);
    EXPECT_TRUE(is_utf8(error.message));
    EXPECT_TRUE(is_utf8(check_name("VM name", "\xFF").error().message));
}

TEST(Image, IsAReferenceAsDockerTakesIt) {
    for (const char* image : {"debian", "debian:12", "minicloud/vm:latest", "host.example:5000/a/b_c:1.2-x", "Host/a",
                              "a@sha256:0123456789abcdef"}) {
        EXPECT_TRUE(valid(check_image(image))) << image;
    }
    for (const char* image :
         {"", "-x", ":x", "x:", "x/", "/x", "a//b", "a..b", "a b", "a\tb", "a?b", "a;b", "a$b", "é"}) {
        EXPECT_FALSE(valid(check_image(image))) << image;
    }
    EXPECT_TRUE(valid(check_image(std::string(255, 'a'))));
    EXPECT_FALSE(valid(check_image(std::string(256, 'a'))));
}

TEST(Host, IsANameOrAnAddressAndNoOption) {
    for (const char* host : {"a", "node-1.example", "192.0.2.1", "2001:db8::1", "::1", "fe80::1%eth0", "my_host"}) {
        EXPECT_TRUE(check_host("--advertise", host)) << host;
    }
    for (const char* host : {"", "-oProxyCommand=x", "a b", "a;b", "a`b`", "$(a)", "a\nb", "a/b", "a@b", ".a", "é"}) {
        EXPECT_FALSE(check_host("--advertise", host)) << host;
    }
    EXPECT_FALSE(check_host("--advertise", std::string(limits::host_bytes_max + 1, 'a')));
}

TEST(Env, IsNameEqualsValue) {
    for (const char* entry : {"A=", "A=b", "_x9=a=b", "PATH=/bin:/usr/bin", "M=line\nline"}) {
        EXPECT_TRUE(valid(check_env(entry))) << entry;
    }
    for (const char* entry : {"", "A", "=b", "9A=b", "A-B=c", "A B=c", "Ä=c"})
        EXPECT_FALSE(valid(check_env(entry))) << entry;
    EXPECT_FALSE(valid(check_env(std::string_view("A=\0", 3))));
    EXPECT_TRUE(valid(check_env("A=" + std::string(4094, 'x'))));
    EXPECT_FALSE(valid(check_env("A=" + std::string(4095, 'x'))));
}

TEST(PublicKey, IsOneOpenSshLineWithoutOptions) {
    const std::string key = "AAAAC3NzaC1lZDI1NTE5AAAAIJ0f";
    for (const char* type :
         {"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
          "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"}) {
        EXPECT_TRUE(valid(check_public_key(std::string(type) + " " + key)));
        EXPECT_TRUE(valid(check_public_key(std::string(type) + " " + key + " someone at home")));
    }
    for (const std::string& line :
         {std::string(""), std::string("ssh-ed25519"), std::string("ssh-ed25519 short"), "ssh-dss " + key,
          "command=\"id\" ssh-ed25519 " + key, "ssh-ed25519 " + key + "\nssh-ed25519 " + key,
          "ssh-ed25519 " + key.substr(1) + "!", " ssh-ed25519 " + key}) {
        EXPECT_FALSE(valid(check_public_key(line))) << line;
    }
    const std::string head = "ssh-rsa " + key + " ";
    EXPECT_TRUE(valid(check_public_key(head + std::string(8192 - head.size(), 'c'))));
    EXPECT_FALSE(valid(check_public_key(head + std::string(8193 - head.size(), 'c'))));
}

TEST(PasswordHash, IsASha512Crypt) {
    EXPECT_TRUE(valid(check_password_hash("$6$salt$abc./XYZ09")));
    EXPECT_TRUE(valid(check_password_hash("$6$rounds=5000$salt$abc")));
    for (const char* hash : {"", "secret", "$1$salt$abc", "$6$a:b", "$6$a\nroot::0:0", "$6$a b"}) {
        EXPECT_FALSE(valid(check_password_hash(hash))) << hash;
    }
    EXPECT_TRUE(valid(check_password_hash("$6$" + std::string(252, 'x'))));
    EXPECT_FALSE(valid(check_password_hash("$6$" + std::string(253, 'x'))));
}

TEST(PasswordHash, IsNeverShown) {
    EXPECT_EQ(check_password_hash("hunter2").error().message.find("hunter2"), std::string::npos);
}

bool spec_valid(void (*change)(VmSpec&)) {
    VmSpec spec = samples::vm_spec();
    change(spec);
    return valid(check_spec(spec));
}

TEST(Spec, PassesWhenEmptyBecauseEmptyMeansTheDefault) {
    EXPECT_TRUE(valid(check_spec(VmSpec{})));
    EXPECT_TRUE(valid(check_spec(samples::vm_spec())));
}

TEST(Spec, HoldsNumbersToTheirRanges) {
    EXPECT_TRUE(spec_valid([](VmSpec& s) { s.cpus_milli = limits::cpus_milli_min; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.cpus_milli = limits::cpus_milli_min - 1; }));
    EXPECT_TRUE(spec_valid([](VmSpec& s) { s.cpus_milli = limits::cpus_milli_max; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.cpus_milli = limits::cpus_milli_max + 1; }));
    EXPECT_TRUE(spec_valid([](VmSpec& s) { s.memory_bytes = limits::memory_bytes_min; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.memory_bytes = limits::memory_bytes_min - 1; }));
    EXPECT_TRUE(spec_valid([](VmSpec& s) { s.memory_bytes = limits::memory_bytes_max; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.memory_bytes = limits::memory_bytes_max + 1; }));
    EXPECT_TRUE(spec_valid([](VmSpec& s) { s.pids = limits::pids_min; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.pids = limits::pids_min - 1; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.pids = limits::pids_max + 1; }));
    EXPECT_TRUE(spec_valid([](VmSpec& s) { s.ttl_seconds = limits::ttl_seconds_max; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.ttl_seconds = limits::ttl_seconds_max + 1; }));
}

TEST(Spec, HoldsListsToTheirLimits) {
    EXPECT_TRUE(spec_valid([](VmSpec& s) { s.env.assign(limits::env_max, "A=b"); }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.env.assign(limits::env_max + 1, "A=b"); }));
    EXPECT_TRUE(spec_valid([](VmSpec& s) { s.authorized_keys.assign(limits::keys_max, samples::user_key); }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.authorized_keys.assign(limits::keys_max + 1, samples::user_key); }));
    EXPECT_TRUE(spec_valid([](VmSpec& s) { s.labels.assign(limits::labels_max, Label{"k", "v"}); }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.labels.assign(limits::labels_max + 1, Label{"k", "v"}); }));
}

TEST(Spec, IsRefusedForAnyPartThatIs) {
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.name = "Not-A-Label"; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.image = "a b"; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.env = {"A=b", "9=b"}; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.authorized_keys = {samples::user_key, "x"}; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.password_hash = "x"; }));
}

TEST(Spec, HoldsLabelsToTheirRule) {
    EXPECT_TRUE(spec_valid([](VmSpec& s) { s.labels = {{"a.b/c_d-E9", "any text, ä too"}}; }));
    EXPECT_TRUE(spec_valid([](VmSpec& s) { s.labels = {{std::string(63, 'k'), std::string(255, 'v')}}; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.labels = {{std::string(64, 'k'), ""}}; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.labels = {{"k", std::string(256, 'v')}}; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.labels = {{"", "v"}}; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.labels = {{"a b", "v"}}; }));
    EXPECT_FALSE(spec_valid([](VmSpec& s) { s.labels = {{"k", "a\nb"}}; }));
}

TEST(Words, AreThoseOfTheDocumentation) {
    EXPECT_EQ(name_of(VmState::pending), "pending");
    EXPECT_EQ(name_of(VmState::unknown), "unknown");
    EXPECT_EQ(name_of(NodeState::not_ready), "not ready");
    EXPECT_EQ(name_of(ContainerState::exited), "exited");
}

}  // namespace
}  // namespace mc::protocol

#include "io/ssh_probe.hpp"

#include <gmock/gmock.h>

#include <array>
#include <functional>
#include <future>
#include <string>

#include "support.hpp"

namespace mc::io {
namespace {

using test::run_until;
using test::Server;
using ::testing::HasSubstr;

constexpr const char* banner = "SSH-2.0-OpenSSH_9.2\r\n";

/// `connected` is called when the connection stands, and nothing that came over it was read yet.
Result<std::string> probe(const std::string& host, std::uint16_t port, milliseconds timeout = test::patience,
                          const std::function<void()>& connected = nullptr) {
    Poller poller;
    SshProbe prober(poller);
    std::optional<Result<std::string>> result;
    prober.start({1}, host, port, timeout, [&](Result<std::string> host_key) { result = std::move(host_key); });
    EXPECT_FALSE(result) << "called from inside start()";
    if (connected) {
        EXPECT_TRUE(poller.wait(timeout));
        connected();
    }
    EXPECT_TRUE(run_until(poller, [&] { return result.has_value(); }));
    return result.value_or(fail(ErrorCode::internal, "never called"));
}

void expect_refusal(const Result<std::string>& result, const std::string& words) {
    ASSERT_FALSE(result) << *result;
    EXPECT_EQ(result.error().code, ErrorCode::ssh_not_answering);
    EXPECT_THAT(result.error().message, HasSubstr(words));
}

/// A server that says `words`, and then nothing more.
Result<std::string> probe_of_one_that_says(const std::string& words, milliseconds timeout = test::patience) {
    Server server([&](int fd) {
        test::write_all(fd, words);
        test::wait_for_close(fd);
    });
    return probe("127.0.0.1", server.port(), timeout);
}

/// As that one, for words that are the beginning of a handshake and no more than the kernel keeps.
void expect_stop_after(const std::string& words) {
    std::promise<void> said;
    Server server([&](int fd) {
        test::write_all(fd, words);
        said.set_value();
        test::wait_for_close(fd);
    });
    // What has come is read before the time is looked at: however long the server's thread is kept from its work, it
    // does not pass for one that says nothing.
    const auto result =
        probe("127.0.0.1", server.port(), seconds(2), [&] { said.get_future().wait_for(test::patience); });
    expect_refusal(result, "in the middle of the SSH handshake");
}

std::string as_uint32(std::size_t value) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xFF));
    return out;
}

/// SSH_MSG_KEXINIT (RFC 4253, 7.1) of a server with these algorithms, in the order of its lists.
std::string kexinit(const std::array<std::string, 10>& names) {
    constexpr std::size_t block_bytes = 8;
    std::string payload = "\x14" + std::string(16, 'c');
    for (const auto& name : names) payload += as_uint32(name.size()) + name;
    payload += std::string(5, '\0');
    const std::size_t padding = 2 * block_bytes - (payload.size() + 5) % block_bytes;
    return as_uint32(1 + payload.size() + padding) + static_cast<char>(padding) + payload + std::string(padding, 'p');
}

std::string unheard_of_kexinit() {
    std::array<std::string, 10> names;
    names.fill("unheard-of");
    return kexinit(names);
}

// A real sshd: tests/integration/worker/real_engine_test.cpp.

TEST(SshProbe, AServerWithUnknownAlgorithmsOnlyAnswersWithoutAKey) {
    EXPECT_EQ(probe_of_one_that_says(banner + unheard_of_kexinit()), "");
}

TEST(SshProbe, ClosedWithoutAWordIsNoAnswer) {
    Server server([](int fd) { test::read_until(fd, "\n"); });
    expect_refusal(probe("127.0.0.1", server.port()), "without a word");
}

TEST(SshProbe, ABannerAloneIsNoAnswer) {
    Server server([](int fd) {
        test::write_all(fd, banner);
        test::read_until(fd, "\n");
    });
    expect_refusal(probe("127.0.0.1", server.port()), "does not answer: ");
    expect_stop_after(banner);
}

TEST(SshProbe, RubbishAfterTheBannerIsNoAnswer) {
    expect_refusal(probe_of_one_that_says(banner + std::string(64, '\xFF')), "does not speak SSH as it should");
}

TEST(SshProbe, AnotherProtocolIsNoAnswer) {
    expect_stop_after("220 mail.example ESMTP\r\n");
    expect_stop_after("SSH-1");
}

// It would keep the loop from its other work for as long as it likes.
TEST(SshProbe, AServerThatNeverStopsIsNoAnswer) {
    std::string lines;
    while (lines.size() < 1 << 17) lines += "x\r\n";
    expect_refusal(probe_of_one_that_says(lines), "sends without end");
    expect_refusal(probe_of_one_that_says(std::string(1 << 17, 'x')), "sends without end");
    expect_refusal(probe_of_one_that_says("\r\n"), "does not speak SSH as it should");
}

// libssh2 frees what it has for a key exchange at the end of that exchange only; the address sanitizer sees what is
// left.
TEST(SshProbe, AnExchangeThatIsBrokenOffLeavesNothing) {
    for (const std::string method : {"curve25519-sha256", "ecdh-sha2-nistp256", "diffie-hellman-group14-sha256"}) {
        const std::string cipher = "aes128-ctr", mac = "hmac-sha2-256", none = "none";
        expect_stop_after(banner + kexinit({method, "ssh-ed25519", cipher, cipher, mac, mac, none, none, "", ""}));
    }
}

TEST(SshProbe, NobodyListens) {
    const auto port = test::closed_port();
    const auto result = probe("127.0.0.1", port);
    expect_refusal(result, "refused");
    EXPECT_THAT(result.error().message, HasSubstr("127.0.0.1:" + std::to_string(port)));
    expect_refusal(probe("localhost", port), "localhost:" + std::to_string(port));
}

TEST(HostKeyLine, IsOneLineOfHarmlessCharactersOrNothing) {
    const auto blob = [](const std::string& type) {
        return std::string(3, '\0') + static_cast<char>(type.size()) + type + "\1\2\3";
    };
    EXPECT_EQ(host_key_line(blob("ssh-ed25519")), "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AQID");
    for (const char* type : {"", "ssh\n", "ssh ed25519", "\x1b[2J", "#ssh"}) {
        EXPECT_EQ(host_key_line(blob(type)), "") << type;
    }
    EXPECT_EQ(host_key_line(std::string("\0\0\0\7ssh", 7)), "");  // cut off
    EXPECT_EQ(host_key_line(std::string("\1\0\0\3ssh", 7)), "");  // longer than all that there is
    EXPECT_EQ(host_key_line(std::string_view("\0\0", 2)), "");
}

TEST(SshProbe, SilentListenerRunsIntoTheTimeout) {
    expect_refusal(probe_of_one_that_says("", milliseconds(50)), "says nothing");
}

TEST(SshProbe, UnknownNameIsLookedUpWithoutBlocking) {
    expect_refusal(probe("no-such-host.invalid", 22), "no-such-host.invalid:22");
}

TEST(SshProbe, CancelledProbeStaysQuietAndItsIdIsFree) {
    Server server([](int fd) {
        test::write_all(fd, banner + unheard_of_kexinit());
        test::wait_for_close(fd);
    });
    Poller poller;
    SshProbe prober(poller);
    prober.start({1}, "127.0.0.1", server.port(), test::patience, [](Result<std::string>) { ADD_FAILURE(); });
    prober.start({3}, "no-such-host.invalid", 1, test::patience, [](Result<std::string>) { ADD_FAILURE(); });
    prober.cancel({1});
    prober.cancel({3});
    prober.cancel({2});
    int answers = 0;
    prober.start({1}, "127.0.0.1", server.port(), test::patience, [&](Result<std::string> host_key) {
        EXPECT_EQ(host_key, "");
        ++answers;
        // A handler may begin the next one, under the same id.
        prober.start({1}, "127.0.0.1", server.port(), test::patience, [&](Result<std::string>) { ++answers; });
    });
    EXPECT_TRUE(run_until(poller, [&] { return answers == 2; }));
    // In the middle of the handshake.
    prober.start({1}, "127.0.0.1", server.port(), test::patience, [](Result<std::string>) {});
    static_cast<void>(poller.wait(test::patience));
}

}  // namespace
}  // namespace mc::io

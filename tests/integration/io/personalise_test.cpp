#include "io/personalise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "integration/io/temp_dir.hpp"
#include "io/files.hpp"

namespace mc::io::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* id = "5b0df2e059edea7abb77d15ab881a1d5e2871b582008bf6941d91f943bbbba93";

/// A process with a host name and a root of its own, as a container's first one, and what /proc tells of it.
class FakeContainer {
public:
    FakeContainer() {
        fs::create_directories(root() / "etc");
        fs::create_directories(root() / "root");
        std::ofstream(root() / "etc/hostname") << "spare\n";
        std::ofstream(root() / "etc/hosts") << "127.0.0.1\tlocalhost\n172.17.0.4\tspare\n";
        int ready[2];
        EXPECT_EQ(::pipe(ready), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            const bool done = ::unshare(CLONE_NEWUTS) == 0 && ::sethostname("spare", 5) == 0 &&
                              ::chroot(root().c_str()) == 0 && ::chdir("/") == 0 && ::write(ready[1], "r", 1) == 1;
            while (done) ::pause();
            ::_exit(1);
        }
        ::close(ready[1]);
        char c = 0;
        EXPECT_EQ(::read(ready[0], &c, 1), 1);
        ::close(ready[0]);
        const fs::path its = proc() / std::to_string(pid_);
        fs::create_directories(its / "ns");
        const std::string real = "/proc/" + std::to_string(pid_);
        fs::create_symlink(real + "/ns/uts", its / "ns/uts");
        fs::create_symlink(real + "/root", its / "root");
        std::ofstream(its / "cgroup") << "0::/docker/" << id << "\n";
    }
    FakeContainer(const FakeContainer&) = delete;
    FakeContainer& operator=(const FakeContainer&) = delete;
    ~FakeContainer() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] fs::path root() const { return folder_ / "container"; }
    [[nodiscard]] fs::path proc() const { return folder_ / "proc"; }
    [[nodiscard]] std::string content(const std::string& path) const {
        return read_file(root() / path, 65536).value_or("cannot be read");
    }
    /// As the kernel has it.
    [[nodiscard]] std::string host_name() const {
        const std::string command = "nsenter --target " + std::to_string(pid_) + " --uts hostname";
        FILE* output = ::popen(command.c_str(), "r");
        std::array<char, 64> line{};
        const char* read = std::fgets(line.data(), line.size(), output);
        ::pclose(output);
        return read ? std::string(read) : "";
    }
    Result<std::string> give(const std::string& name, const std::vector<TarEntry>& files = {},
                             const std::string& of = id) {
        return visit({.host_name = name, .files = files}, of);
    }
    Result<std::string> visit(const Visit& what, const std::string& of = id) {
        return personalise({.pid = pid_, .container = of}, what, proc());
    }

private:
    TempDir folder_;
    pid_t pid_ = 0;
};

std::string own_host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

const std::vector<TarEntry> keys{{.path = "root/.ssh", .mode = 0700, .is_directory = true},
                                 {.path = "root/.ssh/authorized_keys", .mode = 0600, .content = "ssh-ed25519 AAAA\n"}};

class Personalise : public ::testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "other processes' namespaces are root's";
    }
};

TEST_F(Personalise, GivesAContainerItsNameAndFiles) {
    FakeContainer container;
    const std::string own = own_host_name();
    const auto done = container.give("web", keys);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(container.host_name(), "web\n");
    EXPECT_EQ(container.content("etc/hostname"), "web\n");
    EXPECT_EQ(container.content("etc/hosts"), "127.0.0.1\tlocalhost\n172.17.0.4\tweb\n");
    EXPECT_EQ(container.content("root/.ssh/authorized_keys"), "ssh-ed25519 AAAA\n");
    EXPECT_EQ(fs::status(container.root() / "root/.ssh").permissions(), fs::perms(0700));
    EXPECT_EQ(fs::status(container.root() / "root/.ssh/authorized_keys").permissions(), fs::perms(0600));
    EXPECT_EQ(own_host_name(), own);
}

TEST_F(Personalise, MayBeDoneAgain) {
    FakeContainer container;
    ASSERT_TRUE(container.give("a-long-name", keys));
    ASSERT_TRUE(container.give("b", {keys[0], {.path = keys[1].path, .mode = 0600, .content = "short\n"}}));
    EXPECT_EQ(container.host_name(), "b\n");
    EXPECT_EQ(container.content("etc/hostname"), "b\n");
    EXPECT_EQ(container.content("etc/hosts"), "127.0.0.1\tlocalhost\n172.17.0.4\tb\n");
    EXPECT_EQ(container.content("root/.ssh/authorized_keys"), "short\n");
}

TEST_F(Personalise, LeavesAHostNameAloneThatNobodyWantsChanged) {
    FakeContainer container;
    ASSERT_TRUE(container.visit({.host_name = "", .files = keys}));
    EXPECT_EQ(container.host_name(), "spare\n");
    EXPECT_EQ(container.content("etc/hostname"), "spare\n");
    EXPECT_EQ(container.content("root/.ssh/authorized_keys"), "ssh-ed25519 AAAA\n");
}

TEST_F(Personalise, ReadsAFileOfTheContainer) {
    FakeContainer container;
    EXPECT_EQ(container.visit({.host_name = "", .files = {}, .read = "etc/hostname"}).value(), "spare\n");
    EXPECT_EQ(container.visit({.host_name = "", .files = {}, .read = "etc/nothing"}).value(), "");
}

// Goal: an image can't have the worker read what is the machine's, or wait.
TEST_F(Personalise, ReadsThroughNoLinkToTheMachineAndNoPipe) {
    FakeContainer container;
    TempDir outside;
    std::ofstream(outside / "secret") << "mine\n";
    fs::create_symlink(outside / "secret", container.root() / "etc/link");
    fs::create_symlink("/proc/1/root" / (outside / "secret").relative_path(), container.root() / "etc/magic");
    ASSERT_EQ(::mkfifo((container.root() / "etc/pipe").c_str(), 0600), 0);
    for (const char* path : {"etc/link", "etc/magic", "etc/pipe", "etc"}) {
        EXPECT_EQ(container.visit({.host_name = "", .files = {}, .read = path}).value(), "") << path;
    }
}

// Goal: an image can't have the worker write to the machine.
TEST_F(Personalise, LooksLinksUpInTheContainer) {
    FakeContainer container;
    TempDir outside;
    fs::remove(container.root() / "root");
    fs::create_symlink(outside / "", container.root() / "root");
    fs::create_directories(container.root() / (outside / "").relative_path());
    ASSERT_TRUE(container.give("web", keys));
    EXPECT_FALSE(fs::exists(outside / ".ssh"));
    EXPECT_TRUE(fs::exists(container.root() / (outside / ".ssh/authorized_keys").relative_path()));
}

TEST_F(Personalise, WritesThroughNoLinkAndWaitsForNoPipe) {
    FakeContainer container;
    TempDir outside;
    std::ofstream(outside / "victim") << "mine\n";
    fs::remove(container.root() / "etc/hostname");
    fs::create_symlink("/proc/1/root" / (outside / "victim").relative_path(), container.root() / "etc/hostname");
    EXPECT_EQ(container.give("web").error().code, ErrorCode::io_failed);
    fs::remove(container.root() / "etc/hostname");
    ASSERT_EQ(::mkfifo((container.root() / "etc/hostname").c_str(), 0600), 0);
    EXPECT_EQ(container.give("web").error().code, ErrorCode::io_failed);
    EXPECT_EQ(read_file(outside / "victim", 100).value(), "mine\n");
}

TEST_F(Personalise, IsRefusedForAProcessOfAnotherContainer) {
    FakeContainer container;
    const auto done = container.give("web", keys, std::string(64, 'a'));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::not_found);
    EXPECT_EQ(container.host_name(), "spare\n");
    EXPECT_FALSE(fs::exists(container.root() / "root/.ssh"));
}

TEST_F(Personalise, IsRefusedForThisProcesssOwnHostName) {
    FakeContainer container;
    const fs::path its = container.proc() / std::to_string(::getpid());
    fs::create_directories(its / "ns");
    fs::create_symlink("/proc/self/ns/uts", its / "ns/uts");
    fs::create_symlink(container.root(), its / "root");
    std::ofstream(its / "cgroup") << "0::/docker/" << id << "\n";
    const std::string own = own_host_name();
    const auto done =
        personalise({.pid = ::getpid(), .container = id}, {.host_name = "web", .files = {}}, container.proc());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "the container has this machine's host name");
    EXPECT_EQ(own_host_name(), own);
}

TEST(PersonaliseOf, WhatHasEndedIsNotFound) {
    TempDir proc;
    const auto done = personalise({.pid = 1, .container = id}, {}, proc / "");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::not_found);
    EXPECT_EQ(personalise({.pid = 0, .container = id}, {}, proc / "").error().code, ErrorCode::not_found);
}

TEST(RenamedHosts, ChangesWholeWordsOnly) {
    EXPECT_EQ(renamed_hosts("10.0.0.1\tspare spare.lan\n::1 a-spare spare", "spare", "web"),
              "10.0.0.1\tweb spare.lan\n::1 a-spare web");
    EXPECT_EQ(renamed_hosts("", "spare", "web"), "");
}

}  // namespace
}  // namespace mc::io::test

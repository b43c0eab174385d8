#include "io/container_ender.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "integration/io/temp_dir.hpp"
#include "io/poller.hpp"

namespace mc::io::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* id = "5b0df2e059edea7abb77d15ab881a1d5e2871b582008bf6941d91f943bbbba93";

/// The first process of a process namespace, as a container's, and what /proc tells of it.
class FakeContainer {
public:
    explicit FakeContainer(bool first = true) {
        EXPECT_EQ(::pipe(lives_), 0);
        parent_ = ::fork();
        if (parent_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nothing of it outlives a test program that is killed
            ::close(lives_[0]);
            if (first && ::unshare(CLONE_NEWPID) != 0) ::_exit(1);
            int made[2];
            if (::pipe(made) != 0) ::_exit(1);
            const pid_t child = ::fork();
            if (child == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                // Another one of the namespace; it ends with this one also where there is none.
                if (::fork() == 0 && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) ::pause();
                if (::write(made[1], "m", 1) == 1) ::pause();
                ::_exit(0);
            }
            char byte = 0;
            if (::read(made[0], &byte, 1) != 1) ::_exit(1);
            if (::write(lives_[1], &child, sizeof child) != sizeof child) ::_exit(1);
            ::close(lives_[1]);
            ::waitpid(child, nullptr, 0);
            ::_exit(0);
        }
        ::close(lives_[1]);
        EXPECT_EQ(::read(lives_[0], &pid_, sizeof pid_), static_cast<ssize_t>(sizeof pid_));
        const fs::path its = proc() / std::to_string(pid_);
        fs::create_directories(its);
        fs::create_symlink("/proc/" + std::to_string(pid_) + "/status", its / "status");
        std::ofstream(its / "cgroup") << "0::/docker/" << id << "\n";
    }
    FakeContainer(const FakeContainer&) = delete;
    FakeContainer& operator=(const FakeContainer&) = delete;
    ~FakeContainer() {
        if (parent_ != 0) ::kill(pid_, SIGKILL);
        collect();
        ::close(lives_[0]);
    }
    /// Until its parent has asked for its exit status: before that it has ended, but its number still stands for it.
    void collect() {
        if (parent_ != 0) ::waitpid(parent_, nullptr, 0);
        parent_ = 0;
    }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] fs::path proc() const { return folder_ / "proc"; }
    /// Nobody has the pipe's other end any more: all that were begun have ended.
    [[nodiscard]] bool has_ended() const {
        char byte = 0;
        return ::read(lives_[0], &byte, 1) == 0;
    }

private:
    TempDir folder_;
    int lives_[2] = {-1, -1};
    pid_t parent_ = 0;
    pid_t pid_ = 0;
};

class EndContainer : public ::testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "process namespaces are root's";
    }
    std::optional<Result<void>> end(const FakeContainer& container, const std::string& of = id) {
        ContainerEnder ender(poller_, container.proc());
        std::optional<Result<void>> ended;
        const auto begun = ender.start({.pid = container.pid(), .container = of}, 10s,
                                       [&](const Result<void>& result) { ended = result; });
        if (!begun) return begun;
        while (!ended) poller_.wait(1s);
        return ended;
    }
    Poller poller_;
};

TEST_F(EndContainer, IsDoneWhenNothingOfItRuns) {
    const FakeContainer container;
    const auto ended = end(container);
    ASSERT_TRUE(ended && *ended) << (*ended).error().message;
    EXPECT_TRUE(container.has_ended());
}

TEST_F(EndContainer, IsRefusedForAnotherContainersProcess) {
    const FakeContainer container;
    EXPECT_EQ(end(container, std::string(64, 'a'))->error().code, ErrorCode::not_found);
    EXPECT_EQ(::kill(container.pid(), 0), 0);
}

TEST_F(EndContainer, IsRefusedForAProcessWithWhichTheOthersDoNotEnd) {
    const FakeContainer container(false);
    EXPECT_EQ(end(container)->error().code, ErrorCode::not_found);
    EXPECT_EQ(::kill(container.pid(), 0), 0);
}

TEST_F(EndContainer, FindsNothingOfOneThatHasEnded) {
    FakeContainer container;
    ASSERT_TRUE(*end(container));
    container.collect();
    EXPECT_EQ(end(container)->error().code, ErrorCode::not_found);
}

TEST_F(EndContainer, CallsNobodyWhoHasGone) {
    const FakeContainer container;
    {
        ContainerEnder ender(poller_, container.proc());
        ASSERT_TRUE(ender.start({.pid = container.pid(), .container = id}, 10s,
                                [](const Result<void>&) { FAIL() << "nobody waits any more"; }));
    }
    EXPECT_TRUE(container.has_ended());
    poller_.wait(0ms);
}

// Who traces a process of it from outside, and does not look at its end, holds up the end of the first one.
TEST_F(EndContainer, GivesUpInTime) {
    const FakeContainer container;
    const std::string its = std::to_string(container.pid());
    pid_t other = 0;
    std::ifstream("/proc/" + its + "/task/" + its + "/children") >> other;
    ASSERT_GT(other, 0);
    ASSERT_EQ(::ptrace(PTRACE_SEIZE, other, nullptr, nullptr), 0);
    ContainerEnder ender(poller_, container.proc());
    std::optional<Result<void>> ended;
    ASSERT_TRUE(ender.start({.pid = container.pid(), .container = id}, 50ms,
                            [&](const Result<void>& result) { ended = result; }));
    while (!ended) poller_.wait(1s);
    ASSERT_FALSE(*ended);
    EXPECT_EQ(ended->error().code, ErrorCode::deadline_exceeded);
    EXPECT_EQ(::waitpid(other, nullptr, 0), other);
}

}  // namespace
}  // namespace mc::io::test

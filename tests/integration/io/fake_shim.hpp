#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "integration/io/temp_dir.hpp"

namespace mc::io::test {

/// A process that looks like a container's shim to whoever reads its name and command line; stopped.
class FakeShim {
public:
    static constexpr const char* id = "5b0df2e059edea7abb77d15ab881a1d5e2871b582008bf6941d91f943bbbba93";

    explicit FakeShim(const std::string& name = "containerd-shim-runc-v2") {
        const std::string program = folder_ / name;
        std::filesystem::create_symlink("/bin/sh", program);
        int ready[2];
        EXPECT_EQ(::pipe(ready), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(ready[1], STDOUT_FILENO);
            ::execl(program.c_str(), program.c_str(), "-c", "echo; kill -STOP $$; :", "-namespace", "moby", "-id", id,
                    nullptr);
            ::_exit(1);
        }
        ::close(ready[1]);
        char c = 0;
        EXPECT_EQ(::read(ready[0], &c, 1), 1);
        ::close(ready[0]);
    }
    FakeShim(const FakeShim&) = delete;
    FakeShim& operator=(const FakeShim&) = delete;
    ~FakeShim() {
        if (pid_ != 0) {
            ::kill(pid_, SIGKILL);
            wait();
        }
    }
    /// The signal that ended it.
    int wait() {
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
    [[nodiscard]] bool lives() const {
        siginfo_t info{};
        return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
    }
    [[nodiscard]] bool ends_within(std::chrono::milliseconds time) const {
        for (; lives() && time.count() > 0; time -= std::chrono::milliseconds(10)) ::usleep(10'000);
        return !lives();
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    TempDir folder_;
    pid_t pid_ = 0;
};

}  // namespace mc::io::test

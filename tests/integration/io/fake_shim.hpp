#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

namespace mc::test {

/// A process that looks like a container's shim to whoever reads its name and command line; stopped.
class FakeShim {
public:
    static constexpr const char* id = "5b0df2e059edea7abb77d15ab881a1d5e2871b582008bf6941d91f943bbbba93";

    explicit FakeShim(const std::string& name = "containerd-shim-runc-v2") {
        char folder[] = "/tmp/mc-shim-XXXXXX";
        EXPECT_NE(::mkdtemp(folder), nullptr);
        folder_ = folder;
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
        std::filesystem::remove_all(folder_);
    }
    /// The signal that ended it.
    int wait() {
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
    [[nodiscard]] bool lives() const { return ::waitpid(pid_, nullptr, WNOHANG) == 0; }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    std::filesystem::path folder_;
    pid_t pid_ = 0;
};

}  // namespace mc::test

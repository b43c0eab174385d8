#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "base/ids.hpp"
#include "integration/io/temp_dir.hpp"
#include "io/random.hpp"

namespace mc::io::test {

/// A process that looks like a container's shim to whoever reads its name and command line; stopped.
class FakeShim {
public:
    /// Its container's. This program's alone: who looks for shims sees those of every test on this machine.
    static inline const std::string id =
        to_hex(random_u64()) + to_hex(random_u64()) + to_hex(random_u64()) + to_hex(random_u64());

    explicit FakeShim(const std::string& name = "containerd-shim-runc-v2") {
        const std::string program = folder_ / name;
        std::filesystem::create_symlink("/bin/sh", program);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execl(program.c_str(), program.c_str(), "-c", "kill -STOP $$; :", "-namespace", "moby", "-id", id.c_str(),
                    nullptr);
            ::_exit(1);
        }
        siginfo_t info{};
        EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT), 0);
        EXPECT_EQ(info.si_code, CLD_STOPPED);
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
    /// Lets it go on to its own end, which it doesn't come to when somebody has killed it before. Sure without any
    /// wait.
    [[nodiscard]] bool was_killed() {
        ::kill(pid_, SIGCONT);
        return wait() == SIGKILL;
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    TempDir folder_;
    pid_t pid_ = 0;
};

}  // namespace mc::io::test

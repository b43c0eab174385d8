#include "io/signals.hpp"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "io/errno_text.hpp"

namespace mc::io {

struct Signals::Impl {
    int fd = -1;
    sigset_t before{};
    bool blocked = true;

    void restore() {
        if (!blocked) return;
        blocked = false;
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    ~Impl() {
        restore();
        if (fd >= 0) close(fd);
    }
};

Signals::Signals(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Signals::~Signals() = default;
Signals::Signals(Signals&&) noexcept = default;
Signals& Signals::operator=(Signals&&) noexcept = default;

Result<Signals> Signals::block(std::initializer_list<int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : numbers) sigaddset(&set, number);
    auto impl = std::make_unique<Impl>();
    if (const int error = pthread_sigmask(SIG_BLOCK, &set, &impl->before); error != 0) {
        impl->blocked = false;
        return fail(ErrorCode::io_failed, "the signals can't be blocked: " + errno_text(error));
    }
    impl->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (impl->fd < 0) {
        return fail(ErrorCode::io_failed, "the signals can't be read: " + errno_text(errno));
    }
    return Signals(std::move(impl));
}

int Signals::fd() const {
    return impl_->fd;
}

std::optional<int> Signals::next() {
    signalfd_siginfo info{};
    if (read(impl_->fd, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
    return static_cast<int>(info.ssi_signo);
}

void Signals::restore() {
    impl_->restore();
}

namespace {
volatile std::sig_atomic_t exit_code = 0;
}

void exit_after(seconds time, int code) {
    exit_code = code;
    std::signal(SIGALRM, [](int) { _exit(exit_code); });
    alarm(static_cast<unsigned>(time.count()));
}

void ignore_pipe_signal() {
    std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace mc::io

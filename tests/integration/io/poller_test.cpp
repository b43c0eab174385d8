#include "io/poller.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "support.hpp"

namespace mc::io {
namespace {

using test::run_until;

class Pipe {
public:
    Pipe() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_.data()), 0); }
    ~Pipe() {
        close_near();
        close_far();
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    [[nodiscard]] int near() const { return fds_[0]; }
    [[nodiscard]] int far() const { return fds_[1]; }
    void poke() const { EXPECT_EQ(::write(far(), "x", 1), 1); }
    void close_near() { close_one(0); }
    void close_far() { close_one(1); }

private:
    void close_one(std::size_t i) {
        if (fds_[i] >= 0) ::close(fds_[i]);
        fds_[i] = -1;
    }
    std::array<int, 2> fds_{-1, -1};
};

TEST(Poller, CallsForReadableDescriptorsUntilTheyAreDrained) {
    Pipe pipe;
    Poller poller;
    int calls = 0;
    poller.add_fd(pipe.near(), {}, [&](Readiness ready) {
        EXPECT_TRUE(ready.readable);
        EXPECT_FALSE(ready.writable);
        ++calls;
        if (calls == 2) {
            char c = 0;
            EXPECT_EQ(::read(pipe.near(), &c, 1), 1);
        }
    });
    EXPECT_FALSE(poller.wait(milliseconds(0)));
    pipe.poke();
    EXPECT_TRUE(poller.wait(milliseconds(1000)));
    EXPECT_TRUE(poller.wait(milliseconds(1000)));  // level-triggered: what was left comes back
    EXPECT_FALSE(poller.wait(milliseconds(0)));
    EXPECT_EQ(calls, 2);
}

TEST(Poller, SocketsAndDescriptorsInOneTurn) {
    test::RouterAndDealer pair;
    auto& [context, router, dealer] = pair;
    Pipe pipe;
    Poller poller;
    bool message = false;
    bool byte = false;
    poller.add(router, {}, [&](Readiness) { message = router.receive().has_value(); });
    poller.add_fd(pipe.near(), {}, [&](Readiness) {
        char c = 0;
        byte = ::read(pipe.near(), &c, 1) == 1;
    });
    pipe.poke();
    ASSERT_EQ(dealer.send(std::vector<std::string>{"hi"}), SendOutcome::sent);
    EXPECT_TRUE(run_until(poller, [&] { return message && byte; }));
    poller.remove(router);
}

TEST(Poller, WriteInterestComesAndGoes) {
    Pipe pipe;
    Poller poller;
    int writable = 0;
    poller.add_fd(pipe.near(), {.read = true, .write = true}, [&](Readiness ready) {
        writable += ready.writable ? 1 : 0;
        poller.modify_fd(pipe.near(), {.read = true, .write = false});
    });
    EXPECT_TRUE(poller.wait(milliseconds(1000)));
    EXPECT_FALSE(poller.wait(milliseconds(0)));
    EXPECT_EQ(writable, 1);
}

TEST(Poller, WhoeverWasRemovedIsNotCalledAnyMoreInThatTurn) {
    Pipe a;
    Pipe b;
    Poller poller;
    int calls = 0;
    const auto remove_both = [&](Readiness) {
        ++calls;
        poller.remove_fd(a.near());
        poller.remove_fd(b.near());
    };
    poller.add_fd(a.near(), {}, remove_both);
    poller.add_fd(b.near(), {}, remove_both);
    a.poke();
    b.poke();
    EXPECT_TRUE(poller.wait(milliseconds(1000)));
    EXPECT_EQ(calls, 1);
    EXPECT_FALSE(poller.wait(milliseconds(0)));
}

// A closed descriptor's number comes back at once for the next one that is opened.
TEST(Poller, NewDescriptorOfAnOldNumberIsNotTakenForTheOldOne) {
    Pipe a;
    Pipe b;
    Poller poller;
    int old_calls = 0;
    int new_calls = 0;
    const auto replace_other = [&](Pipe& other) {
        if (++old_calls > 1) return;
        poller.remove_fd(other.near());
        poller.add_fd(other.near(), {}, [&](Readiness) { ++new_calls; });
    };
    poller.add_fd(a.near(), {}, [&](Readiness) { replace_other(b); });
    poller.add_fd(b.near(), {}, [&](Readiness) { replace_other(a); });
    a.poke();
    b.poke();
    EXPECT_TRUE(poller.wait(milliseconds(1000)));
    EXPECT_EQ(old_calls, 1);
    EXPECT_EQ(new_calls, 0);  // waits for the next turn
    EXPECT_TRUE(poller.wait(milliseconds(1000)));
    EXPECT_EQ(new_calls, 1);
}

TEST(Poller, HangUpWithoutInterestDoesNotSpin) {
    Pipe pipe;
    Poller poller;
    int calls = 0;
    poller.add_fd(pipe.near(), {.read = false, .write = false}, [&](Readiness) { ++calls; });
    pipe.close_far();
    EXPECT_FALSE(poller.wait(milliseconds(0)));
    EXPECT_EQ(calls, 0);
    poller.modify_fd(pipe.near(), {.read = true});
    EXPECT_TRUE(poller.wait(milliseconds(1000)));
    EXPECT_EQ(calls, 1);
}

TEST(Poller, DeadlinesEndTheWait) {
    Poller poller;
    const Instant start = read_clock().instant;
    Instant deadline = start + milliseconds(20);
    int calls = 0;
    const auto id = poller.add_deadlines([&] { return deadline; },
                                         [&](Instant now) {
                                             EXPECT_GE(now, start + milliseconds(20));
                                             ++calls;
                                             deadline = Instant::never();
                                         });
    EXPECT_TRUE(run_until(poller, [&] { return calls > 0; }));
    EXPECT_FALSE(poller.wait(milliseconds(0)));
    EXPECT_EQ(calls, 1);
    deadline = Instant{};
    poller.remove_deadlines(id);
    EXPECT_FALSE(poller.wait(milliseconds(0)));
}

}  // namespace
}  // namespace mc::io

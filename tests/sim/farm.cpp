#include "sim/farm.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace mc::sim {
namespace {

using nlohmann::json;

json as_json(const Outcome& outcome) {
    json faults = json::array();
    for (std::size_t i = 0; i < static_cast<std::size_t>(Fault::count); ++i) {
        faults.push_back(outcome.faults.of(static_cast<Fault>(i)));
    }
    return {{"seed", outcome.seed},
            {"hash", outcome.hash},
            {"faults", std::move(faults)},
            {"work",
             {outcome.work.creates_ok, outcome.work.containers, outcome.work.events, outcome.work.resurrected,
              outcome.work.replaced, outcome.work.drained, outcome.work.forgotten, outcome.work.given}},
            {"time", outcome.time.count()},
            {"calm", outcome.calm.count()},
            {"steps", outcome.steps},
            {"violations", outcome.violations}};
}

Outcome from_json(const json& line) {
    Outcome outcome;
    outcome.seed = line.at("seed");
    outcome.hash = line.at("hash");
    for (std::size_t i = 0; i < static_cast<std::size_t>(Fault::count); ++i) {
        outcome.faults.add(static_cast<Fault>(i), line.at("faults").at(i));
    }
    const json& work = line.at("work");
    outcome.work = {.creates_ok = work.at(0),
                    .containers = work.at(1),
                    .events = work.at(2),
                    .replaced = work.at(4),
                    .drained = work.at(5),
                    .forgotten = work.at(6),
                    .given = work.at(7),
                    .resurrected = work.at(3)};
    outcome.time = milliseconds(line.at("time").get<std::int64_t>());
    outcome.calm = milliseconds(line.at("calm").get<std::int64_t>());
    outcome.steps = line.at("steps");
    outcome.violations = line.at("violations").get<std::vector<std::string>>();
    return outcome;
}

/// One process, and what it has said so far.
struct Hand {
    pid_t pid = 0;
    int pipe = -1;
    std::uint64_t next = 0;  ///< the seed it is at, counted from the first
    std::string said;
};

void write_all(int pipe, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t n = ::write(pipe, text.data() + done, text.size() - done);
        if (n <= 0) ::_exit(0);  // nobody listens any more
        done += static_cast<std::size_t>(n);
    }
}

class Farm {
public:
    Farm(const Work& work, std::size_t jobs) : work_(work), hands_(jobs) {}
    ~Farm() {
        for (auto& hand : hands_) end(hand);
    }
    Farm(const Farm&) = delete;
    Farm& operator=(const Farm&) = delete;

    void run(const std::function<bool(const Outcome&)>& take) {
        for (std::size_t i = 0; i < hands_.size(); ++i) {
            hands_[i].next = i;
            start(hands_[i]);
        }
        while (taken_ < work_.count) {
            listen();
            while (!ready_.empty() && ready_.begin()->first == taken_) {
                const Outcome outcome = std::move(ready_.begin()->second);
                ready_.erase(ready_.begin());
                ++taken_;
                if (!take(outcome)) return;
            }
        }
    }

private:
    void start(Hand& hand) {
        if (hand.next >= work_.count) return;
        int ends[2];
        if (::pipe(ends) != 0) std::abort();
        std::fflush(nullptr);
        hand.pid = ::fork();
        if (hand.pid < 0) std::abort();
        if (hand.pid > 0) {
            ::close(ends[1]);
            hand.pipe = ends[0];
            return;
        }
        ::close(ends[0]);
        for (std::uint64_t i = hand.next; i < work_.count; i += hands_.size()) {
            write_all(
                ends[1],
                as_json(simulate_one(work_, work_.first + i)).dump(-1, ' ', false, json::error_handler_t::replace) +
                    "\n");
        }
        ::_exit(0);
    }

    void end(Hand& hand) {
        if (hand.pid == 0) return;
        ::kill(hand.pid, SIGKILL);
        ::waitpid(hand.pid, nullptr, 0);
        ::close(hand.pipe);
        hand = {};
    }

    void listen() {
        std::vector<pollfd> waits;
        std::vector<Hand*> whose;
        for (auto& hand : hands_) {
            if (hand.pid == 0) continue;
            waits.push_back({hand.pipe, POLLIN, 0});
            whose.push_back(&hand);
        }
        if (::poll(waits.data(), waits.size(), -1) < 0) return;
        for (std::size_t i = 0; i < waits.size(); ++i) {
            if (waits[i].revents != 0) hear(*whose[i]);
        }
    }

    void hear(Hand& hand) {
        char buffer[65536];
        const ssize_t n = ::read(hand.pipe, buffer, sizeof buffer);
        if (n <= 0) return bury(hand);
        hand.said.append(buffer, static_cast<std::size_t>(n));
        for (auto line_end = hand.said.find('\n'); line_end != std::string::npos; line_end = hand.said.find('\n')) {
            ready_[hand.next] = from_json(json::parse(hand.said.substr(0, line_end)));
            hand.said.erase(0, line_end + 1);
            hand.next += hands_.size();
        }
    }

    void bury(Hand& hand) {
        int status = 0;
        ::waitpid(hand.pid, &status, 0);
        ::close(hand.pipe);
        const std::uint64_t at = hand.next;
        hand = {};
        if (at >= work_.count) return;
        Outcome& died = ready_[at];
        died.seed = work_.first + at;
        died.violations.push_back(
            WIFSIGNALED(status) ? "the process died by signal " + std::to_string(WTERMSIG(status)) + " (an assertion?)"
                                : "the process ended with code " + std::to_string(WEXITSTATUS(status)));
        hand.next = at + hands_.size();
        start(hand);
    }

    const Work& work_;
    std::vector<Hand> hands_;
    std::map<std::uint64_t, Outcome> ready_;
    std::uint64_t taken_ = 0;
};

}  // namespace

Outcome simulate_one(const Work& work, std::uint64_t seed) {
    Options options = work.options;
    options.seed = seed;
    Outcome outcome = simulate(options);
    if (work.twice && simulate(options).hash != outcome.hash) {
        outcome.violations.emplace_back("the same seed gave two transcripts");
    }
    return outcome;
}

void simulate_all(const Work& work, std::size_t jobs, const std::function<bool(const Outcome&)>& take) {
    if (jobs > 0 && !work.options.verbose) return Farm(work, jobs).run(take);
    for (std::uint64_t i = 0; i < work.count; ++i) {
        if (!take(simulate_one(work, work.first + i))) return;
    }
}

std::size_t default_jobs() {
    const unsigned cores = std::thread::hardware_concurrency();
    return cores == 0 ? 1 : cores;
}

}  // namespace mc::sim

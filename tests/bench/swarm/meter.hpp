#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "swarm/loop.hpp"

namespace mc::bench {

/// Counts what ends between begin() and end(), how long each took, and what the measured process used meanwhile.
class Meter {
public:
    /// `pid`: whose CPU time is read; 0 = nobody's.
    explicit Meter(std::size_t pid) : pid_(pid) {}

    void begin(Clock::time_point now);
    /// One that was sent at `sent` has ended.
    void count(Clock::time_point sent, Clock::time_point now) {
        if (!on_) return;
        ++done_;
        took_us_.push_back(std::chrono::duration<float, std::micro>(now - sent).count());
    }
    void end(Clock::time_point now);
    [[nodiscard]] double seconds() const { return seconds_; }
    /// Of one core.
    [[nodiscard]] double cpu_share() const { return cpu_ / seconds_; }
    /// REQUIRES: something was counted.
    [[nodiscard]] double quantile_us(double part);

    /// One line of JSON on stdout: done, per_second, cpu_us (of the process, for each), p50_us, p99_us.
    void print();

private:
    [[nodiscard]] double cpu_seconds() const;

    std::size_t pid_;
    bool on_ = false;
    std::size_t done_ = 0;
    std::vector<float> took_us_;
    Clock::time_point began_{};
    double seconds_ = 0;
    double cpu_ = 0;
};

}  // namespace mc::bench

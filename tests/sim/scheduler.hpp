#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/time.hpp"

namespace mc::sim {

/// True time since the simulation began; no process sees it.
using Moment = milliseconds;

/// What happens next: tasks by their time, then by the order in which they were given.
class Scheduler {
public:
    using Task = std::function<void()>;

    [[nodiscard]] Moment now() const { return now_; }

    void at(Moment when, Task task) {
        heap_.push_back({std::max(when, now_), ++order_, std::move(task)});
        std::push_heap(heap_.begin(), heap_.end(), Later{});
    }
    void in(milliseconds delay, Task task) { at(now_ + delay, std::move(task)); }

    /// Runs everything up to and including `end`.
    void run_until(Moment end) {
        while (!heap_.empty() && heap_.front().when <= end && !stop_) {
            std::pop_heap(heap_.begin(), heap_.end(), Later{});
            Entry next = std::move(heap_.back());
            heap_.pop_back();
            now_ = next.when;
            ++done_;
            next.task();
        }
        if (!stop_) now_ = std::max(now_, end);
    }

    /// Ends run_until after the task that runs now.
    void stop() { stop_ = true; }
    [[nodiscard]] bool stopped() const { return stop_; }
    [[nodiscard]] std::uint64_t done() const { return done_; }

private:
    struct Entry {
        Moment when;
        std::uint64_t order;
        Task task;
    };
    struct Later {
        bool operator()(const Entry& a, const Entry& b) const {
            return a.when != b.when ? a.when > b.when : a.order > b.order;
        }
    };

    std::vector<Entry> heap_;
    Moment now_{0};
    std::uint64_t order_ = 0;
    std::uint64_t done_ = 0;
    bool stop_ = false;
};

}  // namespace mc::sim

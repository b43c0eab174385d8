#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
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
        std::uint32_t slot = static_cast<std::uint32_t>(tasks_.size());
        if (free_.empty()) {
            tasks_.push_back(std::move(task));
        } else {
            slot = free_.back();
            free_.pop_back();
            tasks_[slot] = std::move(task);
        }
        heap_.push_back({std::max(when, now_), ++order_, slot});
        std::push_heap(heap_.begin(), heap_.end(), Later{});
    }
    void in(milliseconds delay, Task task) { at(now_ + delay, std::move(task)); }

    /// Runs everything up to and including `end`.
    void run_until(Moment end) {
        while (!heap_.empty() && heap_.front().when <= end && !stop_) {
            std::pop_heap(heap_.begin(), heap_.end(), Later{});
            const Entry next = heap_.back();
            heap_.pop_back();
            now_ = next.when;
            ++done_;
            const Task task = std::exchange(tasks_[next.slot], {});
            free_.push_back(next.slot);
            task();
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
        std::uint32_t slot;  ///< of tasks_: a heap moves its entries about, and a task is dear to move
    };
    struct Later {
        bool operator()(const Entry& a, const Entry& b) const {
            return a.when != b.when ? a.when > b.when : a.order > b.order;
        }
    };

    std::vector<Entry> heap_;
    std::vector<Task> tasks_;
    std::vector<std::uint32_t> free_;  ///< slots
    Moment now_{0};
    std::uint64_t order_ = 0;
    std::uint64_t done_ = 0;
    bool stop_ = false;
};

}  // namespace mc::sim

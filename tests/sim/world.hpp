#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "sim/dice.hpp"
#include "sim/faults.hpp"
#include "sim/scheduler.hpp"

namespace mc::sim {

using Frames = std::vector<std::string>;

/// Milliseconds since 1970 at the simulation's moment zero.
inline constexpr std::int64_t epoch_unix_ms = 1'795'000'000'000;

/// What everybody in a simulation shares: time, the transcript, the count of
/// faults, and what was found to be wrong.
class World {
public:
    World(std::uint64_t seed, bool verbose) : seed_(seed), verbose_(verbose) {}

    Scheduler schedule;
    FaultCounts faults;

    [[nodiscard]] std::uint64_t seed() const { return seed_; }
    [[nodiscard]] Moment now() const { return schedule.now(); }
    [[nodiscard]] Dice dice(std::string_view name) const { return {seed_, name}; }
    [[nodiscard]] bool verbose() const { return verbose_; }

    /// Mixes one happening into the transcript's hash: two runs are the same when all of it is.
    void record(std::string_view bytes) {
        mix(static_cast<std::uint64_t>(now().count()));
        std::size_t i = 0;
        for (; i + 8 <= bytes.size(); i += 8) {
            std::uint64_t word = 0;
            for (std::size_t k = 0; k < 8; ++k) word = (word << 8) | static_cast<unsigned char>(bytes[i + k]);
            mix(word);
        }
        std::uint64_t rest = bytes.size();
        for (; i < bytes.size(); ++i) rest = (rest << 8) | static_cast<unsigned char>(bytes[i]);
        mix(rest);
    }
    void record(const Frames& frames) {
        for (const auto& frame : frames) record(frame);
    }
    [[nodiscard]] std::uint64_t hash() const { return hash_; }

    /// A line for a person who replays the seed; part of the transcript.
    template <class Text>
    void say(Text&& text) {
        if (!verbose_) return;
        const std::string line = text();
        std::printf("%9.3f  %s\n", static_cast<double>(now().count()) / 1000.0, line.c_str());
    }

    void fired(Fault fault) {
        faults.fired(fault);
        record(name_of(fault));
        say([&] { return "FAULT " + std::string(name_of(fault)); });
    }

    /// A promise was broken. The run ends here.
    void violated(std::string what) {
        say([&] { return "VIOLATED " + what; });
        violations_.push_back("at " + std::to_string(now().count()) + " ms: " + std::move(what));
        schedule.stop();
    }
    [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

private:
    void mix(std::uint64_t word) {
        hash_ ^= word;
        hash_ *= 0x9E3779B97F4A7C15ULL;
        hash_ ^= hash_ >> 29;
    }

    std::uint64_t seed_;
    bool verbose_;
    std::uint64_t hash_ = 0x6D696E69636C6F75ULL;
    std::vector<std::string> violations_;
};

/// The two clocks of one process or machine.
class ProcessClock {
public:
    ProcessClock(const World& world, milliseconds steady_base, milliseconds wall_offset)
        : world_(&world), steady_base_(steady_base), wall_offset_(wall_offset) {}

    [[nodiscard]] Now now() const {
        return {Instant{world_->now() + steady_base_},
                WallTime{(world_->now() + wall_offset_).count() + epoch_unix_ms}};
    }
    /// When this process's steady clock shows `instant`.
    [[nodiscard]] Moment moment_of(Instant instant) const {
        return instant == Instant::never() ? Moment::max() : instant.since_boot - steady_base_;
    }
    void step_wall(milliseconds by) { wall_offset_ += by; }
    void set_wall(milliseconds offset) { wall_offset_ = offset; }

private:
    const World* world_;
    milliseconds steady_base_;
    milliseconds wall_offset_;
};

}  // namespace mc::sim

// sim: whole clouds' lives from seeds. See --help and docs/failure-model.md.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>

#include "sim/simulation.hpp"

namespace {

using mc::sim::Fault;
using mc::sim::FaultCounts;
using mc::sim::Options;
using mc::sim::Outcome;

constexpr const char* usage =
    "usage: sim [options]          simulated clouds under faults, each from one seed\n"
    "  --seeds N      how many seeds (default 20)\n"
    "  --seed S       the first one (default 1); the seed of a failure replays it\n"
    "  --seconds T    of work and faults per seed (default 120); the calm after it comes on top\n"
    "  --calm-only    no faults at all\n"
    "  --verbose      the transcript\n"
    "  --twice        every seed twice: fails when the two transcripts differ\n"
    "  --any-faults   don't fail when a kind of fault never fired\n"
    "  --keep-going   don't end at the first seed that fails\n";

struct Arguments {
    Options options;
    std::uint64_t seeds = 20;
    bool twice = false;
    bool any_faults = false;
    bool keep_going = false;
};

std::optional<std::uint64_t> number(const char* text) {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text, text + std::strlen(text), value);
    return error == std::errc{} && *stop == '\0' ? std::optional(value) : std::nullopt;
}

std::optional<Arguments> read(int count, char** words) {
    Arguments out;
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        if (word == "--calm-only") {
            out.options.faults_per_mille = 0;
            out.any_faults = true;
        } else if (word == "--verbose") {
            out.options.verbose = true;
        } else if (word == "--twice") {
            out.twice = true;
        } else if (word == "--any-faults") {
            out.any_faults = true;
        } else if (word == "--keep-going") {
            out.keep_going = true;
        } else if (i + 1 < count) {
            const auto value = number(words[++i]);
            if (!value) return std::nullopt;
            if (word == "--seeds") {
                out.seeds = *value;
            } else if (word == "--seed") {
                out.options.seed = *value;
                out.seeds = out.seeds == 20 ? 1 : out.seeds;
            } else if (word == "--seconds") {
                out.options.busy_time = std::chrono::seconds(static_cast<std::int64_t>(*value));
            } else {
                return std::nullopt;
            }
        } else {
            return std::nullopt;
        }
    }
    return out;
}

/// The kinds that never fired; each is printed with its count.
int report_faults(const FaultCounts& faults) {
    int missing = 0;
    std::printf("faults:");
    for (std::size_t i = 0; i < static_cast<std::size_t>(Fault::count); ++i) {
        const auto fault = static_cast<Fault>(i);
        std::printf("%s%s %llu", i == 0 ? " " : ", ", std::string(name_of(fault)).c_str(),
                    static_cast<unsigned long long>(faults.of(fault)));
        if (faults.of(fault) == 0) ++missing;
    }
    std::printf("\n");
    return missing;
}

bool run_one(const Arguments& arguments, const Options& options, Outcome& outcome) {
    outcome = mc::sim::simulate(options);
    if (arguments.twice) {
        const Outcome again = mc::sim::simulate(options);
        if (again.hash != outcome.hash) outcome.violations.push_back("the same seed gave two transcripts");
    }
    for (const auto& what : outcome.violations) {
        std::printf("seed %llu FAILED: %s\n", static_cast<unsigned long long>(options.seed), what.c_str());
        std::printf("  replay: scripts/sim --seed %llu --seconds %lld --verbose\n",
                    static_cast<unsigned long long>(options.seed),
                    static_cast<long long>(options.busy_time.count() / 1000));
    }
    return outcome.violations.empty();
}

}  // namespace

int main(int count, char** words) {
    const auto arguments = read(count, words);
    if (!arguments) {
        std::fputs(usage, stderr);
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    FaultCounts faults;
    mc::sim::Checker::Work work;
    std::chrono::milliseconds simulated{0};
    std::chrono::milliseconds calm{0};
    std::uint64_t failed = 0;
    std::uint64_t done = 0;
    std::uint64_t all = 0;
    const auto began = std::chrono::steady_clock::now();
    Options options = arguments->options;
    for (; done < arguments->seeds && (failed == 0 || arguments->keep_going); ++done, ++options.seed) {
        Outcome outcome;
        if (!run_one(*arguments, options, outcome)) ++failed;
        faults.add(outcome.faults);
        work.add(outcome.work);
        simulated += outcome.time * (arguments->twice ? 2 : 1);
        calm = std::max(calm, outcome.calm);
        all = all * 31 + outcome.hash;
    }
    const double real = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    const int missing = report_faults(faults);
    const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf(
        "seeds %llu, failed %llu; creates answered ok %llu, containers made %llu (%llu of deleted VMs, gone again), "
        "VMs replaced %llu, nodes drained %llu, forgotten %llu, events %llu; longest calm until in order %.0f s\n",
        n(done), n(failed), n(work.creates_ok), n(work.containers), n(work.resurrected), n(work.replaced),
        n(work.drained), n(work.forgotten), n(work.events), static_cast<double>(calm.count()) / 1000.0);
    std::printf("%.0f simulated seconds in %.1f s: %.0f per second; transcripts %016llx\n",
                static_cast<double>(simulated.count()) / 1000.0, real,
                static_cast<double>(simulated.count()) / 1000.0 / real, n(all));
    if (failed > 0) return 1;
    if (missing > 0 && !arguments->any_faults) {
        std::printf("FAILED: %d kinds of faults never fired: they prove nothing\n", missing);
        return 1;
    }
    return 0;
}

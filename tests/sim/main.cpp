// sim: whole clouds' lives from seeds. See --help and docs/failure-model.md.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>

#include "sim/farm.hpp"
#include "sim/mutants.hpp"
#include "sim/rules.hpp"
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
    "  --keep-going   don't end at the first seed that fails\n"
    "  --jobs N       in N processes (default: one per core); the result is the same\n"
    "  --without R    the cores do without the rule R (src/base/rule.hpp)\n"
    "  --mutants      each rule in turn: fails if no seed (of --seeds N, default 1000) fails without it\n"
    "  --rules        prints the rules' names\n";

struct Arguments {
    Options options;
    std::optional<std::uint64_t> seeds;
    std::size_t jobs = mc::sim::default_jobs();
    bool mutants = false;
    bool rules = false;
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
    bool one = false;
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
        } else if (word == "--mutants") {
            out.mutants = true;
        } else if (word == "--rules") {
            out.rules = true;
        } else if (word == "--without" && i + 1 < count) {
            out.options.without = mc::sim::rule_named(words[++i]);
            out.any_faults = true;
            if (!out.options.without) return std::nullopt;
        } else if (i + 1 < count) {
            const auto value = number(words[++i]);
            if (!value) return std::nullopt;
            if (word == "--seeds") {
                out.seeds = *value;
            } else if (word == "--seed") {
                out.options.seed = *value;
                one = true;
            } else if (word == "--jobs") {
                out.jobs = *value;
            } else if (word == "--seconds") {
                out.options.busy_time = std::chrono::seconds(static_cast<std::int64_t>(*value));
            } else {
                return std::nullopt;
            }
        } else {
            return std::nullopt;
        }
    }
    constexpr std::uint64_t seeds_default = 20;
    constexpr std::uint64_t seeds_of_a_mutant = 1000;
    if (!out.seeds) out.seeds = out.mutants ? seeds_of_a_mutant : one ? 1 : seeds_default;
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

/// What all seeds together did.
struct Summary {
    FaultCounts faults;
    mc::sim::Checker::Work work;
    std::chrono::milliseconds simulated{0};
    std::chrono::milliseconds calm{0};
    std::uint64_t failed = 0;
    std::uint64_t done = 0;
    std::uint64_t hash = 0;

    void add(const Outcome& outcome) {
        ++done;
        if (!outcome.violations.empty()) ++failed;
        faults.add(outcome.faults);
        work.add(outcome.work);
        simulated += outcome.time;
        calm = std::max(calm, outcome.calm);
        hash = hash * 31 + outcome.hash;
    }
};

unsigned long long n(std::uint64_t value) {
    return static_cast<unsigned long long>(value);
}

void report_failure(const Options& options, const Outcome& outcome) {
    for (const auto& what : outcome.violations) {
        const std::string without =
            options.without ? " --without " + std::string(mc::sim::name_of(*options.without)) : "";
        std::printf("seed %llu FAILED: %s\n  replay: scripts/sim --seed %llu --seconds %lld%s --verbose\n",
                    n(outcome.seed), what.c_str(), n(outcome.seed),
                    static_cast<long long>(options.busy_time.count() / 1000), without.c_str());
    }
}

int run_seeds(const Arguments& arguments) {
    using Clock = std::chrono::steady_clock;
    Summary sum;
    const auto began = Clock::now();
    const auto real_s = [&] { return std::chrono::duration<double>(Clock::now() - began).count(); };
    auto told = began;
    const bool person = ::isatty(STDERR_FILENO) == 1 && !arguments.options.verbose;
    const mc::sim::Work work{arguments.options, arguments.options.seed, *arguments.seeds, arguments.twice};
    mc::sim::simulate_all(work, arguments.jobs, [&](const Outcome& outcome) {
        sum.add(outcome);
        report_failure(arguments.options, outcome);
        if (person && Clock::now() - told > std::chrono::seconds(1)) {
            told = Clock::now();
            std::fprintf(stderr, "\r%llu of %llu seeds, %llu failed, %.0f s ", n(sum.done), n(*arguments.seeds),
                         n(sum.failed), real_s());
        }
        return sum.failed == 0 || arguments.keep_going;
    });
    if (person) std::fprintf(stderr, "\r%60s\r", "");
    const double simulated_s = static_cast<double>(sum.simulated.count()) / 1000.0 * (arguments.twice ? 2 : 1);
    const int missing = report_faults(sum.faults);
    std::printf(
        "seeds %llu, failed %llu; creates answered ok %llu, containers made %llu (%llu of deleted VMs, gone again), "
        "VMs replaced %llu, nodes drained %llu, forgotten %llu, spares given %llu, events %llu; longest calm until in "
        "order %.0f s\n",
        n(sum.done), n(sum.failed), n(sum.work.creates_ok), n(sum.work.containers), n(sum.work.resurrected),
        n(sum.work.replaced), n(sum.work.drained), n(sum.work.forgotten), n(sum.work.given), n(sum.work.events),
        static_cast<double>(sum.calm.count()) / 1000.0);
    std::printf("%.0f simulated seconds in %.1f s by %zu processes: %.0f per second; transcripts %016llx\n",
                simulated_s, real_s(), arguments.jobs, simulated_s / real_s(), n(sum.hash));
    if (sum.failed > 0) return 1;
    if (missing > 0 && !arguments.any_faults) {
        std::printf("FAILED: %d kinds of faults never fired: they prove nothing\n", missing);
        return 1;
    }
    return 0;
}

}  // namespace

int main(int count, char** words) {
    const auto arguments = read(count, words);
    if (!arguments) {
        std::fputs(usage, stderr);
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (!mc::sim::has_rule_switches && (arguments->mutants || arguments->options.without)) {
        std::fputs("sim: a build with a sanitizer has no switches for rules: use the release build\n", stderr);
        return 2;
    }
    if (arguments->rules) {
        for (const auto rule : mc::sim::all_rules()) std::printf("%s\n", std::string(mc::sim::name_of(rule)).c_str());
        return 0;
    }
    if (!arguments->mutants) return run_seeds(*arguments);
    return mc::sim::check_mutants(arguments->options, arguments->options.seed, *arguments->seeds, arguments->jobs,
                                  arguments->options.without);
}

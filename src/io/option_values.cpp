#include <algorithm>
#include <charconv>
#include <limits>

#include "io/options.hpp"

namespace mc::io {
namespace {

/// Changes, insertions, removals and swaps of neighbours that make `a` into `b`.
std::size_t edits_between(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[a.size()][b.size()];
}

}  // namespace

std::string closest(std::string_view word, std::span<const std::string> known) {
    constexpr std::size_t word_bytes_max = 64;  // the table below is quadratic
    if (word.size() > word_bytes_max) return {};
    std::string best;
    std::size_t best_edits = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto& candidate : known) {
        // A beginning is meant as one, however much is missing.
        if (word.size() >= 3 && candidate.rfind(word, 0) == 0) return candidate;
        const std::size_t edits = edits_between(word, candidate);
        if (edits < best_edits) {
            best_edits = edits;
            best = candidate;
        }
    }
    return best;
}

Result<milliseconds> parse_duration(std::string_view text) {
    const auto bad = [&] {
        return fail(ErrorCode::invalid_argument,
                    "\"" + std::string(text) + "\" is not a duration; write a number and ms, s, m, h or d, e.g. 90s");
    };
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || number < 0) return bad();
    const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    std::int64_t factor = 0;
    if (unit == "ms") factor = 1;
    if (unit == "s" || unit.empty()) factor = 1000;
    if (unit == "m") factor = 60 * 1000;
    if (unit == "h") factor = 3600 * 1000;
    if (unit == "d") factor = 24 * 3600 * 1000;
    if (factor == 0 || number > std::numeric_limits<std::int64_t>::max() / factor) return bad();
    return milliseconds(number * factor);
}

std::vector<std::string> arguments(int argc, char** argv, std::string_view secret_prefix) {
    if (argc < 1) return {};
    const std::span<char*> given(argv + 1, argv + argc);
    std::vector<std::string> kept(given.begin(), given.end());
    if (secret_prefix.empty()) return kept;
    for (char* argument : given) {
        // The bytes that the kernel shows are these.
        if (!std::string_view(argument).starts_with(secret_prefix)) continue;
        for (char* at = argument + secret_prefix.size(); *at != '\0'; ++at) *at = '*';
    }
    return kept;
}

}  // namespace mc::io

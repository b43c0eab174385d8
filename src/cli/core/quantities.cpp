#include "cli/core/quantities.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "cli/core/text.hpp"

namespace mc::cli {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

tl::unexpected<Error> invalid(std::string_view text, std::string_view what, std::string_view how) {
    constexpr std::size_t shown_max = 40;
    return fail(ErrorCode::invalid_argument, "\"" + std::string(text.substr(0, shown_max)) + "\" is not " +
                                                 std::string(what) + ": write it as " + std::string(how));
}

/// Thousandths of a decimal number, and how many characters it took.
struct Milli {
    std::uint64_t value = 0;
    std::size_t length = 0;
};

/// "1.5" -> 1500. Exact, unlike a double. nullopt when there is no digit, more than three decimals, or no room.
std::optional<Milli> take_milli(std::string_view text) {
    constexpr std::uint64_t whole_max = std::numeric_limits<std::uint64_t>::max() / 10000;
    Milli out;
    std::size_t digits = 0;
    while (out.length < text.size() && is_digit(text[out.length])) {
        if (out.value > whole_max) return std::nullopt;
        out.value = out.value * 10 + static_cast<std::uint64_t>(text[out.length++] - '0');
        ++digits;
    }
    if (out.value > whole_max) return std::nullopt;
    out.value *= 1000;
    if (out.length < text.size() && text[out.length] == '.') {
        ++out.length;
        for (std::uint64_t unit = 100; out.length < text.size() && is_digit(text[out.length]); unit /= 10) {
            if (unit == 0) return std::nullopt;
            out.value += unit * static_cast<std::uint64_t>(text[out.length++] - '0');
            ++digits;
        }
    }
    if (digits == 0) return std::nullopt;
    return out;
}

std::optional<std::uint64_t> size_unit(std::string_view unit) {
    std::string word;
    for (const char c : unit) word.push_back(lower(c));
    if (word.ends_with("ib"))
        word.resize(word.size() - 2);
    else if (word.ends_with("b"))
        word.resize(word.size() - 1);
    if (word.empty()) return 1;
    if (word == "k") return 1ULL << 10;
    if (word == "m") return 1ULL << 20;
    if (word == "g") return 1ULL << 30;
    if (word == "t") return 1ULL << 40;
    return std::nullopt;
}

std::optional<std::uint64_t> duration_unit_ms(std::string_view unit) {
    if (unit == "ms") return 1;
    if (unit.empty() || unit == "s") return 1000;
    if (unit == "m" || unit == "min") return 60'000;
    if (unit == "h") return 3'600'000;
    if (unit == "d") return 86'400'000;
    if (unit == "w") return 7 * 86'400'000ULL;
    return std::nullopt;
}

struct Civil {
    std::int64_t year = 1970;
    unsigned month = 1;
    unsigned day = 1;
};

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": exact for every date, no library state.
Civil civil_from_days(std::int64_t days) {
    days += 719468;
    const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const auto day_of_era = static_cast<std::int64_t>(days - era * 146097);
    const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
    Civil out;
    out.day = static_cast<unsigned>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    out.month = static_cast<unsigned>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    out.year = year_of_era + era * 400 + (out.month <= 2 ? 1 : 0);
    return out;
}

std::int64_t days_from_civil(std::int64_t year, std::int64_t month, std::int64_t day) {
    year -= month <= 2 ? 1 : 0;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

std::string padded(std::int64_t number, std::size_t width) {
    std::string text = std::to_string(number);
    while (text.size() < width) text.insert(text.begin(), '0');
    return text;
}

std::string date_and_time(std::int64_t unix_ms) {
    std::int64_t days = unix_ms / 86'400'000;
    std::int64_t rest = unix_ms % 86'400'000;
    if (rest < 0) {
        rest += 86'400'000;
        --days;
    }
    const Civil date = civil_from_days(days);
    return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2) + "T" +
           padded(rest / 3'600'000, 2) + ":" + padded(rest / 60'000 % 60, 2) + ":" + padded(rest / 1000 % 60, 2);
}

/// The number of `text`'s digits from `at`, `width` of them.
std::optional<std::int64_t> digits_at(std::string_view text, std::size_t at, std::size_t width) {
    std::int64_t value = 0;
    for (std::size_t i = at; i < at + width; ++i) {
        if (i >= text.size() || !is_digit(text[i])) return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/// "YYYY-MM-DDTHH:MM:SS" with an optional Z.
std::optional<WallTime> parse_date(std::string_view text) {
    if (text.ends_with('Z')) text.remove_suffix(1);
    if (text.size() != 19 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != ' ') ||
        text[13] != ':' || text[16] != ':') {
        return std::nullopt;
    }
    const auto year = digits_at(text, 0, 4);
    const auto month = digits_at(text, 5, 2);
    const auto day = digits_at(text, 8, 2);
    const auto hour = digits_at(text, 11, 2);
    const auto minute = digits_at(text, 14, 2);
    const auto second = digits_at(text, 17, 2);
    if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
    if (*month < 1 || *month > 12 || *day < 1 || *day > 31 || *hour > 23 || *minute > 59 || *second > 60) {
        return std::nullopt;
    }
    const std::int64_t unix_seconds =
        days_from_civil(*year, *month, *day) * 86400 + *hour * 3600 + *minute * 60 + *second;
    return WallTime{unix_seconds * 1000};
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
    const auto number = take_milli(text);
    const auto unit = number ? size_unit(text.substr(number->length)) : std::nullopt;
    if (!unit || number->value > std::numeric_limits<std::uint64_t>::max() / *unit) {
        return invalid(text, "a size", "512M or 2G");
    }
    return number->value * *unit / 1000;
}

Result<milliseconds> parse_duration(std::string_view text) {
    constexpr std::uint64_t total_max =
        100ULL * 365 * 86'400'000;  // a century: far over every limit, far under overflow
    std::uint64_t total = 0;
    std::string_view rest = text;
    do {
        const auto number = take_milli(rest);
        if (!number) return invalid(text, "a duration", "90s, 15m, 2h or 1d");
        rest.remove_prefix(number->length);
        std::size_t letters = 0;
        while (letters < rest.size() && !is_digit(rest[letters]) && rest[letters] != '.') ++letters;
        const auto unit = duration_unit_ms(rest.substr(0, letters));
        if (!unit || number->value > total_max * 1000 / *unit) return invalid(text, "a duration", "90s, 15m, 2h or 1d");
        total += number->value * *unit / 1000;
        if (total > total_max) return invalid(text, "a duration", "90s, 15m, 2h or 1d");
        rest.remove_prefix(letters);
    } while (!rest.empty());
    return milliseconds(total);
}

Result<std::uint32_t> parse_cpus(std::string_view text) {
    const auto number = take_milli(text);
    if (!number) return invalid(text, "a number of CPUs", "2, 0.5 or 250m");
    const auto unit = text.substr(number->length);
    const std::uint64_t milli = unit == "m" ? number->value / 1000 : number->value;
    const bool whole = unit != "m" || number->value % 1000 == 0;
    if ((!unit.empty() && unit != "m") || !whole || milli == 0 || milli > std::numeric_limits<std::uint32_t>::max()) {
        return invalid(text, "a number of CPUs", "2, 0.5 or 250m");
    }
    return static_cast<std::uint32_t>(milli);
}

Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t min, std::uint64_t max) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < min || value > max) {
        return invalid(text, "valid here", "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    }
    return value;
}

Result<WallTime> parse_moment(std::string_view text, WallTime now) {
    if (const auto date = parse_date(text)) return *date;
    constexpr std::uint64_t bare_is_unix_from = 100'000'000;  // 1973: nobody means a duration of three years
    if (const auto number = parse_count(text, bare_is_unix_from, 1ULL << 40)) {
        return WallTime{static_cast<std::int64_t>(*number) * 1000};
    }
    const auto ago = parse_duration(text);
    if (!ago) return invalid(text, "a time", "10m (ago) or 2026-11-23T12:00:00Z");
    return WallTime{now.unix_ms - ago->count()};
}

std::string format_size(std::uint64_t bytes) {
    constexpr std::array<char, 4> units{'K', 'M', 'G', 'T'};
    if (bytes < 1024) return std::to_string(bytes);
    std::size_t unit = 0;
    std::uint64_t scale = 1024;
    while (unit + 1 < units.size() && bytes / 1024 >= scale) {
        scale *= 1024;
        ++unit;
    }
    const std::uint64_t whole = bytes / scale;
    const std::uint64_t tenth = (bytes % scale) / (scale / 1024) * 10 / 1024;
    std::string text = std::to_string(whole);
    if (tenth != 0) text += "." + std::to_string(tenth);
    return text + units[unit];
}

std::string format_room(const DiskSpace& disk) {
    return format_size(disk.free_bytes) + " of " + format_size(disk.bytes) + " free";
}

std::string format_cpus(std::uint64_t milli) {
    std::string text = std::to_string(milli / 1000);
    if (milli % 1000 == 0) return text;
    std::string decimals = padded(milli % 1000, 3);
    while (decimals.back() == '0') decimals.pop_back();
    return text + "." + decimals;
}

std::string format_age(milliseconds age) {
    const std::int64_t total_seconds = age.count() < 0 ? 0 : age.count() / 1000;
    if (total_seconds < 120) return std::to_string(total_seconds) + "s";
    if (total_seconds < 120 * 60) return std::to_string(total_seconds / 60) + "m";
    if (total_seconds < 48 * 3600) return std::to_string(total_seconds / 3600) + "h";
    return std::to_string(total_seconds / 86400) + "d";
}

std::string format_ago(std::uint64_t ms) {
    return format_age(milliseconds(static_cast<std::int64_t>(ms))) + " ago";
}

std::string format_time(WallTime time) {
    return date_and_time(time.unix_ms) + "Z";
}

std::string format_time_ms(WallTime time) {
    const std::int64_t ms = ((time.unix_ms % 1000) + 1000) % 1000;
    return date_and_time(time.unix_ms) + "." + padded(ms, 3) + "Z";
}

}  // namespace mc::cli

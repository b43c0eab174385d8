#include "io/http_head.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace mc::io {
namespace {

constexpr std::size_t message_bytes_max = 500;

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

tl::unexpected<Error> not_http() {
    return fail(ErrorCode::engine_failed, "what answers there does not speak HTTP");
}

Result<int> parse_status(std::string_view line) {
    int status = 0;
    if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return not_http();
    const auto [end, error] = std::from_chars(line.data() + 9, line.data() + 12, status);
    if (error != std::errc() || end != line.data() + 12 || status < 100) return not_http();
    return status;
}

void take_header(HttpHead& head, std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string name = lower(trim(line.substr(0, colon)));
    const std::string_view value = trim(line.substr(colon + 1));
    if (name == "content-length") {
        std::size_t length = 0;
        if (std::from_chars(value.data(), value.data() + value.size(), length).ec == std::errc()) {
            head.content_length = length;
        }
    }
    if (name == "transfer-encoding" && lower(value) == "chunked") head.chunked = true;
}

}  // namespace

Result<std::optional<HttpHead>> parse_http_head(std::string_view bytes) {
    constexpr std::string_view start = "HTTP/1.";
    const std::size_t known = std::min(bytes.size(), start.size());
    if (bytes.substr(0, known) != start.substr(0, known)) return not_http();
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        if (bytes.size() > http_head_bytes_max) return not_http();
        return std::optional<HttpHead>();
    }
    HttpHead head;
    head.bytes = end + 4;
    const std::string_view lines = bytes.substr(0, end);
    std::size_t begin = std::min(lines.find("\r\n"), lines.size());
    const auto status = parse_status(lines.substr(0, begin));
    if (!status) return tl::unexpected(status.error());
    head.status = *status;
    while (begin < lines.size()) {
        begin += 2;
        const std::size_t line_end = std::min(lines.find("\r\n", begin), lines.size());
        take_header(head, lines.substr(begin, line_end - begin));
        begin = line_end;
    }
    return std::optional<HttpHead>(head);
}

std::string engine_message(std::string_view body) {
    // Looked for by hand: this is for a person's eyes only, and the cores own the JSON.
    std::string text(trim(body));
    constexpr std::string_view key = "\"message\":\"";
    if (const std::size_t at = text.find(key); at != std::string::npos) {
        std::string message;
        for (std::size_t i = at + key.size(); i < text.size() && text[i] != '"'; ++i) {
            if (text[i] == '\\' && i + 1 < text.size()) ++i;
            message += text[i];
        }
        text = message;
    }
    if (text.size() > message_bytes_max) text.resize(message_bytes_max);
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return text;
}

}  // namespace mc::io

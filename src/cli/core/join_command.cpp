#include "cli/core/join_command.hpp"

#include "protocol/endpoints.hpp"
#include "protocol/limits.hpp"

namespace mc::cli {
namespace {

/// Lower case; what is neither letter nor digit becomes a single dash, none at either end.
std::string as_label(std::string_view text) {
    std::string label;
    for (char c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (fits) {
            label += c;
        } else if (!label.empty() && label.back() != '-') {
            label += '-';
        }
    }
    label.resize(std::min(label.size(), limits::name_bytes_max));
    while (!label.empty() && label.back() == '-') label.pop_back();
    return label;
}

}  // namespace

JoinCommand read_join(const Settings& settings, std::span<const std::string> operands) {
    return {operands.empty() ? "" : operands.front(), settings.get("name").value_or(""),
            settings.get("as").value_or(""), settings.flag("replace")};
}

std::string owner_name_from(std::string_view login) {
    return as_label(login);
}

std::string context_name_from(std::string_view endpoint) {
    if (protocol::is_loopback_endpoint(endpoint)) return "local";
    std::string name = as_label(protocol::host_of(endpoint));
    return name.empty() ? "cloud" : name;
}

}  // namespace mc::cli

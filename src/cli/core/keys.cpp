#include "cli/core/keys.hpp"

#include <algorithm>

#include "protocol/validate.hpp"

namespace mc::cli {

Result<std::vector<std::string>> public_keys_in(std::string_view content, std::string_view file) {
    const std::string name(file);
    if (content.find("PRIVATE KEY-----") != std::string_view::npos) {
        return fail(ErrorCode::invalid_argument,
                    name + " is a private key, which never leaves this machine: give " + name + ".pub");
    }
    std::vector<std::string> keys;
    while (!content.empty()) {
        const auto end = content.find('\n');
        auto line = content.substr(0, end);
        content = end == std::string_view::npos ? std::string_view{} : content.substr(end + 1);
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        if (auto checked = protocol::check_public_key(line); !checked) {
            return fail(ErrorCode::invalid_argument, name + ": " + checked.error().message);
        }
        keys.emplace_back(line);
    }
    if (keys.empty()) return fail(ErrorCode::invalid_argument, name + " has no SSH public key in it");
    return keys;
}

std::vector<std::string> public_key_names(const std::vector<std::string>& names) {
    std::vector<std::string> out;
    for (const auto& name : names) {
        if (name.starts_with("id_") && name.ends_with(".pub") && !name.ends_with("-cert.pub")) out.push_back(name);
    }
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace mc::cli

#include "protocol/validate.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "protocol/limits.hpp"
#include "protocol/text.hpp"

namespace mc::protocol {
namespace {

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}
bool is_base64(char c) {
    return is_lower(c) || is_upper(c) || is_digit(c) || c == '+' || c == '/' || c == '=';
}

tl::unexpected<Error> invalid(std::string message) {
    return fail(ErrorCode::invalid_argument, std::move(message));
}

/// `text` for a message: cut to a readable length, control characters made visible.
std::string quoted(std::string_view text) {
    constexpr std::size_t shown_max = 80;
    std::string out = "\"";
    for (const char c : to_utf8(text, shown_max)) out.push_back(is_control(c) ? '?' : c);
    return out + (text.size() > shown_max ? "…\"" : "\"");
}

Result<void> check_range(std::string_view what, std::uint64_t value, std::uint64_t min, std::uint64_t max,
                         std::string_view unit) {
    if (value == 0 || (value >= min && value <= max)) return {};
    return invalid(std::string(what) + " must be between " + std::to_string(min) + " and " + std::to_string(max) + " " +
                   std::string(unit) + ", not " + std::to_string(value));
}

Result<void> check_label(const Label& label) {
    const auto key_ok = [](char c) {
        return is_lower(c) || is_upper(c) || is_digit(c) || c == '.' || c == '-' || c == '_' || c == '/';
    };
    if (label.key.empty() || label.key.size() > limits::label_key_bytes_max ||
        !std::all_of(label.key.begin(), label.key.end(), key_ok)) {
        return invalid("label key " + quoted(label.key) +
                       " is not valid: use letters, digits, '.', '-', '_' and '/', at most 63 of them");
    }
    if (label.value.size() > limits::label_value_bytes_max ||
        std::any_of(label.value.begin(), label.value.end(), is_control)) {
        return invalid("the value of label " + quoted(label.key) +
                       " is not valid: at most 255 bytes, no control characters");
    }
    return {};
}

}  // namespace

Result<void> check_name(std::string_view what, std::string_view name) {
    const auto inner = [](char c) { return is_lower(c) || is_digit(c) || c == '-'; };
    if (name.empty() || name.size() > limits::name_bytes_max || !std::all_of(name.begin(), name.end(), inner) ||
        name.front() == '-' || name.back() == '-') {
        return invalid(std::string(what) + " " + quoted(name) +
                       " is not valid: use 1 to 63 of a-z, 0-9 and '-', not beginning or ending with '-'");
    }
    return {};
}

Result<void> check_target(std::string_view target) {
    const auto slash = target.find('/');
    if (slash == std::string_view::npos) return check_name("VM name", target);
    if (auto r = check_name("owner's name", target.substr(0, slash)); !r) return r;
    return check_name("VM name", target.substr(slash + 1));
}

Result<void> check_image(std::string_view image) {
    const auto allowed = [](char c) {
        return is_lower(c) || is_upper(c) || is_digit(c) || c == '.' || c == '-' || c == '_' || c == '/' || c == ':' ||
               c == '@';
    };
    const auto alphanumeric = [](char c) { return is_lower(c) || is_upper(c) || is_digit(c); };
    if (image.empty() || image.size() > limits::image_bytes_max || !std::all_of(image.begin(), image.end(), allowed) ||
        !alphanumeric(image.front()) || !alphanumeric(image.back()) || image.find("//") != std::string_view::npos ||
        image.find("..") != std::string_view::npos) {
        return invalid("image " + quoted(image) + " is not a valid image name: write it as [host/]name[:tag]");
    }
    return {};
}

Result<void> check_env(std::string_view entry) {
    const auto equals = entry.find('=');
    const auto name = entry.substr(0, equals);
    const auto name_ok = [](char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '_'; };
    if (equals == std::string_view::npos || name.empty() || is_digit(name.front()) ||
        !std::all_of(name.begin(), name.end(), name_ok)) {
        return invalid("environment entry " + quoted(name) + " is not valid: write it as NAME=value");
    }
    if (entry.size() > limits::env_bytes_max || entry.find('\0') != std::string_view::npos) {
        return invalid("the value of environment entry " + quoted(name) + " is over 4096 bytes or has a NUL in it");
    }
    return {};
}

Result<void> check_public_key(std::string_view line) {
    constexpr std::array<std::string_view, 7> types{"ssh-ed25519",
                                                    "ssh-rsa",
                                                    "ecdsa-sha2-nistp256",
                                                    "ecdsa-sha2-nistp384",
                                                    "ecdsa-sha2-nistp521",
                                                    "sk-ssh-ed25519@openssh.com",
                                                    "sk-ecdsa-sha2-nistp256@openssh.com"};
    const auto space = line.find(' ');
    const auto type = line.substr(0, space);
    if (line.size() > limits::key_line_bytes_max || std::any_of(line.begin(), line.end(), is_control) ||
        std::find(types.begin(), types.end(), type) == types.end()) {
        return invalid(
            "an SSH public key is not valid: it must be one line that begins with its type, "
            "as in the file ~/.ssh/id_ed25519.pub");
    }
    const auto rest = space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
    const auto base64 = rest.substr(0, rest.find(' '));
    if (base64.size() < 16 || !std::all_of(base64.begin(), base64.end(), is_base64)) {
        return invalid("an SSH public key of type " + std::string(type) + " has no valid key after its type");
    }
    return {};
}

Result<void> check_password_hash(std::string_view hash) {
    const auto allowed = [](char c) {
        return is_lower(c) || is_upper(c) || is_digit(c) || c == '.' || c == '/' || c == '$' || c == '=';
    };
    if (!hash.starts_with("$6$") || hash.size() > limits::password_hash_bytes_max ||
        !std::all_of(hash.begin(), hash.end(), allowed)) {
        return invalid("the password hash is not valid: it must be a crypt(3) SHA-512 hash that begins with $6$");
    }
    return {};
}

Result<void> check_host(std::string_view what, std::string_view host) {
    const auto begins = [](char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == ':'; };
    const auto inner = [&](char c) { return begins(c) || c == '.' || c == '-' || c == '_' || c == '%'; };
    if (host.empty() || host.size() > limits::host_bytes_max || !begins(host.front()) ||
        !std::all_of(host.begin(), host.end(), inner)) {
        return invalid(std::string(what) + " " + quoted(host) + " is not valid: give a host name or an address");
    }
    return {};
}

Result<void> check_labels(const std::vector<Label>& labels) {
    if (labels.size() > limits::labels_max) return invalid("at most 32 labels can be given");
    for (const auto& label : labels) {
        if (auto r = check_label(label); !r) return r;
    }
    return {};
}

Result<void> check_setup(std::string_view script) {
    if (script.size() > limits::setup_bytes_max) return invalid("a set-up script has at most 64 KiB");
    if (!script.starts_with("#!")) {
        return invalid("a set-up script begins with #! and what runs it, such as #!/bin/sh");
    }
    if (script.find('\0') != std::string_view::npos) return invalid("a set-up script is text: this one has a NUL byte");
    return {};
}

Result<void> check_spec(const VmSpec& spec) {
    if (!spec.name.empty()) {
        if (auto r = check_name("VM name", spec.name); !r) return r;
    }
    if (!spec.image.empty()) {
        if (auto r = check_image(spec.image); !r) return r;
    }
    if (auto r = check_range("--cpus", spec.cpus_milli, limits::cpus_milli_min, limits::cpus_milli_max,
                             "thousandths of a core");
        !r) {
        return r;
    }
    if (auto r =
            check_range("--memory", spec.memory_bytes, limits::memory_bytes_min, limits::memory_bytes_max, "bytes");
        !r) {
        return r;
    }
    if (auto r = check_range("--pids", spec.pids, limits::pids_min, limits::pids_max, "processes"); !r) return r;
    if (auto r = check_range("--ttl", spec.ttl_seconds, 1, limits::ttl_seconds_max, "seconds"); !r) return r;
    if (spec.env.size() > limits::env_max) return invalid("at most 128 environment entries can be given");
    for (const auto& entry : spec.env) {
        if (auto r = check_env(entry); !r) return r;
    }
    if (spec.authorized_keys.size() > limits::keys_max) return invalid("at most 64 SSH keys can be given");
    for (const auto& line : spec.authorized_keys) {
        if (auto r = check_public_key(line); !r) return r;
    }
    if (!spec.password_hash.empty()) {
        if (auto r = check_password_hash(spec.password_hash); !r) return r;
    }
    return check_labels(spec.labels);
}

}  // namespace mc::protocol

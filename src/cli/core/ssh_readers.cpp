// The command lines of ssh, cp and port-forward.
#include <algorithm>
#include <charconv>

#include "cli/core/commands.hpp"
#include "protocol/validate.hpp"

namespace mc::cli {
namespace {

Result<SshLogin> read_login(const Settings& settings, std::string target) {
    SshLogin out;
    out.target = std::move(target);
    out.identities = settings.all("identity");
    out.user = settings.get("user").value_or("");
    // It becomes a part of an option of ssh's, which must not become another one or two.
    const auto odd = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\'' || c == '%'; };
    if (out.user.starts_with('-') || std::any_of(out.user.begin(), out.user.end(), odd)) {
        return fail(ErrorCode::invalid_argument, "--user: \"" + out.user + "\" is no user's name");
    }
    const std::string route = settings.get("route").value_or("auto");
    if (route == "auto") {
        out.route = SshRoute::automatic;
    } else if (route == "direct") {
        out.route = SshRoute::direct;
    } else if (route == "broker") {
        out.route = SshRoute::broker;
    } else {
        return fail(ErrorCode::usage, "--route: \"" + route + "\" is none; write auto, direct or broker");
    }
    return out;
}

/// NAME:PATH or OWNER/NAME:PATH; else it is a path here.
struct Place {
    std::string vm;
    std::string path;
};

Place place_of(const std::string& operand) {
    const auto colon = operand.find(':');
    if (colon == std::string::npos || operand.front() == '.' || operand.front() == '/') return {{}, operand};
    std::string vm = operand.substr(0, colon);
    if (!read_target(std::span(&vm, 1))) return {{}, operand};
    return {std::move(vm), operand.substr(colon + 1)};
}

/// scp takes what has a colon before any slash for a host's.
std::string here(const std::string& path) {
    return path.find(':') == std::string::npos || path.front() == '/' || path.front() == '.' ? path : "./" + path;
}

Result<std::uint16_t> read_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
        return fail(ErrorCode::usage,
                    "\"" + std::string(text) + "\" is no port; write 8080:80 (here:there), or one number");
    }
    return port;
}

}  // namespace

Result<SshCommand> read_ssh(const Settings& settings, const CommandLine& line) {
    const auto target = read_target(line.operands);
    if (!target) return fail(target.error());
    auto login = read_login(settings, *target);
    if (!login) return fail(login.error());
    return SshCommand{std::move(*login), settings.flag("tty"), line.command};
}

Result<SshLogin> read_ssh_config(const Settings& settings) {
    return read_login(settings, "");
}

Result<CopyCommand> read_copy(const Settings& settings, std::span<const std::string> operands) {
    CopyCommand out;
    std::string vm;
    std::size_t there = 0;
    for (const auto& operand : operands) {
        if (operand.empty()) return fail(ErrorCode::usage, "an empty path is none");
        const Place place = place_of(operand);
        if (place.vm.empty()) continue;
        if (!vm.empty() && vm != place.vm) {
            return fail(ErrorCode::usage, "one mccli cp copies to or from one VM, not " + vm + " and " + place.vm);
        }
        vm = place.vm;
        ++there;
    }
    out.to_vm = !place_of(operands.back()).vm.empty();
    if (there != (out.to_vm ? 1 : operands.size() - 1)) {
        return fail(ErrorCode::usage,
                    "either where to or everything that is copied is in a VM: NAME:PATH; a path here with a "
                    "colon begins with ./");
    }
    for (const auto& operand : operands.first(operands.size() - 1)) {
        out.sources.push_back(out.to_vm ? here(operand) : place_of(operand).path);
    }
    out.destination = out.to_vm ? place_of(operands.back()).path : here(operands.back());
    out.recursive = settings.flag("recursive");
    out.preserve = settings.flag("preserve");
    auto login = read_login(settings, vm);
    if (!login) return fail(login.error());
    out.login = std::move(*login);
    return out;
}

Result<ForwardCommand> read_forward(const Settings& settings, std::span<const std::string> operands) {
    ForwardCommand out;
    const auto target = read_target(operands.first(1));
    if (!target) return fail(target.error());
    auto login = read_login(settings, *target);
    if (!login) return fail(login.error());
    out.login = std::move(*login);
    out.address = settings.get("address").value_or("127.0.0.1");
    if (const auto valid = protocol::check_host("--address", out.address); !valid) return fail(valid.error());
    for (const auto& operand : operands.subspan(1)) {
        const auto colon = operand.find(':');
        const auto first = read_port(std::string_view(operand).substr(0, colon));
        if (!first) return fail(first.error());
        const auto second = colon == std::string::npos ? first : read_port(std::string_view(operand).substr(colon + 1));
        if (!second) return fail(second.error());
        out.forwards.push_back({*first, *second});
    }
    return out;
}

}  // namespace mc::cli

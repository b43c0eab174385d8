#include "cli/core/ssh_config.hpp"

#include <algorithm>

#include "cli/core/commands.hpp"
#include "cli/core/ssh_quoting.hpp"
#include "cli/core/text.hpp"
#include "protocol/validate.hpp"

namespace mc::cli {
namespace {

bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string words(const std::vector<std::string>& all, std::string (*quoted)(std::string_view)) {
    std::string out;
    for (const auto& word : all) out += (out.empty() ? "" : " ") + quoted(word);
    return out;
}

}  // namespace

std::string ssh_option_path(std::string_view path) {
    std::string out = "\"";
    for (const char c : path) {
        if (c == '"' || c == '\\') out.push_back('\\');
        if (c == '%') out.push_back('%');
        out.push_back(c);
    }
    return out + "\"";
}

std::string ssh_proxy_word(std::string_view text) {
    std::string out;
    for (const char c : shell_quoted(text)) out += c == '%' ? std::string("%%") : std::string(1, c);
    return out;
}

std::string ssh_host(std::string_view target, std::string_view domain) {
    const auto slash = target.find('/');
    std::string out(slash == std::string_view::npos ? target : target.substr(slash + 1));
    if (slash != std::string_view::npos) out += "." + std::string(target.substr(0, slash));
    return out + "." + std::string(domain);
}

Result<std::string> target_of_host(std::string_view host, std::string_view domain) {
    const std::string end = "." + std::string(domain);
    if (!host.ends_with(end)) {
        return fail(ErrorCode::invalid_argument,
                    "\"" + std::string(host) + "\" is not a host name that ends in " + end);
    }
    host.remove_suffix(end.size());
    const auto dot = host.find('.');
    if (dot == std::string_view::npos) return std::string(host);
    return std::string(host.substr(dot + 1)) + "/" + std::string(host.substr(0, dot));
}

Result<std::string> read_domain(const Settings& settings) {
    const std::string domain = settings.get("domain").value_or(std::string(ssh_domain_default));
    const auto part = [](char c) { return is_alnum(c) || c == '.' || c == '-'; };
    const bool fits = !domain.empty() && std::all_of(domain.begin(), domain.end(), part);
    if (fits && is_alnum(domain.front()) && is_alnum(domain.back())) return domain;
    return fail(ErrorCode::usage, "--domain: \"" + domain + "\" is none; write one such as mc or lab.mc");
}

Result<std::string> read_host(const Settings& settings, std::span<const std::string> operands) {
    const bool is_host = operands.front().find('.') != std::string::npos;
    if (!is_host || !settings.get("domain")) return read_target(operands);
    const auto domain = read_domain(settings);
    if (!domain) return domain;
    const auto target = target_of_host(operands.front(), *domain);
    return target ? read_target(std::span(&*target, 1)) : target;
}

std::string ssh_config_text(const SshConfig& config) {
    std::string out = "# Written by mccli ssh-config. VMs that come later need no new one.\n";
    for (const auto& host : config.hosts) out += "Host " + host + "\n";
    // The name comes into a shell's hands, between quotes: one with a quote in it is none of ours.
    out += "Host *." + config.domain + " \"!*'*\"\n";
    out += "    User " + config.user + "\n";
    for (const auto& file : config.identities) out += "    IdentityFile " + ssh_option_path(file) + "\n";
    const std::string below = " --domain " + config.domain + " ";
    out += "    ProxyCommand " + words(config.mccli, ssh_proxy_word) + " proxy --fdpass" + below + "'%n'\n";
    out += "    ProxyUseFdpass yes\n";
    out += "    KnownHostsCommand " + words(config.mccli, ssh_option_path) + " host-key" + below + "--as %H %n\n";
    out +=
        "    UserKnownHostsFile /dev/null\n"
        "    GlobalKnownHostsFile /dev/null\n"
        "    StrictHostKeyChecking yes\n"
        "    CheckHostIP no\n"
        "    UpdateHostKeys no\n";
    return out;
}

std::string with_include(std::string_view content, std::string_view path) {
    const std::string line = "Include " + ssh_option_path(path) + "\n";
    if (content.starts_with(line)) return std::string(content);
    return line + std::string(content);
}

Result<std::string> known_hosts_line(std::string_view host, std::string_view host_key) {
    if (auto checked = protocol::check_public_key(host_key); !checked) return fail(checked.error());
    constexpr std::string_view more = ".-_:/[]";
    const auto fits = [&](char c) { return is_alnum(c) || more.find(c) != std::string_view::npos; };
    if (host.empty() || !std::all_of(host.begin(), host.end(), fits)) {
        return fail(ErrorCode::invalid_argument,
                    "\"" + std::string(host) + "\" can't stand in a known_hosts file; name a host with --as HOST");
    }
    return std::string(host) + " " + std::string(host_key) + "\n";
}

}  // namespace mc::cli

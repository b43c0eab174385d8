#include "cli/core/ssh_config.hpp"

#include <algorithm>

#include "cli/core/listings.hpp"
#include "cli/core/ssh_command.hpp"
#include "cli/core/targets.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/user_keys.hpp"
#include "io/contexts.hpp"
#include "io/files.hpp"

/// ssh-config, host-key.
namespace mc::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t ssh_config_bytes_max = 1024 * 1024;
constexpr const char* configs_dir = "ssh_config.d";

/// The program, and what it has to be told to ask the same broker as now.
std::vector<std::string> this_mccli(const CommonOptions& options) {
    std::vector<std::string> out{own_program(), "--quiet"};
    const auto add = [&](const char* option, const std::string& value) {
        if (!value.empty()) out.insert(out.end(), {option, value});
    };
    add("--broker", options.broker);
    add("--context", options.context.empty() && options.broker.empty() ? io::Contexts().current() : options.context);
    add("--state-dir", options.state_dir.empty() ? "" : fs::absolute(options.state_dir).string());
    return out;
}

std::vector<std::string> hosts_of(const std::vector<protocol::VmView>& vms, const std::string& domain) {
    std::vector<std::string> out;
    const bool owners = of_several_owners(vms);
    for (const auto& vm : vms) {
        if (vm.ssh_port != 0) out.push_back(ssh_host(owners ? vm.owner + "/" + vm.name : vm.name, domain));
    }
    return out;
}

/// Has ~/.ssh/config include `file` first. Errors: io_failed, too_large, denied.
Result<fs::path> include(const fs::path& file) {
    const fs::path dir = io::home_dir() / ".ssh";
    if (auto made = io::make_private_dir(dir); !made) return fail(made.error());
    std::error_code error;
    fs::path config = dir / "config";
    // People keep it elsewhere, with a link here.
    if (const auto real = fs::canonical(config, error); !error) config = real;
    const auto mode = fs::status(config, error).permissions();
    const auto before = io::read_file(config, ssh_config_bytes_max);
    if (!before && before.error().code != ErrorCode::not_found) return fail(before.error());
    const std::string after = with_include(before ? *before : "", file.string());
    if (before && *before == after) return config;
    constexpr std::uint32_t mine = 0600;
    const auto written =
        io::write_file_atomic(config, after, before ? static_cast<std::uint32_t>(mode & fs::perms::mask) : mine);
    return written ? Result<fs::path>(config) : fail(written.error());
}

int install(App& app, const std::string& domain, const std::string& text) {
    const auto state = app.state_dir();
    if (!state) return app.report(state.error());
    const fs::path dir = *state / configs_dir;
    if (auto made = io::make_private_dir(dir); !made) return app.report(made.error());
    const fs::path file = dir / (domain + ".conf");
    if (auto written = io::write_file_atomic(file, text); !written) return app.report(written.error());
    const auto config = include(dir / "*.conf");
    if (!config) return app.report(config.error());
    app.remark(config->string() + " includes " + file.string() + ": ssh NAME." + domain);
    return 0;
}

}  // namespace

int run_ssh_config(App& app) {
    const auto domain = read_domain(app.settings());
    if (!domain) return app.report(domain.error());
    const auto login = read_ssh_config(app.settings());
    if (!login) return app.report(login.error());
    const auto vms = list_all(app);
    if (!vms) return app.report(vms.error());
    SshConfig config{
        .domain = *domain,
        .mccli = this_mccli(app.options()),
        .identities = login->identities,
        .user = login->user.empty() ? defaults::username : login->user,
        .hosts = hosts_of(*vms, *domain),
    };
    for (auto& file : config.identities) file = fs::absolute(file).string();
    for (auto& key : private_keys(app)) config.identities.push_back(std::move(key));
    // The one that the first create makes.
    if (const auto own = own_key(app);
        own && std::find(config.identities.begin(), config.identities.end(), *own) == config.identities.end()) {
        config.identities.push_back(*own);
    }
    const std::string text = ssh_config_text(config);
    if (app.settings().flag("install")) return install(app, *domain, text);
    app.print(text);
    return 0;
}

int run_host_key(App& app) {
    const auto target = read_host(app.settings(), app.line().operands);
    if (!target) return app.report(target.error());
    const auto info =
        app.ask<protocol::InfoReply>(protocol::Verb::info, protocol::encode(protocol::InfoRequest{*target}));
    if (!info) return report_about(app, *target, info.error());
    if (const auto way = choose_ssh_way(info->vm, *target); !way) return app.report(way.error());
    if (info->vm.host_key.empty()) {
        return app.report(Error{ErrorCode::ssh_not_answering, *target + " has no sshd, and so no host key"});
    }
    const auto line = known_hosts_line(app.settings().get("as").value_or(*target), info->vm.host_key);
    if (!line) return app.report(line.error());
    app.print(*line);
    return 0;
}

}  // namespace mc::cli

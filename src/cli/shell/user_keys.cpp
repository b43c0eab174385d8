#include "cli/shell/user_keys.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "cli/core/keys.hpp"
#include "io/files.hpp"

namespace mc::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* own_key_name = "id_ed25519";
constexpr std::size_t key_file_bytes_max = 64 * 1024;

std::vector<fs::path> default_public_keys() {
    const fs::path dir = io::home_dir() / ".ssh";
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
        names.push_back(it->path().filename().string());
    }
    std::vector<fs::path> out;
    for (const auto& name : public_key_names(names)) out.push_back(dir / name);
    return out;
}

Result<void> add_keys(const fs::path& path, std::vector<std::string>& to) {
    const auto content = io::read_file(path, key_file_bytes_max);
    if (!content) {
        if (content.error().code == ErrorCode::not_found) {
            return fail(ErrorCode::invalid_argument, "there is no key file " + path.string());
        }
        return fail(content.error());
    }
    auto keys = public_keys_in(*content, path.string());
    if (!keys) return fail(keys.error());
    to.insert(to.end(), keys->begin(), keys->end());
    return {};
}

/// Runs ssh-keygen, quietly. Two mccli at the same moment: the loser finds the winner's key.
Result<void> make_own_key(const fs::path& key) {
    const std::string path = key.string();
    const char* arguments[] = {"ssh-keygen", "-q",        "-t", "ed25519",    "-N",   "",
                               "-C",         "minicloud", "-f", path.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int failed = posix_spawnp(&child, arguments[0], &actions, nullptr, const_cast<char**>(arguments), environ);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    if (failed == 0) {
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
    }
    if (fs::exists(path + ".pub")) return {};
    return fail(ErrorCode::io_failed,
                "no SSH key could be made at " + path +
                    (failed != 0 ? ": ssh-keygen is missing, install OpenSSH's client" : ": ssh-keygen failed") +
                    "; or give a public key with --key FILE");
}

}  // namespace

Result<std::vector<std::string>> keys_to_install(App& app, const std::vector<std::string>& files) {
    std::vector<std::string> keys;
    if (!files.empty()) {
        for (const auto& file : files) {
            if (auto added = add_keys(file, keys); !added) return fail(added.error());
        }
        return keys;
    }
    for (const auto& path : default_public_keys()) {
        // One file there that is odd must not keep a person from making VMs.
        if (auto added = add_keys(path, keys); !added) app.remark("passed over: " + added.error().message);
    }
    if (!keys.empty()) return keys;
    const auto own = own_key(app);
    if (!own) return fail(own.error());
    if (!fs::exists(*own + ".pub")) {
        if (auto made = make_own_key(*own); !made) return fail(made.error());
    }
    if (auto added = add_keys(*own + ".pub", keys); !added) return fail(added.error());
    return keys;
}

std::vector<std::string> private_keys(App& app) {
    std::vector<std::string> out;
    for (const auto& path : default_public_keys()) {
        const fs::path key = fs::path(path).replace_extension();
        if (access(key.c_str(), R_OK) == 0) out.push_back(key.string());
    }
    if (const auto own = own_key(app); own && access(own->c_str(), R_OK) == 0) out.push_back(*own);
    return out;
}

Result<std::string> own_key(App& app) {
    const auto dir = app.state_dir();
    if (!dir) return fail(dir.error());
    return (*dir / own_key_name).string();
}

}  // namespace mc::cli

#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/public_key.hpp"
#include "base/result.hpp"
#include "io/curve_keys.hpp"
#include "io/environment.hpp"

/// How a program that has joined reaches its cloud again: files with a secret key each (mode 0600).
namespace mc::io {

/// Where to, who answers there, and who one is oneself.
struct StoredConnection {
    std::string endpoint;  ///< the broker's, for clients or for workers
    PublicKey broker;
    KeyPair own;

    bool operator==(const StoredConnection&) const = default;
};

/// Lines of a file with a connection. Error: invalid_argument.
[[nodiscard]] Secret text_of(const StoredConnection& connection);
[[nodiscard]] Result<StoredConnection> connection_in(std::string_view text);

/// Errors: as read_secret_file; invalid_argument (damaged).
[[nodiscard]] Result<StoredConnection> read_connection(const std::filesystem::path& path);
/// Errors: io_failed.
[[nodiscard]] Result<void> write_connection(const std::filesystem::path& path, const StoredConnection& connection);

/// The user's contexts: a cloud each, that mccli can be used with. Below $XDG_CONFIG_HOME/minicloud/contexts:
/// NAME.context, and `current` with the name of the one that is used when none is named.
class Contexts {
public:
    explicit Contexts(const Environment& environment = process_environment());

    /// Said instead of a name: no keys.
    static constexpr const char* none = "none";

    /// 1 to 63 of a-z, 0-9 and -, a letter or digit first, and not `none`. Error: invalid_argument.
    [[nodiscard]] static Result<void> check_name(std::string_view name);

    /// Sorted.
    [[nodiscard]] std::vector<std::string> names() const;
    /// "" when none was chosen, or it is gone.
    [[nodiscard]] std::string current() const;
    /// `name`: of one of these, or (with a / in it) a file's path. Errors: not_found, and as read_connection.
    [[nodiscard]] Result<StoredConnection> load(const std::string& name) const;
    /// Makes or replaces it. Errors: invalid_argument, io_failed, denied.
    [[nodiscard]] Result<void> save(const std::string& name, const StoredConnection& connection) const;
    /// Errors: not_found, io_failed.
    [[nodiscard]] Result<void> use(const std::string& name) const;
    /// Deletes its file and so its key. Errors: not_found, io_failed.
    [[nodiscard]] Result<void> remove(const std::string& name) const;

    [[nodiscard]] std::filesystem::path path_of(const std::string& name) const;

private:
    [[nodiscard]] Result<void> must_be_there(const std::string& name) const;

    std::filesystem::path directory_;
};

}  // namespace mc::io

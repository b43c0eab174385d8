#include "io/contexts.hpp"

#include <algorithm>
#include <system_error>

#include "io/files.hpp"
#include "io/text_fields.hpp"

namespace mc::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t file_bytes_max = 8192;
constexpr std::size_t name_bytes_max = 63;
constexpr std::string_view suffix = ".context";

}  // namespace

Secret text_of(const StoredConnection& connection) {
    return Secret::of(
        {"# How one user or node reaches its minicloud, with its secret key.\nendpoint=", connection.endpoint,
         "\nbroker-key=", to_z85(connection.broker), "\n", text_of(connection.own).view()});
}

Result<StoredConnection> connection_in(std::string_view text) {
    const auto endpoint = field_of(text, "endpoint");
    const auto broker = public_key_from_z85(field_of(text, "broker-key").value_or(""));
    auto own = key_pair_in(text);
    if (!endpoint || !broker || !own) {
        return fail(ErrorCode::invalid_argument, "it needs the lines endpoint=, broker-key= and secret-key=");
    }
    return StoredConnection{std::string(*endpoint), *broker, std::move(*own)};
}

Result<StoredConnection> read_connection(const fs::path& path) {
    const auto text = read_secret_file(path, file_bytes_max);
    if (!text) return fail(text.error());
    auto connection = connection_in(text->view());
    if (!connection) {
        return fail(ErrorCode::invalid_argument,
                    path.string() + " is damaged: " + connection.error().message + "; join anew with a token");
    }
    return connection;
}

Result<void> write_connection(const fs::path& path, const StoredConnection& connection) {
    return write_file_atomic(path, text_of(connection).view());
}

Contexts::Contexts(const Environment& environment) : directory_(config_dir(environment) / "contexts") {}

Result<void> Contexts::check_name(std::string_view name) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
    if (name.empty() || name.size() > name_bytes_max || name.front() == '-' ||
        name.find_first_not_of(allowed) != std::string_view::npos) {
        return fail(ErrorCode::invalid_argument,
                    "the name of a context has 1 to 63 of a-z, 0-9 and -, and begins with a letter or digit");
    }
    if (name == none) return fail(ErrorCode::invalid_argument, "no context can be called none: that means without one");
    return {};
}

std::vector<std::string> Contexts::names() const {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(directory_, error), end; !error && at != end; at.increment(error)) {
        const std::string file = at->path().filename().string();
        if (!file.ends_with(suffix)) continue;
        std::string name = file.substr(0, file.size() - suffix.size());
        if (check_name(name)) names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string Contexts::current() const {
    auto name = read_file(directory_ / "current", name_bytes_max + 1);
    if (!name) return "";
    while (!name->empty() && name->back() == '\n') name->pop_back();
    return check_name(*name) && must_be_there(*name) ? *name : "";
}

Result<StoredConnection> Contexts::load(const std::string& name) const {
    if (name.find('/') != std::string::npos) return read_connection(name);
    if (auto there = must_be_there(name); !there) return fail(there.error());
    return read_connection(path_of(name));
}

Result<void> Contexts::save(const std::string& name, const StoredConnection& connection) const {
    if (auto checked = check_name(name); !checked) return checked;
    if (auto made = make_private_dir(directory_); !made) return made;
    return write_connection(path_of(name), connection);
}

Result<void> Contexts::use(const std::string& name) const {
    if (auto there = must_be_there(name); !there) return there;
    return write_file_atomic(directory_ / "current", name + "\n");
}

Result<void> Contexts::remove(const std::string& name) const {
    if (auto there = must_be_there(name); !there) return there;
    std::error_code error;
    fs::remove(path_of(name), error);
    if (error) return fail(ErrorCode::io_failed, path_of(name).string() + " can't be removed: " + error.message());
    return {};
}

fs::path Contexts::path_of(const std::string& name) const {
    return directory_ / (name + std::string(suffix));
}

Result<void> Contexts::must_be_there(const std::string& name) const {
    if (auto checked = check_name(name); !checked) return checked;
    std::error_code error;
    if (fs::exists(path_of(name), error)) return {};
    std::string known;
    for (const auto& other : names()) known += (known.empty() ? "" : ", ") + other;
    return fail(ErrorCode::not_found, "there is no context " + name + (known.empty() ? "" : "; there are: " + known) +
                                          "; join a cloud with: mccli join TOKEN");
}

}  // namespace mc::io

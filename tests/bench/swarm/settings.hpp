#pragma once

#include <map>
#include <optional>
#include <string>

#include "io/contexts.hpp"

namespace mc::bench {

/// What was asked for: NAME=VALUE words of the command line. A name that nobody reads is refused by done().
class Settings {
public:
    Settings(int argc, char** argv, int first);

    [[nodiscard]] std::string text(const std::string& name, const std::string& by_default = "");
    [[nodiscard]] std::size_t number(const std::string& name, std::size_t by_default);
    [[nodiscard]] double real(const std::string& name, double by_default);
    /// The connection that is stored in the file of that name; nullopt: none is named.
    [[nodiscard]] std::optional<io::StoredConnection> key(const std::string& name);
    [[nodiscard]] std::optional<io::StoredConnection> key_at(const std::string& path);
    void done() const;

private:
    std::map<std::string, std::string> values_;
    std::map<std::string, bool> read_;
};

}  // namespace mc::bench

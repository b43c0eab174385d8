#include "swarm/settings.hpp"

#include <cstdlib>

#include "swarm/peer.hpp"

namespace mc::bench {

Settings::Settings(int argc, char** argv, int first) {
    for (int i = first; i < argc; ++i) {
        const std::string word = argv[i];
        const auto equals = word.find('=');
        if (equals == std::string::npos) give_up("not NAME=VALUE: " + word);
        values_[word.substr(0, equals)] = word.substr(equals + 1);
    }
}

std::string Settings::text(const std::string& name, const std::string& by_default) {
    read_[name] = true;
    const auto found = values_.find(name);
    return found == values_.end() ? by_default : found->second;
}

double Settings::real(const std::string& name, double by_default) {
    const std::string value = text(name);
    return value.empty() ? by_default : std::strtod(value.c_str(), nullptr);
}

std::size_t Settings::number(const std::string& name, std::size_t by_default) {
    const std::string value = text(name);
    return value.empty() ? by_default : std::strtoull(value.c_str(), nullptr, 10);
}

std::optional<io::StoredConnection> Settings::key(const std::string& name) {
    return key_at(text(name));
}

std::optional<io::StoredConnection> Settings::key_at(const std::string& path) {
    if (path.empty()) return std::nullopt;
    auto stored = io::read_connection(path);
    if (!stored) give_up(path + ": " + stored.error().message);
    return std::move(*stored);
}

void Settings::done() const {
    for (const auto& [name, value] : values_) {
        if (!read_.contains(name)) give_up("there is no setting " + name);
    }
}

}  // namespace mc::bench

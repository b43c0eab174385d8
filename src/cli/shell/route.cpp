#include "cli/shell/route.hpp"

#include <algorithm>
#include <optional>

#include "io/contexts.hpp"
#include "protocol/endpoints.hpp"
#include "protocol/limits.hpp"

namespace mc::cli {
namespace {

Route route_of(const io::StoredConnection& connection, const std::string& endpoint, const std::string& context) {
    return {endpoint.empty() ? connection.endpoint : endpoint, io::CurveClient{connection.own, connection.broker},
            context};
}

/// Whoever answers there could be anybody, and would be told and believed everything.
Result<Route> keyless(const std::string& endpoint) {
    if (auto checked = protocol::check_keyless(endpoint, "mccli join TOKEN"); !checked) return fail(checked.error());
    return Route{endpoint};
}

/// With the key of a context for `broker`; nullopt = there is none. The current one goes first: joining another,
/// whatever it is called, must not change as whom one goes there; nor must its file's trouble.
Result<std::optional<Route>> route_by_context(const io::Contexts& contexts, const std::string& broker) {
    const std::string current = contexts.current();
    auto names = contexts.names();
    std::stable_partition(names.begin(), names.end(), [&](const auto& name) { return name == current; });
    for (const auto& name : names) {
        const auto connection = contexts.load(name);
        if (connection && connection->endpoint == broker) return route_of(*connection, broker, name);
        if (!connection && name == current) return fail(connection.error());
    }
    return std::nullopt;
}

}  // namespace

Result<Route> find_route(const CommonOptions& options) {
    const io::Contexts contexts;
    const std::string& broker = options.broker;
    if (options.context == io::Contexts::none) return keyless(broker.empty() ? defaults::clients_endpoint : broker);
    std::string name = options.context;
    if (name.empty() && broker.empty()) name = contexts.current();
    if (!name.empty()) {
        const auto connection = contexts.load(name);
        if (!connection) return fail(connection.error());
        return route_of(*connection, broker, name);
    }
    if (broker.empty()) return Route{defaults::clients_endpoint};
    // Over ipc:// no keys are used.
    if (broker.starts_with("tcp://")) {
        auto found = route_by_context(contexts, broker);
        if (!found) return fail(found.error());
        if (*found) return std::move(**found);
    }
    return keyless(broker);
}

}  // namespace mc::cli

#include "cli/shell/route.hpp"

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
    // Over ipc:// no keys are used; and a file that can't be read is not one that was asked for.
    if (broker.starts_with("tcp://")) {
        for (const auto& other : contexts.names()) {
            const auto connection = contexts.load(other);
            if (connection && connection->endpoint == broker) return route_of(*connection, broker, other);
        }
    }
    return keyless(broker);
}

}  // namespace mc::cli

#include "broker/shell/broker_keys.hpp"

#include <system_error>

#include "io/contexts.hpp"
#include "io/environment.hpp"

namespace mc::broker {
namespace {

namespace fs = std::filesystem;

constexpr const char* context_name = "local";

/// Makes it a context of this user, unless one of that name leads elsewhere. Whether it is one then.
bool offer_to_user(const io::StoredConnection& admin, bool is_new) {
    const io::Environment environment = io::process_environment();
    // A service's user has nobody at a terminal.
    if (environment("STATE_DIRECTORY")) return false;
    const io::Contexts contexts(environment);
    const auto known = contexts.load(context_name);
    const bool absent = !known && known.error().code == ErrorCode::not_found;
    if (absent && !is_new) return false;
    if (!absent && (!known || (known->own != admin.own && known->endpoint != admin.endpoint))) return false;
    if (!(known && *known == admin) && !contexts.save(context_name, admin)) return false;
    return !contexts.current().empty() || contexts.use(context_name);
}

}  // namespace

Result<io::KeyPair> broker_key_pair(const fs::path& state_dir) {
    return io::read_or_make_key_file(state_dir / "broker.key");
}

Result<std::string> provide_admin(const fs::path& state_dir, const std::string& endpoint, const PublicKey& broker,
                                  const std::function<Result<bool>(const PublicKey&)>& ensure_admin) {
    const fs::path path = state_dir / "admin.context";
    auto admin = io::read_connection(path);
    const bool is_new = !admin && admin.error().code == ErrorCode::not_found;
    if (!admin && !is_new) return fail(admin.error());
    if (is_new) admin = io::StoredConnection{endpoint, broker, io::KeyPair::make()};
    const auto is_admin = ensure_admin(admin->own.pub);
    if (!is_admin) return fail(is_admin.error());
    if (!*is_admin) {
        // There are other admins. A file with a key that was revoked would come to life again with the last of them.
        std::error_code ignored;
        if (!is_new) fs::remove(path, ignored);
        return "";
    }
    if (is_new || admin->endpoint != endpoint || admin->broker != broker) {
        admin->endpoint = endpoint;
        admin->broker = broker;
        if (auto written = io::write_connection(path, *admin); !written) return fail(written.error());
    }
    const bool offered = offer_to_user(*admin, is_new);
    if (!is_new) return "";
    return "made a key for this cloud's first admin: " +
           (offered ? "mccli uses it, as the context " + std::string(context_name)
                    : "use it with mccli --context " + path.string());
}

}  // namespace mc::broker

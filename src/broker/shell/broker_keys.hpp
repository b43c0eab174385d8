#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/public_key.hpp"
#include "base/result.hpp"
#include "io/curve_keys.hpp"

/// The keys that a broker makes at its first start, in its state directory.
namespace mc::broker {

/// The broker's own pair, made when it is not there. Errors: as io::read_or_make_key_file.
[[nodiscard]] Result<io::KeyPair> broker_key_pair(const std::filesystem::path& state_dir);

/// Sees to it that somebody can administer a cloud that nobody has joined: makes a key, has it authorised by
/// `ensure_admin`, and keeps it as STATE_DIR/admin.context and as the context `local` of the user who started the
/// broker. At later starts it brings the endpoint in these up to date.
///
/// `ensure_admin`: true when the key is an admin's then (BrokerCore::ensure_admin). Returns a sentence for the log; ""
/// when there is nothing to say. Errors: io_failed, denied, invalid_argument (the file is damaged), those of
/// `ensure_admin`.
[[nodiscard]] Result<std::string> provide_admin(const std::filesystem::path& state_dir, const std::string& endpoint,
                                                const PublicKey& broker,
                                                const std::function<Result<bool>(const PublicKey&)>& ensure_admin);

}  // namespace mc::broker

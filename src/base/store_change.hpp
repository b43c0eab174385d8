#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mc {

/// One change of the store: `value` under (`table`, `key`), or its removal when
/// there is no value. A core emits them; io/store.hpp commits a batch of them in
/// one transaction. What tables mean is the core's matter.
struct StoreChange {
    std::uint8_t table = 0;
    std::string key;  ///< ordered as bytes
    std::optional<std::string> value;

    bool operator==(const StoreChange&) const = default;
};

}  // namespace mc

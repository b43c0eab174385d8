#include "broker/shell/wire.hpp"

namespace mc::broker {

Wire wire_of(const std::string& endpoint, bool encrypted) {
    return encrypted && endpoint.starts_with("tcp://") ? Wire::keys : Wire::plaintext;
}

}  // namespace mc::broker

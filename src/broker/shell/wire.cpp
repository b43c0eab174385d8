#include "broker/shell/wire.hpp"

#include "protocol/endpoints.hpp"

namespace mc::broker {

Result<Wire> wire_of(const std::string& endpoint, bool plaintext) {
    if (!endpoint.starts_with("tcp://")) {
        // Of what else libzmq knows, nothing keeps others out: ws:// is the network, ipc://@ has no file and no mode.
        if (endpoint.starts_with("ipc://") && !endpoint.starts_with("ipc://@")) return Wire::plaintext;
        return fail(ErrorCode::usage, "\"" + endpoint +
                                          "\" is none that this broker can listen at and keep others out: "
                                          "write tcp://ADDRESS:PORT or ipc://PATH");
    }
    if (!plaintext) return Wire::keys;
    if (protocol::is_loopback_endpoint(endpoint)) return Wire::plaintext;
    return fail(ErrorCode::usage, "--plaintext would let everybody who reaches " + endpoint +
                                      " do everything: it is for 127.0.0.1 only. Leave it out: then everybody needs a "
                                      "key, which mccli token create and mccli join or mcworker join make");
}

}  // namespace mc::broker

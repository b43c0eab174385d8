// What programs read of the files that they keep. The first byte chooses.
//
// Goal: no file, however damaged, crashes what reads it; what is accepted and written again is read as the same.
#include "fuzz/feed.hpp"
#include "io/contexts.hpp"
#include "io/curve_keys.hpp"
#include "worker/shell/state_file.hpp"

namespace {

using namespace mc;
using fuzz::require;

void try_key(std::string_view text) {
    const auto pair = io::key_pair_in(text);
    if (!pair) return require(pair.error().code == ErrorCode::invalid_argument);
    require(io::key_pair_in(io::text_of(*pair).view()) == pair);
}

void try_connection(std::string_view text) {
    const auto connection = io::connection_in(text);
    if (!connection) return require(connection.error().code == ErrorCode::invalid_argument);
    require(io::connection_in(io::text_of(*connection).view()) == connection);
}

void try_state(std::string_view text) {
    const auto state = worker::state_in(text);
    if (!state) return require(state.error().code == ErrorCode::invalid_argument);
    require(worker::state_in(worker::text_of(*state)) == state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 3) {
        case 0:
            try_key(text);
            return 0;
        case 1:
            try_connection(text);
            return 0;
        default:
            try_state(text);
            return 0;
    }
}

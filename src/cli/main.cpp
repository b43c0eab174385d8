#include <cstdio>
#include <exception>

#include "cli/core/exit_code.hpp"
#include "cli/shell/app.hpp"
#include "io/heap.hpp"
#include "io/options.hpp"
#include "protocol/join_token.hpp"

int main(int argc, char** argv) {
    mc::io::keep_freed_memory();
    try {
        return mc::cli::run(mc::io::arguments(argc, argv, mc::protocol::join_token_prefix));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "mccli: something went wrong inside mccli: %s; please report it\n", error.what());
    } catch (...) {
        std::fprintf(stderr, "mccli: something went wrong inside mccli; please report it\n");
    }
    return static_cast<int>(mc::cli::ExitCode::failed);
}

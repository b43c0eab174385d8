// A load generator: thousands of protocol-true workers and clients in one process, over real sockets.
#include <cstdio>
#include <map>
#include <string>

#include "io/open_files.hpp"
#include "swarm/modes.hpp"
#include "swarm/peer.hpp"

int main(int argc, char** argv) {
    using namespace mc::bench;
    const std::map<std::string, void (*)(Settings)> modes{
        {"dispatch", run_dispatch}, {"durable", run_durable}, {"scale", run_scale}, {"nodes", run_nodes},
        {"watchers", run_watchers}, {"churn", run_churn},     {"lists", run_lists}};
    const auto mode = argc < 2 ? modes.end() : modes.find(argv[1]);
    if (mode == modes.end()) {
        std::fputs("usage: swarm MODE NAME=VALUE...; modes:", stderr);
        for (const auto& [name, run] : modes) std::fprintf(stderr, " %s", name.c_str());
        std::fputs("\n", stderr);
        return 2;
    }
    mc::io::raise_open_files_max();
    mode->second(Settings(argc, argv, 2));
    std::fflush(stdout);
    // The sockets are the kernel's to close: thousands of them take the library a while.
    std::_Exit(0);
}

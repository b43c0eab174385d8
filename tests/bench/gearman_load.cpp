// gearmand under the load that `swarm dispatch` is for mcbroker: gearman_load HOST:PORT CLIENTS WORKERS WINDOW BYTES
// SECONDS
//
// Its libraries block, so each client and worker has a thread. A client runs WINDOW tasks at once, and then the next
// WINDOW. Prints one line of JSON.
#include <libgearman/gearman.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* function_name = "nothing";

struct Plan {
    const char* server;
    std::size_t clients, workers, window, bytes;
    std::chrono::duration<double> time;
};

std::string answer;  // before the threads begin

void* do_nothing(gearman_job_st*, void*, std::size_t* size, gearman_return_t* outcome) {
    *size = answer.size();
    *outcome = GEARMAN_SUCCESS;
    void* copy = std::malloc(answer.size());
    answer.copy(static_cast<char*>(copy), answer.size());
    return copy;
}

void work(const Plan& plan, const std::atomic<bool>& stop) {
    gearman_worker_st* worker = gearman_worker_create(nullptr);
    gearman_worker_add_servers(worker, plan.server);
    gearman_worker_add_function(worker, function_name, 0, do_nothing, nullptr);
    constexpr int look_ms = 200;
    gearman_worker_set_timeout(worker, look_ms);
    while (!stop) gearman_worker_work(worker);
    gearman_worker_free(worker);
}

void ask(const Plan& plan, const std::atomic<bool>& stop, std::atomic<std::size_t>& done) {
    gearman_client_st* client = gearman_client_create(nullptr);
    gearman_client_add_servers(client, plan.server);
    const std::string question(plan.bytes, 'q');
    while (!stop) {
        for (std::size_t i = 0; i < plan.window; ++i) {
            gearman_return_t outcome = GEARMAN_SUCCESS;
            gearman_client_add_task(client, nullptr, nullptr, function_name, nullptr, question.data(), question.size(),
                                    &outcome);
        }
        if (gearman_client_run_tasks(client) != GEARMAN_SUCCESS) {
            std::fprintf(stderr, "gearman_load: %s\n", gearman_client_error(client));
            std::exit(1);
        }
        gearman_client_task_free_all(client);
        done += plan.window;
    }
    gearman_client_free(client);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 7) {
        std::fputs("usage: gearman_load HOST:PORT CLIENTS WORKERS WINDOW BYTES SECONDS\n", stderr);
        return 2;
    }
    const auto number = [&](int i) { return std::strtoul(argv[i], nullptr, 10); };
    const Plan plan{argv[1],   number(2), number(3),
                    number(4), number(5), std::chrono::duration<double>(std::strtod(argv[6], nullptr))};
    answer.assign(plan.bytes, 'a');
    std::atomic<bool> stop = false;
    std::atomic<std::size_t> done = 0;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < plan.workers; ++i) threads.emplace_back([&] { work(plan, stop); });
    for (std::size_t i = 0; i < plan.clients; ++i) threads.emplace_back([&] { ask(plan, stop, done); });
    constexpr std::chrono::milliseconds warm_up{500};
    std::this_thread::sleep_for(warm_up);
    const auto began = Clock::now();
    const std::size_t before = done;
    std::this_thread::sleep_for(plan.time);
    const auto measured = static_cast<double>(done - before);
    std::printf("{\"per_second\": %.1f}\n", measured / std::chrono::duration<double>(Clock::now() - began).count());
    std::fflush(stdout);
    stop = true;
    // Some may wait in the library for what does not come any more.
    std::_Exit(0);
}

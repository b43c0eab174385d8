// NATS request-reply under the load that `swarm dispatch` is for mcbroker:
// nats_load URL CLIENTS WORKERS WINDOW BYTES SECONDS
//
// Workers are a queue group. A client has an inbox of its own and WINDOW requests under way. Prints one line of JSON.
#include <nats/nats.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* subject = "nothing";

void check(natsStatus status) {
    if (status == NATS_OK) return;
    std::fprintf(stderr, "nats_load: %s\n", natsStatus_GetText(status));
    std::exit(1);
}

struct Worker {
    natsConnection* connection = nullptr;
    natsSubscription* subscription = nullptr;
    std::string answer;
};

void on_request(natsConnection* connection, natsSubscription*, natsMsg* message, void* closure) {
    const auto* worker = static_cast<Worker*>(closure);
    natsConnection_Publish(connection, natsMsg_GetReply(message), worker->answer.data(),
                           static_cast<int>(worker->answer.size()));
    natsMsg_Destroy(message);
}

struct Client {
    natsConnection* connection = nullptr;
    natsSubscription* subscription = nullptr;
    std::string inbox;
    std::string question;
    std::atomic<std::size_t> done = 0;
    // Answers of a queue group may overtake each other: of one worker and a window of 1 these are exact.
    std::mutex mutex;
    std::deque<Clock::time_point> sent;
    std::vector<double> took_us;

    void ask() {
        {
            const std::lock_guard lock(mutex);
            sent.push_back(Clock::now());
        }
        natsConnection_PublishRequest(connection, subject, inbox.c_str(), question.data(),
                                      static_cast<int>(question.size()));
    }
};

void on_reply(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
    auto* client = static_cast<Client*>(closure);
    natsMsg_Destroy(message);
    {
        const std::lock_guard lock(client->mutex);
        client->took_us.push_back(
            std::chrono::duration<double, std::micro>(Clock::now() - client->sent.front()).count());
        client->sent.pop_front();
    }
    ++client->done;
    client->ask();
}

natsConnection* connect(const char* url, bool at_once) {
    natsConnection* connection = nullptr;
    natsOptions* options = nullptr;
    check(natsOptions_Create(&options));
    check(natsOptions_SetURL(options, url));
    // A closed loop has nothing to gather: what is published goes out at once then.
    check(natsOptions_SetSendAsap(options, at_once));
    check(natsConnection_Connect(&connection, options));
    natsOptions_Destroy(options);
    return connection;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 7) {
        std::fputs("usage: nats_load URL CLIENTS WORKERS WINDOW BYTES SECONDS\n", stderr);
        return 2;
    }
    const auto number = [&](int i) { return std::strtoul(argv[i], nullptr, 10); };
    const std::size_t window = number(4);
    const std::size_t bytes = number(5);
    std::deque<Worker> workers(number(3));
    std::deque<Client> clients(number(2));
    for (Worker& worker : workers) {
        worker.answer.assign(bytes, 'a');
        worker.connection = connect(argv[1], window == 1);
        check(natsConnection_QueueSubscribe(&worker.subscription, worker.connection, subject, "workers", on_request,
                                            &worker));
        check(natsConnection_Flush(worker.connection));
    }
    for (std::size_t i = 0; i < clients.size(); ++i) {
        Client& client = clients[i];
        client.question.assign(bytes, 'q');
        client.inbox = "inbox." + std::to_string(i);
        client.connection = connect(argv[1], window == 1);
        check(
            natsConnection_Subscribe(&client.subscription, client.connection, client.inbox.c_str(), on_reply, &client));
        check(natsConnection_Flush(client.connection));
    }
    for (Client& client : clients) {
        for (std::size_t i = 0; i < window; ++i) client.ask();
    }
    const auto done = [&] {
        std::size_t sum = 0;
        for (const Client& client : clients) sum += client.done;
        return static_cast<double>(sum);
    };
    constexpr std::chrono::milliseconds warm_up{500};
    std::this_thread::sleep_for(warm_up);
    const auto began = Clock::now();
    const double before = done();
    std::this_thread::sleep_for(std::chrono::duration<double>(std::strtod(argv[6], nullptr)));
    const double measured = done() - before;
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    std::vector<double> took;
    for (Client& client : clients) {
        const std::lock_guard lock(client.mutex);
        took.insert(took.end(), client.took_us.begin(), client.took_us.end());
    }
    if (took.empty()) return 1;
    std::nth_element(took.begin(), took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2), took.end());
    std::printf("{\"per_second\": %.1f, \"p50_us\": %.1f}\n", measured / seconds, took[took.size() / 2]);
    std::fflush(stdout);
    std::_Exit(0);
}

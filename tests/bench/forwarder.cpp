// What a broker costs that knows nothing: forwarder CLIENTS WORKERS [BROKER-KEY-FILE]
//
// A ROUTER for clients, a ROUTER for workers, and each request to the worker whose turn it is. It drains its sockets in
// batches and copies no frame. With a file of keys both speak CURVE, to whoever has a key. A worker says who it is by a
// message of one frame. Prints "ready".
#include <zmq.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

constexpr int batch = 1000;

void secure(void* socket, const std::string& secret) {
    const int on = 1;
    zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on);
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret.c_str(), secret.size());
}

std::string secret_in(const char* path) {
    std::ifstream file(path);
    constexpr std::size_t prefix = sizeof("secret-key=") - 1;
    for (std::string line; std::getline(file, line);) {
        if (line.rfind("secret-key=", 0) == 0) return line.substr(prefix);
    }
    return {};
}

/// The rest of a message whose first frame is in `frame`.
void pass_on(void* from, void* to, zmq_msg_t& frame) {
    while (true) {
        const bool more = zmq_msg_more(&frame) != 0;
        zmq_msg_send(&frame, to, more ? ZMQ_SNDMORE : 0);
        if (!more) return;
        zmq_msg_recv(&frame, from, 0);
    }
}

void to_workers(void* clients, void* workers, const std::vector<std::string>& names, std::size_t& turn) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    for (int i = 0; i < batch && zmq_msg_recv(&frame, clients, ZMQ_DONTWAIT) >= 0; ++i) {
        const std::string& name = names[turn++ % names.size()];
        zmq_send(workers, name.data(), name.size(), ZMQ_SNDMORE);
        pass_on(clients, workers, frame);
    }
    zmq_msg_close(&frame);
}

void to_clients(void* workers, void* clients, std::vector<std::string>& names) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    for (int i = 0; i < batch && zmq_msg_recv(&frame, workers, ZMQ_DONTWAIT) >= 0; ++i) {
        const std::string from(static_cast<const char*>(zmq_msg_data(&frame)), zmq_msg_size(&frame));
        zmq_msg_recv(&frame, workers, 0);
        if (zmq_msg_more(&frame) == 0) {
            names.push_back(from);
        } else {
            pass_on(workers, clients, frame);
        }
    }
    zmq_msg_close(&frame);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3 && argc != 4) {
        std::fputs("usage: forwarder CLIENTS WORKERS [BROKER-KEY-FILE]\n", stderr);
        return 2;
    }
    void* context = zmq_ctx_new();
    std::array<void*, 2> sockets{};
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        sockets[i] = zmq_socket(context, ZMQ_ROUTER);
        const int unbounded = 0;
        zmq_setsockopt(sockets[i], ZMQ_SNDHWM, &unbounded, sizeof unbounded);
        zmq_setsockopt(sockets[i], ZMQ_RCVHWM, &unbounded, sizeof unbounded);
        if (argc == 4) secure(sockets[i], secret_in(argv[3]));
        if (zmq_bind(sockets[i], argv[1 + i]) != 0) {
            std::fprintf(stderr, "forwarder: %s: %s\n", argv[1 + i], zmq_strerror(zmq_errno()));
            return 1;
        }
    }
    std::puts("ready");
    std::fflush(stdout);
    std::vector<std::string> names;
    std::size_t turn = 0;
    while (true) {
        // No request is taken before there is somebody for it.
        std::array<zmq_pollitem_t, 2> items{{{sockets[1], 0, ZMQ_POLLIN, 0}, {sockets[0], 0, ZMQ_POLLIN, 0}}};
        if (zmq_poll(items.data(), names.empty() ? 1 : 2, -1) < 0) return 0;
        if (items[0].revents != 0) to_clients(sockets[1], sockets[0], names);
        if (!names.empty() && items[1].revents != 0) to_workers(sockets[0], sockets[1], names, turn);
    }
}

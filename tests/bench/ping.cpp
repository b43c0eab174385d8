// The least that a program linked to ZeroMQ takes to ask the broker something: ping ENDPOINT [FILE]
//
// Sends one hello and waits for its answer. FILE is a stored connection (admin.context): then with CURVE. It is what
// whole-process times of mccli are measured against, so it does nothing else.
#include <zmq.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <string>

namespace {

constexpr int answer_max_ms = 5000;

/// docs/protocol.md "Header": a request of verb hello, with an empty body.
constexpr std::array<unsigned char, 32> hello{0x4d, 0x43, 1, 1, 0, 1, 0, 0, 1};

std::map<std::string, std::string> fields_of(const char* path) {
    std::map<std::string, std::string> fields;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const auto equals = line.find('=');
        if (equals != std::string::npos) fields[line.substr(0, equals)] = line.substr(equals + 1);
    }
    return fields;
}

void set_key(void* socket, int option, const std::string& z85) {
    zmq_setsockopt(socket, option, z85.c_str(), z85.size());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 && argc != 3) {
        std::fputs("usage: ping ENDPOINT [FILE]\n", stderr);
        return 2;
    }
    void* context = zmq_ctx_new();
    void* socket = zmq_socket(context, ZMQ_DEALER);
    const int none = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &answer_max_ms, sizeof answer_max_ms);
    if (argc == 3) {
        auto fields = fields_of(argv[2]);
        set_key(socket, ZMQ_CURVE_SERVERKEY, fields["broker-key"]);
        set_key(socket, ZMQ_CURVE_PUBLICKEY, fields["public-key"]);
        set_key(socket, ZMQ_CURVE_SECRETKEY, fields["secret-key"]);
    }
    std::array<char, 64> answer{};
    const bool answered = zmq_connect(socket, argv[1]) == 0 &&
                          zmq_send(socket, hello.data(), hello.size(), ZMQ_SNDMORE) >= 0 &&
                          zmq_send(socket, "", 0, 0) >= 0 && zmq_recv(socket, answer.data(), answer.size(), 0) >= 0;
    if (!answered) std::fprintf(stderr, "ping: %s: %s\n", argv[1], zmq_strerror(zmq_errno()));
    zmq_close(socket);
    zmq_ctx_term(context);
    return answered ? 0 : 1;
}

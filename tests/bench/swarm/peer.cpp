#include "swarm/peer.hpp"

#include <cstdio>
#include <cstdlib>

namespace mc::bench {

void give_up(const std::string& why) {
    std::fprintf(stderr, "swarm: %s\n", why.c_str());
    std::exit(1);
}

Peer::Peer(void* context, const std::string& endpoint, const std::optional<io::StoredConnection>& as, PeerKind kind,
           std::size_t connections)
    // A SUB connects to one place once only.
    : socket_(zmq_socket(context, kind == PeerKind::watcher ? ZMQ_XSUB : ZMQ_DEALER)),
      addressed_(kind != PeerKind::dealer) {
    if (!socket_) give_up(std::string("no socket: ") + zmq_strerror(zmq_errno()));
    const int none = 0;
    const int unbounded = 0;
    zmq_setsockopt(socket_, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket_, ZMQ_SNDHWM, &unbounded, sizeof unbounded);
    zmq_setsockopt(socket_, ZMQ_RCVHWM, &unbounded, sizeof unbounded);
    if (as) {
        zmq_setsockopt(socket_, ZMQ_CURVE_SERVERKEY, as->broker.value.data(), as->broker.value.size());
        zmq_setsockopt(socket_, ZMQ_CURVE_PUBLICKEY, as->own.pub.value.data(), as->own.pub.value.size());
        zmq_setsockopt(socket_, ZMQ_CURVE_SECRETKEY, as->own.secret.view().data(), as->own.secret.view().size());
    }
    for (auto* frame : {&address_, &head_, &body_, &data_}) zmq_msg_init(frame);
    for (std::size_t i = 0; i < connections; ++i) {
        if (zmq_connect(socket_, endpoint.c_str()) != 0) give_up(endpoint + ": " + zmq_strerror(zmq_errno()));
    }
    if (kind == PeerKind::watcher) part("\1", false);  // subscribes to all that begins with nothing
}

Peer::~Peer() {
    for (auto* frame : {&address_, &head_, &body_, &data_}) zmq_msg_close(frame);
    zmq_close(socket_);
}

std::string_view Peer::view(const zmq_msg_t& frame) {
    auto* message = const_cast<zmq_msg_t*>(&frame);
    return {static_cast<const char*>(zmq_msg_data(message)), zmq_msg_size(message)};
}

void Peer::part(std::string_view bytes, bool more) {
    if (zmq_send(socket_, bytes.data(), bytes.size(), ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0)
        give_up(std::string("can't send: ") + zmq_strerror(zmq_errno()));
    touched_ = true;
}

void Peer::send(const protocol::Header& header, std::string_view body, std::string_view data) {
    if (addressed_) part(view(address_), true);
    part(protocol::encode_header(header), true);
    part(body, !data.empty());
    if (!data.empty()) part(data, false);
}

void Peer::send_bare(std::string_view frame) {
    part(frame, false);
}

bool Peer::receive() {
    if (addressed_) {
        if (zmq_msg_recv(&address_, socket_, ZMQ_DONTWAIT) < 0) return false;
        zmq_msg_recv(&head_, socket_, 0);
    } else if (zmq_msg_recv(&head_, socket_, ZMQ_DONTWAIT) < 0) {
        return false;
    }
    const auto header = protocol::decode_header(view(head_));
    if (!header || zmq_msg_more(&head_) == 0) give_up("got a message that is none");
    header_ = *header;
    zmq_msg_recv(&body_, socket_, 0);
    has_data_ = zmq_msg_more(&body_) != 0;
    if (has_data_) zmq_msg_recv(&data_, socket_, 0);
    return true;
}

int Peer::descriptor() const {
    int descriptor = -1;
    std::size_t size = sizeof descriptor;
    zmq_getsockopt(socket_, ZMQ_FD, &descriptor, &size);
    return descriptor;
}

}  // namespace mc::bench

#include "protocol/join_exchange.hpp"

#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"

namespace mc::protocol {

Result<void> check_joiner(Joiner program, Role role) {
    if (role == Role::joiner || (role == Role::worker) == (program == Joiner::worker)) return {};
    return fail(ErrorCode::invalid_argument,
                role == Role::worker ? "this token is for a worker: use it on the node's machine, with mcworker join"
                                     : "this token is for a " + std::string(name_of(role)) +
                                           ": use it with mccli join, on the machine of that person");
}

std::vector<Bytes> join_request(RequestId id, const PublicKey& own, const std::string& name) {
    Message message;
    message.header.verb = Verb::join;
    message.header.id = id;
    message.body = encode(JoinRequest{own, name});
    return to_frames(message);
}

std::optional<Result<JoinReply>> join_reply(RequestId id, Joiner program, std::vector<Bytes> frames) {
    const auto message = from_frames(frames);
    if (!message || message->header.kind != Kind::reply || message->header.id != id) return std::nullopt;
    if (message->header.code != ErrorCode::ok) {
        const auto why = decode<ErrorBody>(message->body);
        return fail(message->header.code, why ? why->message : "the broker refused it without a reason");
    }
    auto reply = decode<JoinReply>(message->body);
    if (!reply) return reply;
    if (auto checked = check_joiner(program, reply->role); !checked) return fail(checked.error());
    return reply;
}

}  // namespace mc::protocol

// The images of a node's engine: its worker is asked, nothing is kept here. docs/protocol.md "images", ADR 31.
#include "base/rule.hpp"
#include "broker/core/broker_core.hpp"
#include "protocol/audit.hpp"
#include "protocol/validate.hpp"

namespace mc::broker {

using protocol::decode;
using protocol::encode;
using protocol::ImageAction;
using protocol::Kind;

namespace {

/// "" = what only looks is not in the audit log.
std::string audited_as(ImageAction action) {
    switch (action) {
        case ImageAction::list:
            return "";
        case ImageAction::pull:
            return protocol::audit_image_pull;
        case ImageAction::remove:
            return protocol::audit_image_remove;
    }
    return "";
}

protocol::Message accepted(const protocol::Message& request, std::string detail) {
    protocol::Message message;
    message.header.kind = Kind::progress;
    message.header.verb = request.header.verb;
    message.header.id = request.header.id;
    message.body = encode(protocol::Progress{"accepted", std::move(detail), 0, ""});
    return message;
}

}  // namespace

void BrokerCore::on_images(Now now, const Actor& actor, const Message& message) {
    const PeerId& peer = actor.peer;
    const auto asked = decode<protocol::ImagesRequest>(message.body);
    if (!asked) return refuse(peer, message.header, asked.error());
    const std::string action = audited_as(asked->action);
    if (!role_may(actor.role, asked->action) && rule_holds(Rule::deny_by_default)) {
        return refuse(peer, message.header, denial(now, actor, message.header, action));
    }
    if (resume_images(actor, message)) return;
    Result<void> valid = protocol::check_name("node name", asked->node);
    if (valid && asked->action != ImageAction::list) valid = protocol::check_image(asked->image);
    if (!valid) return refuse(peer, message.header, valid.error());
    const Node* node = nodes_.find_by_name(asked->node);
    if (!node) {
        return refuse(peer, message.header,
                      {ErrorCode::not_found, "there is no node named " + asked->node + "; see them with: mccli nodes"});
    }
    if (!node->reachable()) {
        return refuse(peer, message.header, {ErrorCode::node_unreachable, "node " + asked->node + " is silent"});
    }
    const auto made = new_stream(actor, *node, message.header);
    if (!made) return refuse(peer, message.header, made.error());
    Stream& stream = **made;
    stream.about = stream.target = asked->node;
    stream.action = action;
    if (asked->action != ImageAction::list) stream.image = asked->image;
    stream.deadline = deadline_of(now, message.header);
    if (!action.empty()) {
        audit(now, actor, action, stream.target, ErrorCode::ok, stream.request, stream.image + ": begun");
    }
    send_worker(*node, Kind::request, *protocol::stream_order(stream.verb), stream.job,
                encode(protocol::NodeImagesOrder{meta_.epoch, asked->action, stream.image, actor.name}));
    // A list is answered at once, or asked for again.
    if (asked->action != ImageAction::list) effects_.to_clients.push_back({peer, accepted(message, "")});
}

// A client that hears nothing for a while asks again, over a new connection: else it would be a second pull.
bool BrokerCore::resume_images(const Actor& actor, const Message& message) {
    const Stream* known = streams_.find_request(message.header.id);
    if (!known) return false;
    if (!streams_.find(actor.peer, message.header.id)) {
        const bool same =
            known->verb == message.header.verb && known->owner == actor.name && known->key == actor.fingerprint;
        if (!same) return false;
        streams_.move(known->job, actor.peer);
    }
    effects_.to_clients.push_back({actor.peer, accepted(message, "already under way")});
    return true;
}

void BrokerCore::name_node(const Node& node, Message& progress) {
    auto body = decode<protocol::Progress>(progress.body);
    if (!body) return;
    body->name = node.record.name;
    progress.body = encode(*body);
}

}  // namespace mc::broker

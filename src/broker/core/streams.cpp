// exec, logs and tunnel, bytes relayed between a client and a worker, undecoded; and what these have in common with
// images (images.cpp).
// docs/protocol.md "Streams".
#include <algorithm>

#include "broker/core/broker_core.hpp"

namespace mc::broker {

using protocol::decode;
using protocol::encode;
using protocol::Kind;

namespace {

/// Of what a client sends into a stream besides data: a terminal's size is the longest.
constexpr std::size_t stream_body_max = 256;

/// In a few words, of a worker's reply to a stream of that kind.
std::string outcome_in_words(protocol::Verb verb, const protocol::Message& reply) {
    if (reply.header.code != ErrorCode::ok) {
        const auto error = decode<protocol::ErrorBody>(reply.body);
        return error ? error->message : "";
    }
    if (verb != protocol::Verb::exec) return "ended";
    const auto result = decode<protocol::ExecResult>(reply.body);
    return result ? "ended with exit code " + std::to_string(result->exit_code) : "";
}

/// Takes `bytes` off `left`; false when there are not as many.
bool take(std::uint64_t& left, std::size_t bytes) {
    if (bytes > left) return false;
    left -= bytes;
    return true;
}

}  // namespace

void BrokerCore::open_stream(Now now, const Actor& actor, Message& message) {
    const PeerId& peer = actor.peer;
    if (streams_.find(peer, message.header.id)) return;  // a repeat: it is under way
    const auto request = decode<protocol::StreamRequest>(message.body);
    if (!request) return refuse(peer, message.header, request.error());
    const auto found = vms_.find_target(request->target, actor);
    if (!found) return refuse(peer, message.header, found.error());
    const Vm& vm = **found;
    const std::string& name = vm.record.spec.name;
    const Node* node = nodes_.find(vm.record.node);
    const bool logs = message.header.verb == Verb::logs;
    if (!node || !node->reachable()) {
        return refuse(peer, message.header, {ErrorCode::node_unreachable, "the node of " + name + " is silent"});
    }
    if (vm.record.state != VmState::running && !(logs && vm.record.state == VmState::stopped)) {
        return refuse(peer, message.header,
                      {ErrorCode::wrong_state,
                       name + " is " + std::string(name_of(vm.record.state)) +
                           (vm.record.state == VmState::stopped ? "; start it with: mccli start " + name : "")});
    }
    const auto made = new_stream(actor, *node, message.header);
    if (!made) return refuse(peer, message.header, made.error());
    Stream& stream = **made;
    stream.about = name;
    stream.client_heard = now.instant;
    if (!logs) stream.action = name_of(stream.verb);
    stream.target = full_name(vm.record.owner, name);
    stream.output_left = std::min(request->window_bytes, limits::window_bytes_max);
    audit(now, actor, name_of(stream.verb), stream.target, ErrorCode::ok, stream.request, "begun");
    send_worker(
        *node, Kind::request, *protocol::stream_order(stream.verb), stream.job,
        encode(protocol::StreamOrder{meta_.epoch, vm.record.id, static_cast<std::uint32_t>(stream.output_left)}),
        std::move(message.data));
}

Result<Stream*> BrokerCore::new_stream(const Actor& actor, const Node& node, const protocol::Header& request) {
    if (!node.knows(*protocol::stream_order(request.verb))) {
        return fail(ErrorCode::unknown_verb, "node " + node.record.name + " runs mcworker " +
                                                 node.record.worker_version + ", an older release that knows no " +
                                                 std::string(name_of(request.verb)) + ": it needs a newer one");
    }
    if (streams_.size() >= config_.streams_max ||
        streams_.count_of_client(actor.peer) >= config_.streams_per_client_max ||
        (actor.role != protocol::Role::admin && streams_.count_of_owner(actor.name) >= config_.streams_per_owner_max)) {
        return fail(Error{ErrorCode::busy, "too many streams are open; close some", 1000});
    }
    Stream& stream = streams_.add(next_job_id(), actor.peer, request.id, actor.name);
    stream.verb = request.verb;
    stream.node = node.record.id;
    stream.key = actor.fingerprint;
    return &stream;
}

void BrokerCore::on_client_stream_message(Now now, const PeerId& peer, Message& message) {
    Stream* stream = streams_.find(peer, message.header.id);
    if (!stream) {
        // It may have ended while this was on its way; a credit needs no answer then. A sign of life
        // does: its sender waits for a stream whose end found its connection full.
        if (message.header.kind == Kind::credit && message.header.value != 0) return;
        return refuse(peer, message.header, {ErrorCode::not_found, "this stream has ended"});
    }
    stream->client_heard = now.instant;
    if (message.header.kind == Kind::credit && message.header.value == 0) return;  // a sign of life only
    if (message.data.size() > limits::chunk_bytes_max) {
        return end_stream(now, Stream(*stream), {ErrorCode::too_large, "a chunk of a stream has at most 64 KiB"});
    }
    if (message.body.size() > stream_body_max || (message.header.kind != Kind::data && !message.data.empty())) {
        return end_stream(now, Stream(*stream), {ErrorCode::too_large, "a stream's bytes are sent as data only"});
    }
    if (message.header.kind == Kind::credit) stream->output_left += message.header.value;
    // What is not asked for would wait here for a slow node, and everybody's orders behind it.
    if (!take(stream->input_left, message.data.size())) {
        return end_stream(now, Stream(*stream),
                          {ErrorCode::too_large, "more input was sent than the node has asked for"});
    }
    const Node* node = nodes_.find(stream->node);
    if (!node || !node->peer) return;  // its end is told when the node is silent
    message.header.verb = *protocol::stream_order(stream->verb);
    message.header.id = protocol::as_request_id(stream->job);
    effects_.to_workers.push_back({node->peer, std::move(message)});
}

void BrokerCore::on_worker_stream_message(Now now, Node& node, Message& message) {
    const JobId job = protocol::as_job_id(message.header.id);
    Stream* stream = streams_.find(job);
    const bool last = message.header.kind == Kind::reply;
    if (!stream || stream->node != node.record.id) {
        if (!last) send_worker(node, Kind::notice, Verb::job_cancel, job, {});
        return;
    }
    if (message.header.kind == Kind::request || message.header.kind == Kind::notice) {
        ++bad_messages_;
        return;
    }
    if (message.header.kind == Kind::progress || message.header.kind == Kind::credit) {
        stream->input_left += message.header.value;
    }
    if (message.data.size() > limits::chunk_bytes_max || !take(stream->output_left, message.data.size())) {
        ++bad_messages_;
        return end_stream(now, Stream(*stream),
                          {ErrorCode::internal, "node " + node.record.name +
                                                    " sent more than was asked for: is its worker of "
                                                    "another make?"});
    }
    if (stream->verb == Verb::images && message.header.kind == Kind::progress) name_node(node, message);
    const ErrorCode code = message.header.code;
    const std::string how = last ? outcome_in_words(stream->verb, message) : "";
    message.header.verb = stream->verb;
    message.header.id = stream->request;
    effects_.to_clients.push_back({stream->client, std::move(message)});
    if (!last) return;
    note_end(now, *stream, code, how);
    streams_.erase(job);
}

void BrokerCore::note_end(Now now, const Stream& stream, ErrorCode code, std::string detail) {
    if (stream.action.empty() || read_only()) return;
    Actor who;
    who.name = stream.owner;
    who.fingerprint = stream.key;
    if (!stream.image.empty()) detail = stream.image + ": " + detail;
    audit(now, who, stream.action, stream.target, code, stream.request, std::move(detail));
}

void BrokerCore::on_stream_stuck(Now now, JobId job) {
    const Stream* stream = streams_.find(job);
    if (!stream) return;
    end_stream(now, Stream(*stream),
               {ErrorCode::busy,
                "the connection to the node of " + stream->about + " takes no more at the moment; try again"});
}

void BrokerCore::end_stream(Now now, const Stream& stream, const Error& error) {
    refuse(stream.client, {.verb = stream.verb, .id = stream.request}, error);
    note_end(now, stream, error.code, error.message);
    drop_stream(stream);
}

void BrokerCore::cancel_stream(Now now, const Stream& stream) {
    note_end(now, stream, ErrorCode::cancelled, "its client is gone");
    drop_stream(stream);
}

// Its worker may be back on the same connection and have noticed nothing.
void BrokerCore::drop_stream(const Stream& stream) {
    const JobId job = stream.job;
    if (const Node* node = nodes_.find(stream.node)) send_worker(*node, Kind::notice, Verb::job_cancel, job, {});
    streams_.erase(job);
}

}  // namespace mc::broker

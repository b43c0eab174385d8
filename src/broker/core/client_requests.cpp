// The clients' verbs. docs/protocol.md "Client verbs".
#include <algorithm>

#include "base/digest.hpp"
#include "base/rule.hpp"
#include "base/version.hpp"
#include "broker/core/broker_core.hpp"
#include "protocol/validate.hpp"

namespace mc::broker {
namespace {

using protocol::decode;
using protocol::encode;
using protocol::Kind;

/// What makes two uses of one request id the same request.
std::string digest_of(const protocol::Message& message) {
    return digest(std::string(name_of(message.header.verb)) + '\0' + message.body);
}

/// What refused clients are advised: soon where answers make room, later where only time does.
constexpr std::uint32_t retry_after_ms = 500;
constexpr std::uint32_t retry_after_full_ms = 5000;

/// `body` so that it fits one frame. Many VMs with many labels: the outcomes matter, the VMs can be listed.
template <class Body>
protocol::Bytes encode_fitting(Body& body, std::vector<protocol::ItemResult>& items) {
    protocol::Bytes bytes = encode(body);
    if (bytes.size() <= limits::message_bytes_max) return bytes;
    for (auto& item : items) item.vm.reset();
    return encode(body);
}

}  // namespace

Instant BrokerCore::deadline_of(Now now, const protocol::Header& header) {
    const milliseconds asked{header.value};
    if (asked == 0ms) return now.instant + limits::request_deadline_default;
    return now.instant + std::min<milliseconds>(asked, limits::request_deadline_max);
}

void BrokerCore::on_client_request(Now now, const Actor& actor, Message& message) {
    if (!message.header.id) {
        ++bad_messages_;
        return refuse(actor.peer, message.header, {ErrorCode::bad_message, "a request needs an id that is not zero"});
    }
    if (auto permitted = permit(now, actor, message.header); !permitted) {
        return refuse(actor.peer, message.header, permitted.error());
    }
    if (read_only() && !may_be_read(message.header.verb)) {
        // What was accepted before is not refused now: its author would take it for not done.
        if (!in_doubt_ && answer_repeat(now, actor, message)) return;
        return refuse_change(actor.peer, message);
    }
    switch (message.header.verb) {
        case Verb::hello:
            return on_hello(now, actor, message);
        case Verb::create:
            return on_create(now, actor, message);
        case Verb::start:
        case Verb::stop:
        case Verb::restart:
        case Verb::remove:
            return on_action(now, actor, message);
        case Verb::placement:
            return on_placement(actor, message);
        case Verb::update:
            return on_update(now, actor, message);
        case Verb::list:
            return on_list(actor, message);
        case Verb::info:
            return on_info(actor, message);
        case Verb::usage:
            return on_usage(now, actor, message);
        case Verb::exec:
        case Verb::logs:
        case Verb::tunnel:
            return open_stream(now, actor, message);
        case Verb::images:
            return on_images(now, actor, message);
        case Verb::nodes:
            return on_nodes(now, actor, message);
        case Verb::events:
            return on_events(actor, message);
        case Verb::beacon:
            effects_.beacon = true;
            return reply(actor.peer, message.header, {});
        case Verb::job:
            return on_job(actor, message);
        case Verb::jobs:
            return on_jobs(actor, message);
        case Verb::cancel:
            return on_cancel(now, actor, message);
        case Verb::cordon:
        case Verb::uncordon:
        case Verb::drain:
        case Verb::forget:
            return on_node_action(now, actor, message);
        case Verb::join:
            return on_join(now, actor, message);
        case Verb::token_create:
            return on_token_create(now, actor, message);
        case Verb::keys:
            return on_keys(actor, message);
        case Verb::revoke:
            return on_revoke(now, actor, message);
        case Verb::audit:
            return on_audit(actor, message);
        default:
            break;
    }
    refuse(actor.peer, message.header, {ErrorCode::unknown_verb, "this verb is not one for clients"});
}

void BrokerCore::on_hello(Now now, const Actor& actor, const Message& message) {
    const auto hello = decode<protocol::HelloRequest>(message.body);
    if (!hello) return refuse(actor.peer, message.header, hello.error());
    const auto verb_max = static_cast<std::uint16_t>(protocol::client_verb_last);
    reply(actor.peer, message.header,
          encode(protocol::HelloReply{version, meta_.cloud, meta_.epoch, config_.endpoints.events, now.wall,
                                      events_.last(), actor.name, actor.role, config_.key, config_.endpoints.clients,
                                      verb_max, actor.sees_all() ? disk_ : DiskSpace()}));
}

bool BrokerCore::answer_repeat(Now now, const Actor& actor, const Message& message) {
    Request* request = requests_.find(message.header.id);
    if (!request || !rule_holds(Rule::repeat_answered_from_memory)) return false;
    // Whose it is comes first: another's request is none that can be asked about by guessing.
    const bool same = actor.sees(request->record.owner) && request->record.digest == digest_of(message);
    if (!same && rule_holds(Rule::same_id_means_same_request)) {
        refuse(actor.peer, message.header,
               {ErrorCode::request_conflict,
                "request " + message.header.id.str() + " was used before with other contents: make a new id"});
    } else if (request->done()) {
        reply_outcome(actor.peer, *request);
    } else {
        requests_.wait(*request, {actor.peer, deadline_of(now, message.header)});
        send_progress(*request, {"accepted", "already under way", 0, ""});
    }
    return true;
}

Result<void> BrokerCore::room_for(Now now, const Actor& actor, std::uint32_t items) {
    const bool admin = actor.role == protocol::Role::admin;
    const std::size_t part = config_.results_max / results_part;
    const std::size_t most = admin ? config_.results_max : config_.results_max - part;
    const auto full = [&] { return requests_.items() + items > most; };
    const auto own_full = [&] { return !admin && requests_.items_of(actor.name) + items > part; };
    if (full() || own_full()) forget_requests(now);
    // Forgetting a younger outcome would make room, and let its repeat run a second time.
    const auto busy = [](const std::string& why) {
        return Error{ErrorCode::busy, why + ", each for 24 hours; an admin can raise the broker's --requests-kept",
                     retry_after_full_ms};
    };
    if (own_full()) {
        return fail(busy("the broker remembers as many results of requests of " + actor.name + " as of one user"));
    }
    if (full()) return fail(busy("the broker remembers as many results of requests as it may"));
    return {};
}

Request* BrokerCore::accept(Now now, const Actor& actor, const Message& message, std::uint32_t items) {
    if (requests_.waits(actor.peer) >= config_.requests_per_client_max) {
        refuse(actor.peer, message.header,
               {ErrorCode::busy, "this connection waits for as many requests as it may; wait for an answer first",
                retry_after_ms});
        return nullptr;
    }
    if (const auto room = room_for(now, actor, items); !room) {
        refuse(actor.peer, message.header, room.error());
        return nullptr;
    }
    RequestRecord record;
    record.id = message.header.id;
    record.verb = message.header.verb;
    record.digest = digest_of(message);
    record.owner = actor.name;
    record.key = actor.fingerprint;
    record.accepted = now.wall;
    record.accepted_served_ms = served_ms(now);
    record.by_age = true;
    record.item_count = items;
    Request& request = requests_.add(std::move(record));
    requests_.wait(request, {actor.peer, deadline_of(now, message.header)});
    send_progress(request, {"accepted", "", 0, ""});
    return &request;
}

Result<void> BrokerCore::check_create(const protocol::CreateRequest& create) {
    const auto invalid = [](std::string why) { return fail(ErrorCode::invalid_argument, std::move(why)); };
    if (create.count < 1 || create.count > limits::batch_max) {
        return invalid("one request creates 1 to 1000 VMs, not " + std::to_string(create.count));
    }
    if (create.count > 1 && !create.spec.name.empty()) {
        return invalid("several VMs can't have one name: leave out the name");
    }
    if (auto checked = protocol::check_spec(create.spec); !checked) return checked;
    for (const auto* labels : {&create.placement.require, &create.placement.prefer}) {
        if (auto checked = protocol::check_labels(*labels); !checked) return checked;
    }
    return create.setup.empty() ? Result<void>() : protocol::check_setup(create.setup);
}

void BrokerCore::on_create(Now now, const Actor& actor, const Message& message) {
    const auto create = decode<protocol::CreateRequest>(message.body);
    if (!create) return refuse(actor.peer, message.header, create.error());
    if (answer_repeat(now, actor, message)) return;

    if (auto checked = check_create(*create); !checked) return refuse(actor.peer, message.header, checked.error());
    Request* request = accept(now, actor, message, create->count);
    if (!request) return;
    protocol::CreateRequest wanted = *create;
    if (wanted.spec.ttl_seconds == 0) wanted.spec.ttl_seconds = actor.quota.ttl_seconds;
    for (std::uint32_t item = 0; item < wanted.count; ++item) create_item(now, actor, *request, item, wanted);
}

void BrokerCore::on_action(Now now, const Actor& actor, const Message& message) {
    const auto action = decode<protocol::ActionRequest>(message.body);
    if (!action) return refuse(actor.peer, message.header, action.error());
    if (answer_repeat(now, actor, message)) return;

    if (action->targets.empty()) {
        return refuse(actor.peer, message.header, {ErrorCode::invalid_argument, "no VM is named: name at least one"});
    }
    const auto count = static_cast<std::uint32_t>(action->targets.size());
    Request* request = accept(now, actor, message, count);
    if (!request) return;
    for (std::uint32_t item = 0; item < count; ++item) act_on_item(now, actor, *request, item, *action);
}

void BrokerCore::on_list(const Actor& actor, const Message& message) {
    const auto list = decode<protocol::ListRequest>(message.body);
    if (!list) return refuse(actor.peer, message.header, list.error());
    bool more = false;
    protocol::ListReply body;
    // A page must fit one frame, whatever its VMs carry.
    std::size_t bytes = 0;
    for (const Vm* vm : page(actor, *list, more)) {
        auto one = view(*vm);
        bytes += encode(one).size();
        if (bytes > limits::message_bytes_max / 2 && !body.vms.empty()) {
            more = true;
            break;
        }
        body.vms.push_back(std::move(one));
    }
    if (more) body.next = next_page(actor, body.vms.back().owner, body.vms.back().name);
    reply(actor.peer, message.header, encode(body));
}

std::vector<const Vm*> BrokerCore::page(const Actor& actor, const protocol::ListRequest& asked, bool& more) const {
    const std::size_t limit = std::clamp<std::size_t>(asked.limit, 1, limits::page_max);
    const bool full = asked.after.empty() || asked.after.find('/') != std::string::npos;
    const std::string after = full ? asked.after : full_name(actor.name, asked.after);
    return vms_.page(after, limit, actor.sees_all() ? std::nullopt : std::optional(actor.name), more);
}

std::string BrokerCore::next_page(const Actor& actor, const std::string& owner, const std::string& name) {
    // A user needs no prefix, and an older client has no room for one.
    return actor.sees_all() ? full_name(owner, name) : name;
}

void BrokerCore::on_info(const Actor& actor, const Message& message) {
    const auto info = decode<protocol::InfoRequest>(message.body);
    if (!info) return refuse(actor.peer, message.header, info.error());
    const auto vm = vms_.find_target(info->target, actor);
    if (!vm) return refuse(actor.peer, message.header, vm.error());
    reply(actor.peer, message.header, encode(protocol::InfoReply{view(**vm)}));
}

void BrokerCore::on_nodes(Now now, const Actor& actor, const Message& message) {
    reply(actor.peer, message.header, encode(protocol::NodesReply{nodes_.views(now.instant)}));
}

void BrokerCore::on_events(const Actor& actor, const Message& message) {
    const auto asked = decode<protocol::EventsRequest>(message.body);
    if (!asked) return refuse(actor.peer, message.header, asked.error());
    auto body = events_.replay(*asked, [&](const protocol::Event& event) {
        return actor.sees_all() || (event.vm && actor.sees(event.owner));
    });
    body.cloud = meta_.cloud;
    reply(actor.peer, message.header, encode(body));
}

protocol::JobView BrokerCore::job_view(const Request& request, bool with_items) {
    protocol::JobView job{request.record.id, request.record.verb, request.done(), request.record.accepted, {}};
    if (!with_items) return job;
    for (std::size_t i = 0; i < request.items.size(); ++i) {
        if (request.items[i]) {
            job.items.push_back(*request.items[i]);
            continue;
        }
        protocol::ItemResult item;
        const Node* node = request.record.verb == Verb::drain
                               ? nodes_.find_drained_by(request.record.id, static_cast<std::uint32_t>(i))
                               : nullptr;
        if (node) {
            item.target = node->record.name;
        }
        if (i < request.record.vms.size()) {
            if (const Vm* vm = vms_.find(request.record.vms[i])) {
                item.target = vm->record.spec.name;
                item.vm = view(*vm);
            }
        }
        job.items.push_back(std::move(item));
    }
    return job;
}

protocol::Bytes BrokerCore::encode_job(const Request& request) {
    protocol::JobReply body{job_view(request, true)};
    return encode_fitting(body, body.job.items);
}

void BrokerCore::on_job(const Actor& actor, const Message& message) {
    const auto asked = decode<protocol::JobRequest>(message.body);
    if (!asked) return refuse(actor.peer, message.header, asked.error());
    const Request* request = requests_.find(asked->request);
    if (!request || !actor.sees(request->record.owner)) {
        return refuse(actor.peer, message.header,
                      {ErrorCode::not_found, "there is no request " + asked->request.str() +
                                                 ": it never arrived, or its outcome is no longer kept"});
    }
    reply(actor.peer, message.header, encode_job(*request));
}

void BrokerCore::on_jobs(const Actor& actor, const Message& message) {
    const auto asked = decode<protocol::JobsRequest>(message.body);
    if (!asked) return refuse(actor.peer, message.header, asked.error());
    protocol::JobsReply body;
    const auto owner = actor.sees_all() ? std::nullopt : std::optional(actor.name);
    for (const Request* request : requests_.newest(limits::page_max, owner)) {
        const auto verb = static_cast<std::uint16_t>(request->record.verb);
        if (verb <= asked->verb_max) body.jobs.push_back(job_view(*request, false));
    }
    reply(actor.peer, message.header, encode(body));
}

void BrokerCore::on_cancel(Now now, const Actor& actor, const Message& message) {
    const auto asked = decode<protocol::JobRequest>(message.body);
    if (!asked) return refuse(actor.peer, message.header, asked.error());
    const Stream* stream = streams_.find_request(asked->request);
    if (stream && actor.sees(stream->owner)) {
        audit(now, actor, name_of(Verb::cancel), stream->about, ErrorCode::ok, asked->request, "");
        end_stream(now, Stream(*stream), {ErrorCode::cancelled, "it was cancelled"});
        return reply(actor.peer, message.header, {});
    }
    Request* request = requests_.find(asked->request);
    if (!request || !actor.sees(request->record.owner)) {
        return refuse(actor.peer, message.header,
                      {ErrorCode::not_found, "there is no request " + asked->request.str()});
    }
    const bool was_open = !request->done();
    if (request->record.verb == Verb::drain) cancel_drains(now, asked->request);
    if (request->record.verb != Verb::create && !request->done()) {
        return refuse(actor.peer, message.header,
                      {ErrorCode::wrong_state,
                       "a " + std::string(name_of(request->record.verb)) + " can't be cancelled once it is under way"});
    }
    // Of what has ended there is nothing to tell, and it can be asked without end.
    if (was_open) {
        audit(now, actor, name_of(Verb::cancel), std::string(name_of(request->record.verb)), ErrorCode::ok,
              asked->request, "");
    }
    // Cancelling a create is removing what it has begun; what is ready already stays.
    for (std::uint32_t i = 0; i < request->items.size(); ++i) {
        if (request->items[i]) continue;
        Vm* vm = i < request->record.vms.size() ? vms_.find(request->record.vms[i]) : nullptr;
        if (!vm) continue;
        cancel_job(now, *vm, "it was cancelled");
        if (vm->record.state == VmState::pending) {
            forget_vm(now, *vm, protocol::event_kind::vm_deleted, "its create was cancelled", asked->request);
        } else {
            remove_by_broker(now, *vm, "its create was cancelled");
        }
    }
    reply(actor.peer, message.header, encode_job(*request));
}

void BrokerCore::reply_outcome(const PeerId& peer, const Request& request) {
    protocol::Header header;
    header.kind = Kind::reply;
    header.verb = request.record.verb;
    header.id = request.record.id;
    protocol::ItemsReply items;
    for (const auto& item : request.items) {
        if (header.code == ErrorCode::ok) header.code = item->code;
        items.items.push_back(*item);
    }
    effects_.to_clients.push_back({peer, {header, encode_fitting(items, items.items), {}}});
}

void BrokerCore::send_progress(const Request& request, const protocol::Progress& progress) {
    protocol::Header header;
    header.kind = Kind::progress;
    header.verb = request.record.verb;
    header.id = request.record.id;
    for (const Waiter& waiter : request.waiters) {
        effects_.to_clients.push_back({waiter.peer, {header, encode(progress), {}}});
    }
}

}  // namespace mc::broker

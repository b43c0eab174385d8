// The broker's core under any sequence of messages, times, failing disks and restarts.
//
// Goal: nothing that clients, workers or the disk do ends it or makes it write what it can't read again;
// whatever it says can be written and read; who has no key for it sees and does nothing.
#include "fuzz/feed.hpp"
#include "protocol/image_bodies.hpp"
#include "unit/broker/broker_harness.hpp"

namespace {

using namespace mc;
using namespace mc::protocol;
using broker::test::BrokerHarness;
using fuzz::Feed;
using fuzz::require;

constexpr std::size_t steps_max = 200;
const std::vector<std::string> nodes{"node-a", "node-b", "node-c"};
const std::vector<std::string> clients{"c", "local", "k:admin", "k:user", "k:viewer", "k:token", "k:nobody"};
const std::vector<std::string> targets{"web", "vm-1", "vm-2", "ada/web", "nobody/web", ""};
const std::vector<Verb> orders{Verb::vm_create, Verb::vm_start, Verb::vm_stop,   Verb::vm_restart, Verb::vm_remove,
                               Verb::vm_exec,   Verb::vm_logs,  Verb::vm_tunnel, Verb::node_images};
const std::vector<Verb> changes{Verb::start, Verb::stop, Verb::restart, Verb::remove};

/// Some of the bounds are small, so that they are reached.
broker::BrokerConfig config() {
    broker::BrokerConfig config;
    config.events_kept_max = 50;
    config.results_max = 40;
    config.requests_per_client_max = 8;
    config.audit_kept_max = 20;
    config.peers_max = 5;
    config.vms_max = 12;
    config.streams_max = 4;
    config.streams_per_client_max = 2;
    config.cleanup_grace = config.orphan_grace = seconds(2);
    config.lost_after = seconds(20);
    config.outcomes_kept = config.tombstones_kept = std::chrono::hours(1);
    return config;
}

class Run {
public:
    Run(Feed& feed, BrokerHarness& broker) : feed_(feed), broker_(broker) {
        char byte = 1;
        for (const auto& client : clients) {
            if (client.starts_with("k:")) broker_.keys[client] = BrokerHarness::key(byte++);
        }
    }

    void step() {
        switch (feed_.below(16)) {
            case 0:
                return broker_.advance(milliseconds(100 * (1 + feed_.below(40))));
            case 1:
                return broker_.advance_alive(milliseconds(500 * (1 + feed_.below(20))), nodes);
            case 2: {
                auto frames = feed_.frames();
                return broker_.core->on_client_frames(broker_.now, broker_.caller(feed_.one_of(clients)), frames,
                                                      feed_.below(8) == 0);
            }
            case 3: {
                auto frames = feed_.frames();
                return broker_.core->on_worker_frames(broker_.now, broker_.caller("w:" + feed_.one_of(nodes)), frames);
            }
            case 4:
                return broker_.node_ready(feed_.one_of(nodes), static_cast<std::uint32_t>(feed_.below(5)));
            case 5:
                return inventory();
            case 6:
            case 7:
                return create();
            case 8:
                if (feed_.below(4) == 0) return update();
                return ask(feed_.one_of(changes), encode(ActionRequest{some_targets(), feed_.number()}));
            case 9:
            case 10:
                return answer_order();
            case 11:
                return broker_.core->on_client_gone(broker_.now, {feed_.one_of(clients)});
            case 12:
                broker_.disk_full = feed_.yes();
                return;
            case 13:
                return feed_.yes() ? keys() : nodes_and_jobs();
            case 14:
                return stream();
            default:
                broker_.disk_full = false;
                return broker_.restart();
        }
    }

    /// What was said since the last step has to be readable for who gets it.
    void look() {
        for (const auto* sent : {&broker_.to_clients, &broker_.to_workers}) {
            for (const auto& out : *sent) {
                require(bool(out.to));
                require(out.message.body.size() <= limits::message_bytes_max);
                require(decode_header(encode_header(out.message.header)) == out.message.header);
                const bool refused = out.message.header.kind == Kind::reply && out.message.header.value == 1;
                if (refused) require(decode<ErrorBody>(out.message.body).has_value());
            }
        }
        for (const auto& event : broker_.published) require(decode<Event>(encode(event)).has_value());
        for (const auto& out : broker_.to_clients) {
            // No token was made for it: all it may hear is no.
            const bool nobody = out.to == broker::PeerId{"k:nobody"};
            require(!nobody || (out.message.header.kind == Kind::reply && out.message.header.code != ErrorCode::ok));
        }
        broker_.to_clients.clear();
        broker_.published.clear();
        broker_.log.clear();
        constexpr std::size_t orders_kept = 50;
        auto& sent = broker_.to_workers;
        if (sent.size() > orders_kept) sent.erase(sent.begin(), sent.end() - orders_kept);
        require(broker_.core->vm_count() <= config().vms_max);
    }

private:
    std::vector<std::string> some_targets() {
        std::vector<std::string> some;
        for (std::size_t i = feed_.below(3); i > 0; --i) some.push_back(feed_.one_of(targets));
        return some;
    }

    void ask(Verb verb, Bytes body, Bytes data = {}) {
        broker_.send(verb, std::move(body), feed_.yes() ? std::optional(feed_.id()) : std::nullopt,
                     feed_.one_of(clients), feed_.yes() ? 0 : feed_.number(), std::move(data));
    }

    void create() {
        CreateRequest request;
        request.spec.name = feed_.one_of(targets);
        request.count = static_cast<std::uint32_t>(feed_.below(4));
        if (feed_.below(4) == 0) request.node = feed_.one_of(nodes);
        if (feed_.yes()) request.on_lost = OnLost::replace;
        if (feed_.below(4) == 0) request.spec.ttl_seconds = 1 + feed_.below(20);
        request.placement.policy = static_cast<PlacementPolicy>(feed_.below(4));
        if (feed_.below(8) == 0) return ask(Verb::placement, encode(PlacementRequest{request, {}}));
        ask(Verb::create, encode(request));
    }

    void update() {
        UpdateRequest request{some_targets(), feed_.yes() ? feed_.one_of(targets) : "",
                              static_cast<Expiry>(feed_.below(4)), feed_.below(2000)};
        ask(Verb::update, encode(request));
    }

    void inventory() {
        const auto& node = feed_.one_of(nodes);
        std::vector<VmReport> reports;
        for (std::size_t i = feed_.below(4); i > 0; --i) {
            // Of the VMs that the worker was told of, or of one that nobody knows.
            VmId vm{1 + feed_.below(3)};
            if (!seen_.empty() && feed_.yes()) vm = feed_.one_of(seen_);
            auto report = BrokerHarness::report(vm, static_cast<ContainerState>(feed_.below(5)));
            report.ended = static_cast<Ended>(feed_.below(3));
            reports.push_back(report);
        }
        if (!broker_.nodes.contains(node)) return;
        if (feed_.below(4) == 0) {
            NodeUsage usage{broker_.nodes[node].boot, {}};
            for (const auto& report : reports) usage.vms.push_back({.vm = report.vm, .span_ms = feed_.number()});
            return broker_.from_worker(node, Kind::notice, Verb::node_usage, {}, encode(usage));
        }
        broker_.inventory(node, std::move(reports));
    }

    void answer_order() {
        const auto& node = feed_.one_of(nodes);
        const Verb verb = feed_.one_of(orders);
        if (feed_.below(4) == 0) return broker_.disobey(node, verb, static_cast<ErrorCode>(1 + feed_.below(64)), "no");
        if (is_stream_order(verb)) {
            const auto order = broker_.order(node, verb);
            if (!order) return;
            const auto kind = static_cast<Kind>(2 + feed_.below(6));
            return broker_.from_worker(node, kind, verb, order->header.id,
                                       feed_.yes() ? encode(ExecResult{0}) : feed_.body(), ErrorCode::ok,
                                       feed_.bytes(64));
        }
        const VmId vm = broker_.obey(node, verb, static_cast<ContainerState>(feed_.below(5)));
        if (vm && seen_.size() < 64) seen_.push_back(vm);
    }

    void keys() {
        const auto key = BrokerHarness::key(static_cast<char>(1 + feed_.below(4)));
        switch (feed_.below(4)) {
            case 0: {
                TokenCreateRequest request;
                request.key = key;
                request.role = static_cast<Role>(feed_.below(6));
                request.name = feed_.one_of(std::vector<std::string>{"", "ada", "bob", "node-a"});
                request.uses = static_cast<std::uint32_t>(feed_.below(3));
                request.ttl_seconds = feed_.below(100);
                request.quota.vms = static_cast<std::uint32_t>(feed_.below(3));
                return ask(Verb::token_create, encode(request));
            }
            case 1:
                return ask(Verb::join, encode(JoinRequest{key, feed_.one_of(targets)}));
            case 2:
                return ask(Verb::revoke, encode(RevokeRequest{{key.fingerprint(), feed_.one_of(targets)}}));
            default:
                return ask(feed_.yes() ? Verb::keys : Verb::audit, {});
        }
    }

    void nodes_and_jobs() {
        static const std::vector<Verb> verbs{Verb::cordon, Verb::uncordon, Verb::drain, Verb::forget};
        switch (feed_.below(4)) {
            case 0:
                return ask(Verb::job, encode(JobRequest{feed_.id()}));
            case 1:
                return ask(Verb::cancel, encode(JobRequest{feed_.id()}));
            case 2:
                return ask(feed_.yes() ? Verb::list : Verb::usage, encode(ListRequest{feed_.one_of(targets), 2}));
            default:
                return ask(feed_.one_of(verbs),
                           encode(NodeActionRequest{
                               {feed_.one_of(nodes)}, static_cast<std::uint32_t>(feed_.below(30)), feed_.yes()}));
        }
    }

    void stream() {
        if (feed_.below(4) == 0) {
            return ask(Verb::images, encode(ImagesRequest{feed_.one_of(nodes), static_cast<ImageAction>(feed_.below(4)),
                                                          feed_.yes() ? "debian:12" : feed_.bytes(8)}));
        }
        StreamRequest request;
        request.target = feed_.one_of(targets);
        request.window_bytes = feed_.number();
        ask(feed_.one_of(std::vector{Verb::exec, Verb::logs, Verb::tunnel}), encode(request), feed_.body());
    }

    Feed& feed_;
    BrokerHarness& broker_;
    std::vector<VmId> seen_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Feed feed(data, size);
    BrokerHarness broker(config());
    Run run(feed, broker);
    for (std::size_t step = 0; step < steps_max && feed.more(); ++step) {
        run.step();
        run.look();
    }
    broker.disk_full = false;
    broker.restart();  // throws when it can't read what it wrote
    return 0;
}

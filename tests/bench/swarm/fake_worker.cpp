#include "swarm/fake_worker.hpp"

#include "base/version.hpp"
#include "protocol/codec.hpp"
#include "protocol/image_bodies.hpp"

namespace mc::bench {
namespace {

using namespace std::chrono_literals;
using protocol::Header;
using protocol::Kind;
using protocol::Verb;

/// As mcworker's.
constexpr auto inventory_interval = 3s;
constexpr auto register_interval = 1s;
/// Of input, before credit for it is given again.
constexpr std::uint32_t grant_bytes = 1U << 20;

/// What all orders about a VM begin with.
struct OrderHead {
    Epoch epoch;
    VmId vm;

    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.epoch);
        archive(self.vm);
    }
};

protocol::Bytes images_reply(std::size_t bytes) {
    protocol::ImagesReply body;
    body.images.push_back({std::string(bytes / 2, 'n'), std::string(bytes / 2, 'i'), 1, WallTime{1}});
    return protocol::encode(body);
}

}  // namespace

FakeWorker::FakeWorker(Loop& loop, void* context, const std::string& endpoint,
                       const std::optional<io::StoredConnection>& key, std::uint64_t number, const Options& options)
    : peer_(context, endpoint, key),
      name_("node-" + std::to_string(number)),
      node_(NodeId{number}),
      boot_(BootId{number}),
      options_(options),
      images_(images_reply(options.reply_bytes)) {
    heartbeat_ = protocol::encode(protocol::Heartbeat{Epoch{}, boot_, status(), false});
    loop.add(peer_, [this] { on_message(); });
    send_register();
}

protocol::NodeStatus FakeWorker::status() const {
    protocol::NodeStatus status;
    status.ready = true;
    status.slots = options_.slots;
    status.cpus_milli = limits::cpus_milli_max;
    status.memory_bytes = std::uint64_t{1} << 46;
    status.engine_version = "none";
    return status;
}

protocol::VmReport FakeWorker::report(VmId vm) {
    protocol::VmReport report;
    report.vm = vm;
    report.state = protocol::ContainerState::running;
    report.container = std::string(64, 'c');
    report.image = defaults::image;
    // As tests/e2e/fill_store gives them, so that a broker that is started with its store finds everything as it was.
    report.ssh_port = static_cast<std::uint16_t>(32768 + (vm.value - 1'000'000) % 30'000);
    report.host_key = "ssh-ed25519 " + std::string(68, 'B');
    return report;
}

void FakeWorker::adopt(VmId first, std::size_t count, std::size_t step) {
    for (std::size_t i = 0; i < count; ++i) {
        const VmId vm{first.value + i * step};
        vms_.emplace(vm, report(vm));
    }
    inventory_.clear();
}

void FakeWorker::send_register() {
    protocol::RegisterRequest body;
    body.name = name_;
    body.node = node_;
    body.boot = boot_;
    body.version = version;
    body.advertise = "192.0.2.1";
    body.status = status();
    body.verb_max = static_cast<std::uint16_t>(Verb::node_images);
    peer_.send({.verb = Verb::node_register, .id = {node_.value, 1}}, protocol::encode(body));
}

void FakeWorker::send_inventory() {
    if (inventory_.empty()) {
        protocol::Inventory body;
        body.boot = boot_;
        for (const auto& [id, vm] : vms_) body.vms.push_back(vm);
        inventory_ = protocol::encode(body);
        ++inventory_number_;
    } else if (settled_ == inventory_number_) {
        return;
    }
    peer_.send({.kind = Kind::notice, .verb = Verb::node_inventory, .id = {}, .sequence = inventory_number_},
               inventory_);
}

void FakeWorker::on_turn(Clock::time_point now) {
    if (!registered_) {
        if (now < next_register_) return;
        next_register_ = Clock::time_point::max();
        return send_register();
    }
    if (now >= next_heartbeat_) {
        next_heartbeat_ = std::max(next_heartbeat_ + interval_, now);
        peer_.send({.kind = Kind::notice, .verb = Verb::node_heartbeat, .id = {}}, heartbeat_);
    }
    if (options_.keeps_vms && now >= next_inventory_) {
        next_inventory_ = std::max(next_inventory_ + inventory_interval, now);
        send_inventory();
    }
}

void FakeWorker::on_message() {
    const Header header = peer_.header();
    if (header.verb == Verb::node_register && header.kind == Kind::progress) {
        next_register_ = Clock::now() + register_interval;
        return;
    }
    if (header.verb == Verb::node_register) {
        if (header.code != ErrorCode::ok) give_up(name_ + " was not registered");
        registered_ = true;
        // Not all at the same moment, as the workers of real machines.
        const auto now = Clock::now();
        next_heartbeat_ = now + (node_.value * 7919 % 1000) * 1ms;
        next_inventory_ = now + (node_.value * 7919 % 3000) * 1ms;
        return send_inventory();
    }
    if (header.verb == Verb::node_heartbeat) return on_heartbeat(header);
    if (protocol::is_stream_order(header.verb) && header.verb != Verb::node_images) return on_stream(header);
    if (header.kind == Kind::request) on_order(header);
}

void FakeWorker::on_heartbeat(const Header& header) {
    const auto heartbeat = protocol::decode<protocol::Heartbeat>(peer_.body());
    if (!heartbeat) give_up("a heartbeat can't be read: " + heartbeat.error().message);
    settled_ = header.sequence;
    interval_ = std::max<milliseconds>(milliseconds(heartbeat->interval_ms), limits::heartbeat_interval);
    // As mcworker: together with the broker's.
    const auto now = Clock::now();
    if (next_heartbeat_ <= now + interval_ / 2) next_heartbeat_ = now;
}

void FakeWorker::reply(const Header& order, std::string_view body) {
    peer_.send({.kind = Kind::reply, .verb = order.verb, .id = order.id}, body);
}

void FakeWorker::on_order(const Header& order) {
    if (order.verb == Verb::node_images) return reply(order, images_);
    const auto head = protocol::decode<OrderHead>(peer_.body());
    if (!head) give_up("an order can't be read: " + head.error().message);
    if (order.verb == Verb::vm_remove) {
        vms_.erase(head->vm);
        inventory_.clear();
        protocol::VmReport gone;
        gone.vm = head->vm;
        return reply(order, protocol::encode(gone));
    }
    const auto made = report(head->vm);
    reply(order, protocol::encode(made));
    if (options_.keeps_vms) {
        vms_.emplace(head->vm, made);
        inventory_.clear();
    }
}

// Says whatever it hears.
void FakeWorker::on_stream(const Header& header) {
    const Header back{.verb = header.verb, .id = header.id};
    if (header.kind == Kind::request) {
        streams_[header.id] = {};
        Header begun = back;
        begun.kind = Kind::progress;
        begun.value = 4 * grant_bytes;
        return peer_.send(begun);
    }
    const auto stream = streams_.find(header.id);
    if (stream == streams_.end() || header.kind != Kind::data) return;
    Header said = back;
    said.kind = Kind::data;
    said.value = static_cast<std::uint32_t>(protocol::Channel::output);
    said.sequence = stream->second.sequence++;
    const std::string heard(peer_.data());
    peer_.send(said, {}, heard);
    stream->second.ungranted += static_cast<std::uint32_t>(heard.size());
    if (stream->second.ungranted < grant_bytes) return;
    Header more = back;
    more.kind = Kind::credit;
    more.value = std::exchange(stream->second.ungranted, 0);
    peer_.send(more);
}

}  // namespace mc::bench

#include "samples.hpp"

#include "protocol/audit.hpp"

namespace mc::cli::samples {
namespace {

using protocol::VmState;

WallTime before(milliseconds time) {
    return WallTime{now.unix_ms - time.count()};
}

protocol::VmView vm(std::uint64_t id, std::string name, VmState state, std::string node, milliseconds age) {
    protocol::VmView out;
    out.id = VmId{id};
    out.name = std::move(name);
    out.state = state;
    out.node = std::move(node);
    out.image = defaults::image;
    out.cpus_milli = 1000;
    out.memory_bytes = 512ULL << 20;
    out.pids = 512;
    out.username = "root";
    out.owner = "ada";
    out.created = before(age);
    return out;
}

protocol::KeyView key(std::string fingerprint, std::string name, protocol::Role role) {
    protocol::KeyView out;
    out.fingerprint = std::move(fingerprint);
    out.name = std::move(name);
    out.role = role;
    return out;
}

}  // namespace

std::vector<protocol::VmView> vms() {
    auto plain = vm(0x84de3caf76eeff6c, "vm-1", VmState::running, "node-a", 45s);
    plain.ssh_host = "10.0.0.5";
    plain.ssh_port = 49153;
    plain.host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILsEttNVcveeDyeH/jwaGwGecHEymrr5+/tHWhMnqQzs";
    plain.started = before(44s);
    plain.container = "afd17919d47261230e3ac51eb623916b374b82d21b0ecdd804b1c559fa04f915";
    auto sized = vm(0x4a044cc4244bddb1, "web", VmState::running, "node-b", 3h);
    sized.ssh_host = "fd00::5";
    sized.ssh_port = 49154;
    sized.host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKyAlq6ibvhrR5kSb/txYwSarlw2hICc807BGcGb8lNI";
    sized.image = "registry.example.org:5000/team/web-server:2026.11";
    sized.cpus_milli = 1500;
    sized.memory_bytes = 1536ULL << 20;
    sized.labels = {{"class", "unix1"}, {"owner", "größe \x1b[31m"}};
    sized.started = before(3h);
    sized.expires = WallTime{now.unix_ms + milliseconds(90min).count()};
    sized.password = true;
    auto no_sshd = vm(3, "vm-3", VmState::running, "node-a", 26h);
    no_sshd.image = "alpine";
    no_sshd.started = before(26h);
    auto stopped = vm(4, "vm-4", VmState::stopped, "node-a", 50h);
    stopped.intent = protocol::VmIntent::stopped;
    auto failed = vm(5, "vm-5", VmState::failed, "node-b", 5min);
    failed.reason = "image nosuch:1 is not on node node-b and can't be pulled: no such host";
    auto unknown = vm(6, "vm-6", VmState::unknown, "node-c", 5min);
    unknown.reason = "node-c is silent";
    return {plain, no_sshd, stopped, failed, unknown, vm(7, "vm-7", VmState::pending, "", 0s), sized};
}

std::vector<protocol::VmUsage> usage() {
    return {{VmId{0x84de3caf76eeff6c}, 26'000'000, 2004, 998, 1536, 70},
            {VmId{3}, 480ULL << 20, 0, 0, 0, 0},
            {VmId{0x4a044cc4244bddb1}, 700ULL << 20, 2001, 1234, 123'456'789, 5'000'000}};
}

std::vector<protocol::NodeView> nodes() {
    protocol::NodeView a;
    a.name = "node-a";
    a.id = NodeId{0xf936e18d718ddc73};
    a.state = protocol::NodeState::ready;
    a.slots = 16;
    a.slots_used = 3;
    a.cpus_milli = 2000;
    a.memory_bytes = 24ULL << 30;
    a.advertise = "10.0.0.5";
    a.engine_version = "20.10.24+dfsg1";
    a.worker_version = "0.1.0";
    a.silent_ms = 870;
    a.engine_age_ms = 997;
    a.engine = {protocol::Fact::yes, protocol::Fact::yes, protocol::Fact::no, {12ULL << 30, 40ULL << 30}};
    auto b = a;
    b.name = "node-b";
    b.id = NodeId{0xd1716512b6f4b720};
    b.state = protocol::NodeState::not_ready;
    b.reason = "the Docker engine at /var/run/docker.sock does not answer; start it with: systemctl start docker";
    b.advertise = "machine-room-2.example.org";
    b.engine_version = "";
    b.engine = {};
    auto c = a;
    c.name = "node-c";
    c.id = NodeId{3};
    c.state = protocol::NodeState::silent;
    c.silent_ms = 240'000;
    auto d = a;
    d.name = "node-d";
    d.id = NodeId{4};
    d.cordoned = true;
    d.engine = {protocol::Fact::no, protocol::Fact::no, protocol::Fact::yes, {3ULL << 30, 40ULL << 30}};
    d.drain_deadline = WallTime{now.unix_ms + 3'600'000};
    auto e = c;
    e.name = "node-e";
    e.id = NodeId{5};
    e.cordoned = true;
    e.lost = true;
    return {a, b, c, d, e};
}

std::vector<ImageRow> images() {
    const std::string id = "sha256:4f1a5c0d9e7b8a6f4f1a5c0d9e7b8a6f4f1a5c0d9e7b8a6f4f1a5c0d9e7b8a6f";
    const std::string other = "sha256:0d9e7b8a6f4f1a5c0d9e7b8a6f4f1a5c0d9e7b8a6f4f1a5c0d9e7b8a6f4f1a5c";
    return {{"node-a", {"minicloud/vm:latest", id, 131'000'000, before(50h)}, 3},
            {"node-b", {"debian:12", other, 117'000'000, before(24h * 40)}, 0},
            {"node-b", {"registry.lab:5000/class/unix1:2026", other, 117'000'000, before(24h * 40)}, 1},
            {"node-b", {"", "sha256:77", 5'000'000'000, {}}, std::nullopt}};
}

std::vector<ImageResult> image_results() {
    using Status = ImageResult::Status;
    const Error in_use{ErrorCode::wrong_state, "the engine does not remove image debian:12 on node node-d: it is used"};
    return {{Status::pulled, "node-a", "debian:12", images()[1].image, std::nullopt},
            {Status::removed, "node-b", "debian:12", std::nullopt, std::nullopt},
            {Status::absent, "node-c", "debian:12", std::nullopt, std::nullopt},
            {Status::failed, "node-d", "debian:12", std::nullopt, in_use}};
}

std::vector<protocol::Event> events() {
    protocol::Event running;
    running.seq = EventSeq{17};
    running.epoch = Epoch{2};
    running.time = WallTime{now.unix_ms + 42};
    running.kind = protocol::event_kind::vm_running;
    running.vm = VmId{0x84de3caf76eeff6c};
    running.name = "vm-1";
    running.owner = "ada";
    running.node = "node-a";
    running.request = RequestId{1, 2};
    auto cleanup = running;
    cleanup.seq = EventSeq{18};
    cleanup.kind = protocol::event_kind::vm_cleanup;
    cleanup.owner = "bob";
    cleanup.reason = "it stopped by itself 60 s ago\x1b[2J";
    protocol::Event silent;
    silent.seq = EventSeq{100'000};
    silent.epoch = Epoch{2};
    silent.time = now;
    silent.kind = protocol::event_kind::node_silent;
    silent.node = "node-c";
    silent.reason = "no heartbeat for 4 s";
    return {running, cleanup, silent};
}

std::vector<protocol::ItemResult> items() {
    const auto all = vms();
    return {{"vm-1", ErrorCode::ok, "", all.front()},
            {"vm-8", ErrorCode::no_capacity, "vm-8: no node has room; delete VMs or add a node", std::nullopt}};
}

std::vector<protocol::JobView> jobs() {
    protocol::JobView create;
    create.request = RequestId{0x6f0c4c1f3f9a4d0b, 0x8b1e2d3c4b5a6978};
    create.verb = protocol::Verb::create;
    create.done = true;
    create.accepted = before(3min);
    create.items = items();
    auto stop = create;
    stop.request = RequestId{1, 2};
    stop.verb = protocol::Verb::stop;
    stop.done = false;
    stop.accepted = before(2s);
    stop.items = {{"vm-1", ErrorCode::ok, "", vms().front()}};
    return {stop, create};
}

std::vector<protocol::AuditEntry> audit() {
    protocol::AuditEntry admin_key;
    admin_key.name = "broker";
    admin_key.action = "admin_key";
    admin_key.target = "root";
    protocol::AuditEntry token;
    token.key = "00d1ce5eed5ba5e1";
    token.name = "root";
    token.action = "token_create";
    token.target = "ada";
    token.request = RequestId{1, 2};
    protocol::AuditEntry create;
    create.key = "5be1f0c2a7d3e946";
    create.name = "ada";
    create.action = "create";
    create.target = "ada/web";
    create.code = ErrorCode::quota_exceeded;
    create.request = RequestId{3, 4};
    create.detail = "ada has 5 VMs already\x1b[2J";
    protocol::AuditEntry exec;
    exec.name = "local";
    exec.action = "exec";
    exec.target = "ada/vm-1";
    std::vector<protocol::AuditEntry> log{admin_key, token, create, exec};
    std::string previous;
    for (std::size_t i = 0; i < log.size(); ++i) {
        log[i].seq = i + 1;
        log[i].time = WallTime{now.unix_ms + static_cast<std::int64_t>(i) * 1500};
        log[i].previous = previous;
        previous = log[i].hash = protocol::audit_hash(log[i]);
    }
    return log;
}

std::vector<protocol::KeyView> keys() {
    using protocol::Role;
    auto root = key("00d1ce5eed5ba5e1", "root", Role::admin);
    root.created = before(72h);
    auto ada = key("5be1f0c2a7d3e946", "ada", Role::user);
    ada.created = before(26h);
    ada.expires = WallTime{now.unix_ms + milliseconds(96h).count()};
    ada.quota = {5, 8000, 4ULL << 30, 86400};
    ada.made_by = "c0ffee0123456789";
    auto laptop = ada;
    laptop.fingerprint = "10ad0f1a5700ad0f";
    laptop.quota = {1, 0, 0, 0};
    auto worker = key("b01dface0b01dfac", "node-a", Role::worker);
    worker.created = before(3min);
    worker.node = NodeId{0xf936e18d718ddc73};
    auto token = key("c0ffee0123456789", "ada", Role::joiner);
    token.grants = Role::user;
    token.created = before(27h);
    token.expires = WallTime{now.unix_ms + milliseconds(12min).count()};
    token.made_by = root.fingerprint;
    auto anybody = token;
    anybody.fingerprint = "d00d1ed00d1ed00d";
    anybody.name = "";
    anybody.grants = Role::worker;
    anybody.uses_left = 12;
    return {root, laptop, ada, worker, token, anybody};
}

}  // namespace mc::cli::samples

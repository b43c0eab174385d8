#pragma once

#include <tuple>

#include "protocol/client_bodies.hpp"
#include "protocol/image_bodies.hpp"
#include "protocol/worker_bodies.hpp"

/// One value of every body type, no field at its default: for round trips and for the byte examples of
/// docs/protocol.md.
namespace mc::protocol::samples {

inline constexpr CloudId cloud{0xC10D0000000000A1};
inline constexpr NodeId node{0x40DE0000000000B2};
inline constexpr BootId boot{0xB0070000000000C3};
inline constexpr VmId vm{0x0000000000000A11};
inline constexpr RequestId request{0x0011223344556677, 0x8899AABBCCDDEEFF};
inline const PublicKey key = *PublicKey::from_bytes("0123456789abcdefghijklmnopqrstuv");
inline constexpr Quota quota{5, 8000, 4ULL << 30, 86400};
inline constexpr WallTime created{1795478400000};
inline constexpr WallTime started{1795478402500};
inline const std::string host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0fYnVzeSBhcyBhIGJlZSwgbWluaWNsb3VkIQ==";
inline const std::string user_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEhlbGxvLCBJIGFtIHRoZSB1c2VyJ3Mga2V5 ada@home";

inline VmSpec vm_spec() {
    return {.name = "web",
            .image = "minicloud/vm:latest",
            .cpus_milli = 1500,
            .memory_bytes = 1ULL << 30,
            .pids = 256,
            .env = {"LANG=C.UTF-8"},
            .authorized_keys = {user_key},
            .password_hash = "$6$salt$hash",
            .labels = {{"team", "blue"}},
            .ttl_seconds = 7200};
}

inline VmReport vm_report() {
    return {.vm = vm,
            .state = ContainerState::exited,
            .container = "4f1a5c",
            .image = "minicloud/vm:latest",
            .ssh_port = 32768,
            .host_key = host_key,
            .started = started,
            .exit_code = -1,
            .reason = "OOM killed",
            .ended = Ended::with_engine};
}

inline VmView vm_view() {
    return {.id = vm,
            .name = "web",
            .state = VmState::running,
            .intent = VmIntent::stopped,
            .reason = "being stopped",
            .node = "node-a",
            .image = "minicloud/vm:latest",
            .cpus_milli = 1500,
            .memory_bytes = 1ULL << 30,
            .pids = 256,
            .ssh_host = "192.0.2.7",
            .ssh_port = 32768,
            .username = "root",
            .host_key = host_key,
            .created = created,
            .started = started,
            .expires = WallTime{created.unix_ms + 7'200'000},
            .labels = {{"team", "blue"}},
            .password = true,
            .container = "4f1a5c",
            .on_lost = OnLost::replace,
            .owner = "ada"};
}

inline EngineFacts engine_facts() {
    return {.live_restore = Fact::yes,
            .seccomp = Fact::no,
            .userns_remap = Fact::unknown,
            .disk = {.free_bytes = 12ULL << 30, .bytes = 40ULL << 30}};
}

inline NodeStatus node_status() {
    return {.ready = true,
            .reason = "almost full",
            .slots = 16,
            .cpus_milli = 8000,
            .memory_bytes = 16ULL << 30,
            .engine_version = "20.10.24",
            .engine_age_ms = 120,
            .jobs_running = 2,
            .engine = engine_facts()};
}

inline Event event() {
    return {.seq = EventSeq{1042},
            .epoch = Epoch{3},
            .time = started,
            .kind = event_kind::vm_running,
            .vm = vm,
            .name = "web",
            .node = "node-a",
            .reason = "sshd answers",
            .request = request,
            .owner = "ada"};
}

inline ItemResult item() {
    return {.target = "web", .code = ErrorCode::no_capacity, .message = "every node is full", .vm = vm_view()};
}

inline NodeView node_view() {
    return {.name = "node-a",
            .id = node,
            .state = NodeState::not_ready,
            .reason = "the engine does not answer",
            .slots = 16,
            .slots_used = 3,
            .cpus_milli = 8000,
            .memory_bytes = 16ULL << 30,
            .advertise = "192.0.2.7",
            .engine_version = "20.10.24",
            .worker_version = "0.1.0",
            .silent_ms = 300,
            .engine_age_ms = 120,
            .labels = {{"disk", "ssd"}},
            .cordoned = true,
            .drain_deadline = WallTime{created.unix_ms + 3'600'000},
            .lost = false,
            .engine = engine_facts()};
}

inline JobView job_view() {
    return {.request = request, .verb = Verb::restart, .done = true, .accepted = created, .items = {item()}};
}

inline KeyView key_view() {
    return {.fingerprint = "5be1f0c2a7d3e946",
            .name = "ada",
            .role = Role::joiner,
            .grants = Role::user,
            .uses_left = 1,
            .created = created,
            .expires = WallTime{created.unix_ms + 900'000},
            .node = node,
            .quota = quota,
            .made_by = "00d1ce5eed5ba5e1"};
}

inline AuditEntry audit_entry() {
    return {.seq = 17,
            .time = started,
            .key = "5be1f0c2a7d3e946",
            .name = "ada",
            .action = "delete",
            .target = "ada/web",
            .code = ErrorCode::node_unreachable,
            .request = request,
            .detail = "node node-a is silent",
            .previous = std::string(64, 'a'),
            .hash = std::string(64, 'b')};
}

inline VmUsage usage() {
    return {.vm = vm,
            .memory_bytes = 25 << 20,
            .span_ms = 2004,
            .cpu_milli = 998,
            .rx_bytes_per_s = 1536,
            .tx_bytes_per_s = 70};
}

inline Placement placement() {
    return {PlacementPolicy::spread, {{"disk", "ssd"}}, {{"room", "a"}, {"room", "b"}}};
}

inline ImageView image() {
    return {.name = "debian:12", .id = "sha256:4f1a5c0d9e7b", .size_bytes = 124000000, .created = created};
}

/// Every body type there is; a new one is added here and is then tested everywhere.
inline auto all() {
    return std::tuple{
        ErrorBody{"no such VM", 250},
        Progress{"pulling", "layer 3 of 7", 43, "web"},
        HelloReply{"0.1.0", cloud, Epoch{3}, "tcp://127.0.0.1:7712", created, EventSeq{1042}, "ada", Role::user, key,
                   "tcp://127.0.0.1:7710", 30, DiskSpace{3ULL << 30, 8ULL << 30}},
        engine_facts(),
        DiskSpace{3ULL << 30, 8ULL << 30},
        CreateRequest{vm_spec(), 3, "node-a", OnLost::replace, placement(), "#!/bin/sh\ntrue\n"},
        placement(),
        PlacementRequest{CreateRequest{vm_spec(), 2, "", OnLost::keep, placement(), ""}, {"a", "b"}},
        PlacementReply{{{"a", "node-a", ErrorCode::ok, ""}, {"b", "", ErrorCode::no_capacity, "full"}},
                       {{"node-a", 1, "all its 1 slots are used"}}},
        ActionRequest{{"web", "vm-1"}, 30},
        item(),
        ItemsReply{{item(), ItemResult{.target = "vm-1", .code = ErrorCode::not_found, .message = "gone", .vm = {}}}},
        ListRequest{"vm-1", 10},
        ListReply{{vm_view()}, "web"},
        InfoRequest{"web"},
        InfoReply{vm_view()},
        StreamRequest{"web", 65536},
        ExecSpec{{"sh", "-c", "id"}, true, true, 50, 132, {"TERM=xterm"}, "root", "/tmp"},
        Resize{50, 132},
        ExecResult{-1},
        LogsSpec{true, 100, 1795478400, true},
        node_view(),
        NodesReply{{node_view()}},
        EventsRequest{EventSeq{1041}, 500},
        EventsReply{{event()}, EventSeq{1000}, EventSeq{1042}, cloud, EventSeq{1042}},
        NodeActionRequest{{"node-a"}, 3600, true},
        JobRequest{request},
        JobsRequest{20},
        job_view(),
        JobReply{job_view()},
        JobsReply{{job_view()}},
        event(),
        Beacon{cloud, Epoch{3}, EventSeq{1042}},
        vm_spec(),
        vm_report(),
        vm_view(),
        Label{"team", "blue"},
        node_status(),
        RegisterRequest{"node-a", node, boot, "0.1.0", Epoch{2}, "192.0.2.7", {{"disk", "ssd"}}, node_status(), 58},
        RegisterReply{cloud, Epoch{3}, "0.1.0"},
        Heartbeat{Epoch{3}, boot, node_status(), true},
        Inventory{boot, {vm_report()}, {{vm, "minicloud/vm:latest"}}},
        CreateOrder{Epoch{3}, vm, request, "ada", vm_spec(), "#!/bin/sh\ntrue\n"},
        VmOrder{Epoch{3}, vm, 30, "web"},
        StreamOrder{Epoch{3}, vm, 65536},
        Quota{5, 8000, 4ULL << 30, 86400},
        JoinRequest{key, "ada"},
        JoinReply{"ada", Role::user, cloud, "tcp://127.0.0.1:7710", "tcp://127.0.0.1:7711", "tcp://127.0.0.1:7712"},
        TokenCreateRequest{key, Role::user, "ada", 600, 30, quota, 86400},
        KeysRequest{"5be1f0c2a7d3e946", 10},
        key_view(),
        KeysReply{{key_view()}, "5be1f0c2a7d3e946"},
        RevokeRequest{{"ada", "5be1f0c2a7d3e946"}},
        AuditRequest{16, 100},
        audit_entry(),
        AuditReply{{audit_entry()}, 3, 17},
        HelloRequest{"0.1.0"},
        usage(),
        UsageReply{{usage()}, "web"},
        NodeUsage{boot, {usage()}},
        image(),
        ImagesRequest{"node-a", ImageAction::pull, "debian:12"},
        ImagesReply{{image()}, 3},
        NodeImagesOrder{Epoch{3}, ImageAction::remove, "debian:12", "ada"},
    };
}

}  // namespace mc::protocol::samples

#include "golden/wire/examples.hpp"

#include "unit/protocol/samples.hpp"

namespace mc::protocol::examples {
namespace {

constexpr RequestId request_id = samples::request;
/// A broker makes job ids from its epoch and a counter.
constexpr RequestId job_id{3, 17};

Example client(const char* name, Kind kind, Verb verb, Part body, Part data = raw()) {
    Header header;
    header.kind = kind;
    header.verb = verb;
    header.id = request_id;
    return {name, "", header, std::move(body), std::move(data)};
}

Example worker(const char* name, Kind kind, Verb verb, Part body, Part data = raw()) {
    Example example = client(name, kind, verb, std::move(body), std::move(data));
    example.header.id = kind == Kind::notice ? RequestId{} : job_id;
    return example;
}

Example with(Example example, ErrorCode code, std::uint32_t value, std::uint32_t sequence = 0) {
    example.header.code = code;
    example.header.value = value;
    example.header.sequence = sequence;
    return example;
}

VmView running_view() {
    VmView vm = samples::vm_view();
    vm.intent = VmIntent::running;
    vm.reason.clear();
    vm.labels.clear();
    vm.expires = {};
    vm.password = false;
    vm.on_lost = OnLost::keep;
    return vm;
}

VmReport running_report() {
    VmReport report = samples::vm_report();
    report.state = ContainerState::running;
    report.exit_code = 0;
    report.reason.clear();
    report.ended = Ended::by_itself;
    return report;
}

VmReport absent_report() {
    VmReport report;
    report.vm = samples::vm;
    return report;
}

VmSpec small_spec() {
    VmSpec spec;
    spec.name = "web";
    spec.authorized_keys = {samples::user_key};
    return spec;
}

ItemsReply one_item(VmState state) {
    VmView vm = running_view();
    vm.state = state;
    return {{ItemResult{.target = "web", .code = ErrorCode::ok, .message = "", .vm = vm}}};
}

void add_requests(std::vector<Example>& out) {
    const auto ask = Kind::request;
    const auto answer = Kind::reply;
    out.push_back(client("hello_request", ask, Verb::hello, part("HelloRequest", HelloRequest{"0.1.0"})));
    out.push_back(
        client("hello_reply", answer, Verb::hello,
               part("HelloReply", HelloReply{"0.1.0", samples::cloud, Epoch{3}, "tcp://127.0.0.1:7712",
                                             samples::created, EventSeq{1042}, "ada", Role::viewer, samples::key,
                                             "tcp://127.0.0.1:7710", 30, DiskSpace{3ULL << 30, 8ULL << 30}})));
    out.push_back(with(client("create_request", ask, Verb::create,
                              part("CreateRequest", CreateRequest{small_spec(), 1, "", OnLost::keep, {}, ""})),
                       ErrorCode::ok, 60000));
    out.push_back(
        client("create_accepted", Kind::progress, Verb::create, part("Progress", Progress{"accepted", "", 0, ""})));
    out.push_back(client("create_progress", Kind::progress, Verb::create,
                         part("Progress", Progress{"pulling", "layer 3 of 7", 43, "web"})));
    out.push_back(client("create_reply", answer, Verb::create, part("ItemsReply", one_item(VmState::running))));
    const ItemsReply full{{ItemResult{.target = "web",
                                      .code = ErrorCode::no_capacity,
                                      .message = "every node is full: delete a VM or add a node",
                                      .vm = {}}}};
    out.push_back(
        with(client("create_reply_failed", answer, Verb::create, part("ItemsReply", full)), ErrorCode::no_capacity, 0));
    out.push_back(with(client("create_refused", answer, Verb::create,
                              part("ErrorBody", ErrorBody{"request 00112233445566778899aabbccddeeff was used before "
                                                          "with other contents: make a new id",
                                                          0})),
                       ErrorCode::request_conflict, 1));
    out.push_back(client("list_request", ask, Verb::list, part("ListRequest", ListRequest{"", 2})));
    out.push_back(client("list_reply", answer, Verb::list, part("ListReply", ListReply{{running_view()}, "web"})));
    out.push_back(client("info_request", ask, Verb::info, part("InfoRequest", InfoRequest{"web"})));
    out.push_back(client("info_reply", answer, Verb::info, part("InfoReply", InfoReply{running_view()})));
    out.push_back(client("usage_request", ask, Verb::usage, part("ListRequest", ListRequest{"", 1000})));
    out.push_back(client("usage_reply", answer, Verb::usage, part("UsageReply", UsageReply{{samples::usage()}, ""})));
    out.push_back(client("images_list_request", ask, Verb::images,
                         part("ImagesRequest", ImagesRequest{"node-a", ImageAction::list, ""})));
    out.push_back(client("images_pull_request", ask, Verb::images,
                         part("ImagesRequest", ImagesRequest{"node-a", ImageAction::pull, "debian:12"})));
    out.push_back(client("images_progress", Kind::progress, Verb::images,
                         part("Progress", Progress{"pulling", "3 of 7 layers", 43, "node-a"})));
    out.push_back(
        client("images_reply", answer, Verb::images, part("ImagesReply", ImagesReply{{samples::image()}, 0})));
    out.push_back(with(client("images_refused", answer, Verb::images,
                              part("ErrorBody", ErrorBody{"there is no image debian:12 on node node-a", 0})),
                       ErrorCode::not_found, 1));
    const auto action = part("ActionRequest", ActionRequest{{"web"}, 10});
    out.push_back(client("start_request", ask, Verb::start, action));
    out.push_back(client("stop_request", ask, Verb::stop, action));
    out.push_back(client("restart_request", ask, Verb::restart, action));
    out.push_back(client("update_request", ask, Verb::update,
                         part("UpdateRequest", UpdateRequest{{"web"}, "", Expiry::later, 7200})));
    CreateRequest two;
    two.count = 2;
    two.placement = {PlacementPolicy::least_loaded, {{"disk", "ssd"}}, {}};
    out.push_back(
        client("placement_request", ask, Verb::placement, part("PlacementRequest", PlacementRequest{two, {}})));
    out.push_back(client(
        "placement_reply", answer, Verb::placement,
        part("PlacementReply",
             PlacementReply{{{"", "node-a", ErrorCode::ok, ""}, {"", "", ErrorCode::no_capacity, "the cloud is full"}},
                            {{"node-a", 1, "all its 1 slots are used"}, {"node-b", 0, "it has no label disk=ssd"}}})));
    out.push_back(
        client("delete_request", ask, Verb::remove, part("ActionRequest", ActionRequest{{"web", "vm-1"}, 10})));
    const ItemsReply partly{
        {ItemResult{.target = "web", .code = ErrorCode::ok, .message = "", .vm = {}},
         ItemResult{.target = "vm-1", .code = ErrorCode::not_found, .message = "there is no VM vm-1", .vm = {}}}};
    out.push_back(
        with(client("delete_reply", answer, Verb::remove, part("ItemsReply", partly)), ErrorCode::not_found, 0));
}

void add_streams(std::vector<Example>& out) {
    const Verb exec = Verb::exec;
    const ExecSpec spec{{"cat"}, false, true, 24, 80, {}, "", ""};
    out.push_back(client("exec_request", Kind::request, exec, part("StreamRequest", StreamRequest{"web", 262144}),
                         part("ExecSpec", spec)));
    out.push_back(with(client("exec_grant", Kind::progress, exec, raw()), ErrorCode::ok, 262144));
    out.push_back(with(client("exec_data_in", Kind::data, exec, raw(), raw("hello\n")), ErrorCode::ok,
                       static_cast<std::uint32_t>(Channel::input), 0));
    out.push_back(client("exec_end", Kind::end, exec, raw()));
    out.push_back(with(client("exec_data_out", Kind::data, exec, raw(), raw("hello\n")), ErrorCode::ok,
                       static_cast<std::uint32_t>(Channel::output), 0));
    out.push_back(with(client("exec_credit", Kind::credit, exec, raw()), ErrorCode::ok, 6));
    out.push_back(client("exec_control", Kind::control, exec, part("Resize", Resize{50, 132})));
    out.push_back(client("exec_reply", Kind::reply, exec, part("ExecResult", ExecResult{0})));
    out.push_back(client("logs_request", Kind::request, Verb::logs, part("StreamRequest", StreamRequest{"web", 262144}),
                         part("LogsSpec", LogsSpec{false, 100, 0, false})));
    out.push_back(client("logs_reply", Kind::reply, Verb::logs, raw()));
    out.push_back(
        client("tunnel_request", Kind::request, Verb::tunnel, part("StreamRequest", StreamRequest{"web", 262144})));
}

void add_lookups(std::vector<Example>& out) {
    const auto ask = Kind::request;
    const auto answer = Kind::reply;
    out.push_back(client("nodes_request", ask, Verb::nodes, raw()));
    out.push_back(client("nodes_reply", answer, Verb::nodes, part("NodesReply", NodesReply{{samples::node_view()}})));
    out.push_back(
        client("events_request", ask, Verb::events, part("EventsRequest", EventsRequest{EventSeq{1041}, 1000})));
    out.push_back(
        client("events_reply", answer, Verb::events,
               part("EventsReply",
                    EventsReply{{samples::event()}, EventSeq{43}, EventSeq{1042}, samples::cloud, EventSeq{1042}})));
    out.push_back(client("beacon_request", ask, Verb::beacon, raw()));
    out.push_back(client("beacon_reply", answer, Verb::beacon, raw()));
    const RequestId other{0xAABBCCDDEEFF0011, 0x2233445566778899};
    out.push_back(client("job_request", ask, Verb::job, part("JobRequest", JobRequest{other})));
    const JobView job{other, Verb::restart, false, samples::created, one_item(VmState::running).items};
    out.push_back(client("job_reply", answer, Verb::job, part("JobReply", JobReply{job})));
    out.push_back(client("jobs_request", ask, Verb::jobs, part("JobsRequest", JobsRequest{20})));
    out.push_back(client("jobs_reply", answer, Verb::jobs,
                         part("JobsReply", JobsReply{{JobView{other, Verb::create, true, samples::created, {}}}})));
    out.push_back(client("cancel_request", ask, Verb::cancel, part("JobRequest", JobRequest{other})));
    out.push_back(client("cancel_reply", answer, Verb::cancel, raw()));
}

void add_node_actions(std::vector<Example>& out) {
    const auto action = [&](const char* name, Verb verb, const NodeActionRequest& request) {
        out.push_back(client(name, Kind::request, verb, part("NodeActionRequest", request)));
    };
    action("cordon_request", Verb::cordon, {{"node-a"}, 0, false});
    const ItemResult item{.target = "node-a", .code = ErrorCode::ok, .message = "", .vm = {}};
    out.push_back(client("cordon_reply", Kind::reply, Verb::cordon, part("ItemsReply", ItemsReply{{item}})));
    action("uncordon_request", Verb::uncordon, {{"node-a"}, 0, false});
    action("drain_request", Verb::drain, {{"node-a", "node-b"}, 1800, false});
    action("forget_request", Verb::forget, {{"node-a"}, 0, true});
}

void add_keys(std::vector<Example>& out) {
    const auto ask = Kind::request;
    const auto answer = Kind::reply;
    out.push_back(client("join_request", ask, Verb::join, part("JoinRequest", JoinRequest{samples::key, "ada"})));
    out.push_back(client("join_reply", answer, Verb::join,
                         part("JoinReply", JoinReply{"ada", Role::user, samples::cloud, "tcp://127.0.0.1:7710",
                                                     "tcp://127.0.0.1:7711", "tcp://127.0.0.1:7712"})));
    out.push_back(client(
        "token_create_request", ask, Verb::token_create,
        part("TokenCreateRequest", TokenCreateRequest{samples::key, Role::user, "ada", 900, 1, samples::quota, 0})));
    const ItemResult token{.target = "ada", .code = ErrorCode::ok, .message = "", .vm = {}};
    out.push_back(client("token_create_reply", answer, Verb::token_create, part("ItemsReply", ItemsReply{{token}})));
    out.push_back(client("keys_request", ask, Verb::keys, part("KeysRequest", KeysRequest{"", 1000})));
    out.push_back(client("keys_reply", answer, Verb::keys, part("KeysReply", KeysReply{{samples::key_view()}, ""})));
    out.push_back(client("revoke_request", ask, Verb::revoke, part("RevokeRequest", RevokeRequest{{"ada"}})));
    out.push_back(client("revoke_reply", answer, Verb::revoke, part("ItemsReply", ItemsReply{{token}})));
    out.push_back(client("audit_request", ask, Verb::audit, part("AuditRequest", AuditRequest{16, 1000})));
    out.push_back(
        client("audit_reply", answer, Verb::audit, part("AuditReply", AuditReply{{samples::audit_entry()}, 3, 17})));
}

void add_worker_life(std::vector<Example>& out) {
    NodeStatus status = samples::node_status();
    status.reason.clear();
    Example registration = worker(
        "node_register_request", Kind::request, Verb::node_register,
        part("RegisterRequest",
             RegisterRequest{"node-a", samples::node, samples::boot, "0.1.0", Epoch{2}, "192.0.2.7", {}, status, 58}));
    registration.header.id = request_id;
    out.push_back(registration);
    Example registered = worker("node_register_reply", Kind::reply, Verb::node_register,
                                part("RegisterReply", RegisterReply{samples::cloud, Epoch{3}, "0.1.0"}));
    registered.header.id = request_id;
    out.push_back(registered);
    out.push_back(worker("node_heartbeat_worker", Kind::notice, Verb::node_heartbeat,
                         part("Heartbeat", Heartbeat{Epoch{3}, samples::boot, status, false})));
    out.push_back(worker("node_heartbeat_broker", Kind::notice, Verb::node_heartbeat,
                         part("Heartbeat", Heartbeat{Epoch{3}, samples::boot, {}, true})));
    Example stranger =
        worker("node_heartbeat_refused", Kind::reply, Verb::node_heartbeat,
               part("ErrorBody", ErrorBody{"this connection has not registered: send node_register", 0}));
    stranger.header.id = {};
    out.push_back(with(stranger, ErrorCode::not_registered, 1));
    out.push_back(worker(
        "node_inventory", Kind::notice, Verb::node_inventory,
        part("Inventory", Inventory{samples::boot, {running_report()}, {{samples::vm, "minicloud/vm:latest"}}})));
    out.push_back(worker("node_usage", Kind::notice, Verb::node_usage,
                         part("NodeUsage", NodeUsage{samples::boot, {samples::usage()}})));
}

void add_jobs(std::vector<Example>& out) {
    const auto ask = Kind::request;
    VmSpec spec = small_spec();
    spec.image = defaults::image;
    spec.cpus_milli = defaults::cpus_milli;
    spec.memory_bytes = defaults::memory_bytes;
    spec.pids = defaults::pids;
    out.push_back(worker("vm_create_request", ask, Verb::vm_create,
                         part("CreateOrder", CreateOrder{Epoch{3}, samples::vm, request_id, "local", spec, ""})));
    out.push_back(worker("vm_create_accepted", Kind::progress, Verb::vm_create,
                         part("Progress", Progress{"accepted", "", 0, ""})));
    out.push_back(worker("vm_create_reply", Kind::reply, Verb::vm_create, part("VmReport", running_report())));
    out.push_back(with(worker("vm_create_refused", Kind::reply, Verb::vm_create,
                              part("ErrorBody", ErrorBody{"there is no image minicloud/vm:latest on this node", 0})),
                       ErrorCode::image_not_found, 1));
    const auto order = part("VmOrder", VmOrder{Epoch{3}, samples::vm, 10, "web"});
    out.push_back(worker("vm_start_request", ask, Verb::vm_start, order));
    out.push_back(worker("vm_stop_request", ask, Verb::vm_stop, order));
    out.push_back(worker("vm_restart_request", ask, Verb::vm_restart, order));
    out.push_back(worker("vm_remove_request", ask, Verb::vm_remove, order));
    out.push_back(worker("vm_remove_reply", Kind::reply, Verb::vm_remove, part("VmReport", absent_report())));
    out.push_back(worker("vm_inspect_request", ask, Verb::vm_inspect, order));
    const auto stream = part("StreamOrder", StreamOrder{Epoch{3}, samples::vm, 262144});
    out.push_back(worker("vm_exec_request", ask, Verb::vm_exec, stream,
                         part("ExecSpec", ExecSpec{{"cat"}, false, true, 24, 80, {}, "", ""})));
    out.push_back(
        worker("vm_logs_request", ask, Verb::vm_logs, stream, part("LogsSpec", LogsSpec{false, 100, 0, false})));
    out.push_back(worker("vm_tunnel_request", ask, Verb::vm_tunnel, stream));
    out.push_back(worker("node_images_request", ask, Verb::node_images,
                         part("NodeImagesOrder", NodeImagesOrder{Epoch{3}, ImageAction::pull, "debian:12", "ada"})));
    out.push_back(worker("node_images_progress", Kind::progress, Verb::node_images,
                         part("Progress", Progress{"pulling", "3 of 7 layers", 43, ""})));
    out.push_back(worker("node_images_reply", Kind::reply, Verb::node_images,
                         part("ImagesReply", ImagesReply{{samples::image()}, 0})));
    Example cancel = worker("job_cancel", Kind::notice, Verb::job_cancel, raw());
    cancel.header.id = job_id;
    out.push_back(cancel);
}

void add_events(std::vector<Example>& out) {
    Example event = worker("events_published", Kind::notice, Verb::events_published,
                           part("EventBatch", EventBatch{{samples::event()}}));
    event.topic = topic_of(samples::event().owner);
    out.push_back(event);
    Example beacon = worker("event_beacon", Kind::notice, Verb::event_beacon,
                            part("Beacon", Beacon{samples::cloud, Epoch{3}, EventSeq{1042}}));
    beacon.topic = topic_beacon;
    out.push_back(beacon);
}

}  // namespace

std::vector<Example> all() {
    std::vector<Example> out;
    add_requests(out);
    add_streams(out);
    add_lookups(out);
    add_node_actions(out);
    add_keys(out);
    add_worker_life(out);
    add_jobs(out);
    add_events(out);
    return out;
}

}  // namespace mc::protocol::examples

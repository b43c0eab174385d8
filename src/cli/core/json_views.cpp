#include "cli/core/json_views.hpp"

#include "cli/core/json_helpers.hpp"
#include "cli/core/quantities.hpp"

namespace mc::cli {
namespace {

std::string_view name_of_intent(protocol::VmIntent intent) {
    switch (intent) {
        case protocol::VmIntent::running:
            return "running";
        case protocol::VmIntent::stopped:
            return "stopped";
        case protocol::VmIntent::deleted:
            return "deleted";
    }
    return "running";
}

Json labels_json(const std::vector<protocol::Label>& labels) {
    Json out = Json::object();
    for (const auto& label : labels) out[label.key] = label.value;
    return out;
}

void add_ssh(Json& out, const protocol::VmView& vm) {
    const bool has_ssh = vm.ssh_port != 0;
    out["ssh_host"] = text_or_null(vm.ssh_host);
    out["ssh_port"] = has_ssh ? Json(vm.ssh_port) : Json(nullptr);
    out["username"] = text_or_null(vm.username);
}

void add_rest(Json& out, const protocol::VmView& vm) {
    out["host_key"] = text_or_null(vm.host_key);
    out["id"] = vm.id.str();
    out["owner"] = text_or_null(vm.owner);
    out["state"] = std::string(name_of(vm.state));
    out["intent"] = std::string(name_of_intent(vm.intent));
    out["reason"] = text_or_null(vm.reason);
    out["node"] = text_or_null(vm.node);
    out["image"] = vm.image;
    out["cpus"] = static_cast<double>(vm.cpus_milli) / 1000.0;
    out["memory_bytes"] = vm.memory_bytes;
    out["pids"] = vm.pids;
    out["labels"] = labels_json(vm.labels);
    out["password_login"] = vm.password;
    out["created"] = time_or_null(vm.created);
    out["started"] = time_or_null(vm.started);
    out["expires"] = time_or_null(vm.expires);
    out["container"] = text_or_null(vm.container);
    out["on_lost"] = std::string(name_of(vm.on_lost));
}

Json vm_json(const protocol::VmView& vm) {
    Json out;
    out["name"] = vm.name;
    add_ssh(out, vm);
    add_rest(out, vm);
    return out;
}

Json created_json(const protocol::ItemResult& item, const std::string& password) {
    Json out;
    out["status"] = item.code == ErrorCode::ok ? "created" : "failed";
    const protocol::VmView vm = item.vm.value_or(protocol::VmView{});
    out["name"] = item.vm ? vm.name : item.target;
    if (item.code != ErrorCode::ok) {
        out["error"] = error_json(item.code, item.message);
        if (!item.vm) return out;
    }
    add_ssh(out, vm);
    out["password"] = item.code == ErrorCode::ok ? text_or_null(password) : Json(nullptr);
    add_rest(out, vm);
    return out;
}

Json item_json(const protocol::ItemResult& item, std::string_view done) {
    Json out;
    out["status"] = item.code == ErrorCode::ok ? std::string(done) : "failed";
    out["name"] = item.vm ? item.vm->name : item.target;
    out["error"] = item.code == ErrorCode::ok ? Json(nullptr) : error_json(item.code, item.message);
    out["vm"] = item.vm ? vm_json(*item.vm) : Json(nullptr);
    return out;
}

Json fact_or_null(protocol::Fact fact) {
    return fact == protocol::Fact::unknown ? Json(nullptr) : Json(fact == protocol::Fact::yes);
}

Json node_json(const protocol::NodeView& node) {
    Json out;
    out["name"] = node.name;
    out["id"] = node.id.str();
    out["state"] = state_of(node);
    out["reason"] = text_or_null(node.reason);
    out["slots"] = node.slots;
    out["slots_used"] = node.slots_used;
    out["cpus"] = static_cast<double>(node.cpus_milli) / 1000.0;
    out["memory_bytes"] = node.memory_bytes;
    out["advertise"] = node.advertise;
    out["engine_version"] = text_or_null(node.engine_version);
    out["worker_version"] = node.worker_version;
    out["silent_ms"] = node.silent_ms;
    out["engine_age_ms"] = node.engine_age_ms;
    out["labels"] = labels_json(node.labels);
    out["cordoned"] = node.cordoned;
    out["drain_deadline"] = time_or_null(node.drain_deadline);
    out["live_restore"] = fact_or_null(node.engine.live_restore);
    out["seccomp"] = fact_or_null(node.engine.seccomp);
    out["userns_remap"] = fact_or_null(node.engine.userns_remap);
    const auto& disk = node.engine.disk;
    out["disk_free_bytes"] = disk.bytes == 0 ? Json(nullptr) : Json(disk.free_bytes);
    out["disk_bytes"] = disk.bytes == 0 ? Json(nullptr) : Json(disk.bytes);
    return out;
}

Json job_json(const protocol::JobView& job, bool with_items) {
    Json out;
    out["request"] = job.request.str();
    out["verb"] = std::string(name_of(job.verb));
    out["done"] = job.done;
    out["accepted"] = time_or_null(job.accepted);
    if (!with_items) return out;
    out["items"] = Json::array();
    for (const auto& item : job.items) out["items"].push_back(item_json(item, job.done ? "done" : "under_way"));
    return out;
}

}  // namespace

std::string state_of(const protocol::NodeView& node) {
    return node.lost                                      ? "lost"
           : node.state == protocol::NodeState::not_ready ? "not_ready"
                                                          : std::string(name_of(node.state));
}

Json json_created(const protocol::ItemResult& item, const std::string& password) {
    return created_json(item, password);
}

Json json_created_all(const std::vector<protocol::ItemResult>& items, const std::vector<std::string>& passwords) {
    Json out = Json::array();
    for (std::size_t i = 0; i < items.size(); ++i) {
        out.push_back(created_json(items[i], passwords.empty() ? "" : passwords[i]));
    }
    return out;
}

Json json_accepted(const std::vector<Accepted>& accepted) {
    Json out = Json::array();
    for (const auto& one : accepted) {
        out.push_back(Json{{"status", "accepted"}, {"name", text_or_null(one.name)}, {"request", one.request.str()}});
    }
    return out;
}

Json json_vms(const std::vector<protocol::VmView>& vms) {
    Json out = Json::array();
    for (const auto& vm : vms) out.push_back(vm_json(vm));
    return out;
}

Json json_vm(const protocol::VmView& vm) {
    return vm_json(vm);
}

Json json_nodes(const std::vector<protocol::NodeView>& nodes) {
    Json out = Json::array();
    for (const auto& node : nodes) out.push_back(node_json(node));
    return out;
}

Json json_items(const std::vector<protocol::ItemResult>& items, std::string_view done) {
    Json out = Json::array();
    for (const auto& item : items) out.push_back(item_json(item, done));
    return out;
}

Json json_job(const protocol::JobView& job) {
    return job_json(job, true);
}

Json json_jobs(const std::vector<protocol::JobView>& jobs) {
    Json out = Json::array();
    for (const auto& job : jobs) out.push_back(job_json(job, false));
    return out;
}

Json json_event(const protocol::Event& event) {
    Json out;
    out["seq"] = event.seq.value;
    out["time"] = format_time_ms(event.time);
    out["kind"] = event.kind;
    out["name"] = text_or_null(event.name);
    out["owner"] = text_or_null(event.owner);
    out["vm"] = event.vm ? Json(event.vm.str()) : Json(nullptr);
    out["node"] = text_or_null(event.node);
    out["reason"] = text_or_null(event.reason);
    out["request"] = event.request ? Json(event.request.str()) : Json(nullptr);
    out["epoch"] = event.epoch.value;
    return out;
}

Json json_gap(EventSeq first, EventSeq last) {
    return Json{{"gap", Json{{"first", first.value}, {"last", last.value}}}};
}

Json json_other_cloud(CloudId cloud) {
    return Json{{"other_cloud", cloud.str()}};
}

Json json_error(const Error& error, ExitCode exit_code) {
    Json out = error_json(error.code, error.message);
    out["exit_code"] = static_cast<int>(exit_code);
    return Json{{"error", std::move(out)}};
}

Json json_versions(const Versions& versions) {
    Json nodes = Json::array();
    for (const auto& node : versions.nodes) {
        nodes.push_back(Json{{"name", node.name},
                             {"worker_version", node.worker_version},
                             {"engine_version", text_or_null(node.engine_version)}});
    }
    const bool reached = !versions.broker.empty();
    return Json{{"client", versions.client},
                {"broker", text_or_null(versions.broker)},
                {"cloud", reached ? Json(versions.cloud.str()) : Json()},
                {"epoch", reached ? Json(versions.epoch.value) : Json()},
                {"last_event", reached ? Json(versions.last_event.value) : Json()},
                {"nodes", nodes}};
}

}  // namespace mc::cli

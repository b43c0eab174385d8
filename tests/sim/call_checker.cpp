#include "sim/call_checker.hpp"

#include <string>

#include "protocol/codec.hpp"
#include "protocol/worker_bodies.hpp"
#include "sim/engine_text.hpp"
#include "worker/core/container_spec.hpp"

namespace mc::sim {
namespace {

constexpr milliseconds creates_interval{1000};
/// A refusal whose cause is looked up needs another create at the most every half a second; some
/// creates whose outcome is unknown come faster.
constexpr int creates_per_interval_max = 8;

}  // namespace

std::optional<CallChecker::Change> CallChecker::change_of(const worker::EngineRequest& request) const {
    if (request.method == "GET") return std::nullopt;
    const Engine::Operation operation = Engine::parse(request);
    const std::string& verb = operation.verb;
    if (verb == "create") {
        const std::string name = value_of(operation.query, "name");
        const auto vm = VmId::parse(name.substr(std::min<std::size_t>(name.size(), 3)));
        return vm && worker::container_name(*vm) == name ? std::optional(Change{*vm, true}) : std::nullopt;
    }
    if (verb != "start" && verb != "stop" && verb != "restart" && verb != "remove" && verb != "upload" &&
        verb != "update") {
        return std::nullopt;
    }
    const auto found = engine_.containers().find(operation.container);
    // A copy is nobody's work: it may go while a job is at the VM's own container.
    if (found == engine_.containers().end() || found->second.copy) return std::nullopt;
    return Change{found->second.vm, false};
}

void CallChecker::is_told(const protocol::Message& message) {
    if (message.header.kind != protocol::Kind::request || message.header.verb != protocol::Verb::vm_create) return;
    const auto order = protocol::decode<protocol::CreateOrder>(message.body);
    if (!order) return;
    std::string& keys = keys_[order->vm];
    keys.clear();
    for (const auto& line : order->spec.authorized_keys) keys += line + "\n";
}

void CallChecker::asks(const worker::EngineRequest& request, const Calls& under_way) {
    const auto change = change_of(request);
    if (!change) return;
    if (change->creates) count_create(change->vm);
    for (const auto& [id, call] : under_way) {
        const auto other = change_of(call->request);
        if (!other || other->vm != change->vm) continue;
        // A job and the inventory may both part with a second container: the engine refuses the later one.
        if (request.method == "DELETE" && call->request.target == request.target) continue;
        return world_.violated("VM " + change->vm.str() + " has two things done to it at once: " +
                               call->request.target + " and " + request.target);
    }
}

void CallChecker::count_create(VmId vm) {
    auto& [since, count] = creates_[vm];
    if (count == 0 || world_.now() - since > creates_interval) {
        since = world_.now();
        count = 0;
    }
    if (++count > creates_per_interval_max) {
        world_.violated("the engine was asked to make VM " + vm.str() + " " + std::to_string(count) +
                        " times within a second");
    }
}

void CallChecker::says(const protocol::Message& message, const Calls& under_way) {
    const auto& header = message.header;
    const bool removed = header.verb == protocol::Verb::vm_remove;
    const bool ready = header.verb == protocol::Verb::vm_create || header.verb == protocol::Verb::vm_start ||
                       header.verb == protocol::Verb::vm_restart;
    if (header.kind != protocol::Kind::reply || header.code != ErrorCode::ok || (!removed && !ready)) return;
    const auto report = protocol::decode<protocol::VmReport>(message.body);
    if (!report) return world_.violated("a worker's reply that can't be read");
    if (removed) return says_removed(*report, under_way);
    says_ready(*report);
}

void CallChecker::says_removed(const protocol::VmReport& report, const Calls& under_way) {
    for (const auto& [id, call] : under_way) {
        const auto change = change_of(call->request);
        if (!change || !change->creates || change->vm != report.vm) continue;
        return world_.violated("VM " + report.vm.str() + " was said to be removed while it was made");
    }
    for (const auto& [id, container] : engine_.containers()) {
        if (container.vm != report.vm || container.copy || container.stranger) continue;
        if (container.state == ContainerState::running) {
            return world_.violated("VM " + report.vm.str() + " was said to be removed, and runs");
        }
    }
}

void CallChecker::says_ready(const protocol::VmReport& report) {
    const auto found = engine_.containers().find(report.container);
    if (found == engine_.containers().end()) return;
    if (found->second.spare && found->second.host_name == "spare") {
        world_.violated("VM " + report.vm.str() + " is said to be ready, and is still a container kept for any VM");
    }
    const auto wanted = keys_.find(report.vm);
    if (found->second.exposes_ssh && wanted != keys_.end() && found->second.keys != wanted->second) {
        world_.violated("VM " + report.vm.str() + " is said to be ready, and its owner's keys are not in it");
    }
    if (!found->second.other_answers) return;
    // A reply that is said again may tell of an earlier run; without a key there is nothing to tell sshds apart by.
    if (found->second.started_unix_ms != report.started.unix_ms || report.host_key.empty()) return;
    world_.violated("VM " + report.vm.str() + " is said to be ready, and another VM's sshd answers at its port");
}

}  // namespace mc::sim

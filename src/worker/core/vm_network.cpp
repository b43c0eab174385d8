#include "worker/core/vm_network.hpp"

#include "protocol/limits.hpp"
#include "worker/core/engine_requests.hpp"
#include "worker/core/text.hpp"

namespace mc::worker {

VmNetwork::VmNetwork(Outbox& outbox, EngineCalls& calls, const Settings& settings)
    : outbox_(outbox), calls_(calls), settings_(settings) {
    // Somebody's own network is taken at its word.
    if (!settings.vm_network.empty()) name_ = settings.vm_network;
}

void VmNetwork::look(const engine::EngineInfo& engine) {
    if (step_ != Step::idle) return;
    engine_ = engine.id + engine.data_root;
    if (settings_.vm_network.empty()) return inspect(Step::bridge, engine::default_network);
    if (!told_) inspect(Step::named, settings_.vm_network);
}

void VmNetwork::inspect(Step step, const std::string& network) {
    step_ = step;
    calls_.start(owner_health, CallPurpose::network, engine::network_inspect(network));
}

void VmNetwork::on_call_done(const CallResult& result) {
    const Step step = std::exchange(step_, Step::idle);
    if (!result) return;  // it is looked at again; until then what was known goes on
    switch (step) {
        case Step::idle:
            return;
        case Step::named:
            return on_named(*result);
        case Step::bridge:
            return on_bridge(*result);
        case Step::own:
            if (result->status == 404) return make();
            return on_own(*result);
        case Step::after_refusal:
            if (result->status != 404) return on_own(*result);
            // The engine shows a network that another worker is making only when it is done.
            return on_nothing_told("the engine can't make a network in which VMs are kept apart: " + refusal_ +
                                   "; make room for one (docker network ls), or name another with --vm-network");
        case Step::make:
            if (engine::is_good(*result)) return settle_on(engine::own_network);
            // Another worker may have made it in between.
            refusal_ = engine::message_of(*result);
            return inspect(Step::after_refusal, engine::own_network);
    }
}

void VmNetwork::on_bridge(const EngineResponse& answer) {
    if (answer.status != 404) {
        if (!engine::is_good(answer)) {
            return on_nothing_told("the engine can't tell about its default network: " + engine::message_of(answer));
        }
        const auto network = engine::parse_network(answer.body);
        if (!network) return on_nothing_told(network.error().message);
        if (network->isolates) return settle_on("");
    }
    if (name_ == "") name_.reset();
    inspect(Step::own, engine::own_network);
}

void VmNetwork::make() {
    name_.reset();
    step_ = Step::make;
    calls_.start(owner_health, CallPurpose::network, engine::own_network_create(engine_));
}

void VmNetwork::on_own(const EngineResponse& answer) {
    const std::string name = engine::own_network;
    if (!engine::is_good(answer)) {
        return on_nothing_told("the engine can't tell about its network " + name + ": " + engine::message_of(answer));
    }
    const auto network = engine::parse_network(answer.body);
    if (!network) return on_nothing_told(network.error().message);
    if (network->isolates && !network->internal) return settle_on(name);
    const std::string flaw = "in the engine's network " + name +
                             (network->internal ? " nobody would reach VMs" : " VMs would reach each other");
    settle_on_none(network->ours
                       ? flaw + ": remove it (docker network rm " + name +
                             "), and it is made anew; or name another with --vm-network"
                       : flaw + ", and it is somebody else's: name another with --vm-network " + "(docs/security.md)");
}

void VmNetwork::on_nothing_told(const std::string& problem) {
    if (!name_ && ++looks_ >= bounds::network_looks_max) settle_on_none(problem);
}

void VmNetwork::on_named(const EngineResponse& answer) {
    const std::string& name = settings_.vm_network;
    if (answer.status == 404) {
        told_ = true;
        outbox_.log(LogLevel::error, "the engine has no network " + name +
                                         ", so no VM can start: make it (docs/security.md), or leave --vm-network out");
    }
    if (!engine::is_good(answer)) return;
    const auto network = engine::parse_network(answer.body);
    if (!network) return;
    told_ = true;
    if (network->isolates) return;
    outbox_.log(LogLevel::warning, "VMs in the engine's network " + name +
                                       " reach each other: leave --vm-network out, or name a network that was made "
                                       "with -o com.docker.network.bridge.enable_icc=false (docs/security.md)");
}

bool VmNetwork::on_answer(CallPurpose purpose, const CallResult& result) {
    if (purpose != CallPurpose::start && purpose != CallPurpose::restart) return false;
    if (!settings_.vm_network.empty() || !name_ || name_->empty() || !result || result->status != 404) return false;
    if (engine::message_of(*result).find("network " + *name_ + " not found") == std::string::npos) return false;
    name_.reset();
    return true;
}

void VmNetwork::settle_on(const std::string& name) {
    problem_.clear();
    looks_ = 0;
    if (name_ == name) return;
    name_ = name;
    if (name.empty()) return;
    outbox_.log(LogLevel::info,
                "VMs are put in the engine's network " + name + ", in which they don't reach each other");
}

void VmNetwork::settle_on_none(std::string problem) {
    name_.reset();
    problem_ = to_sentence(problem, limits::reason_bytes_max);
}

}  // namespace mc::worker

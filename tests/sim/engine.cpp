#include "sim/engine.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/engine_text.hpp"
#include "worker/core/bounds.hpp"
#include "worker/core/engine_requests.hpp"

namespace mc::sim {
namespace {

using worker::EngineResponse;

constexpr std::size_t filters_kept_max = 64;
constexpr milliseconds way{1};         ///< from the worker to the engine and back
constexpr milliseconds end_poll{200};  ///< of a stop, for its container's end

void put_files(Container& container, const std::vector<worker::FileEntry>& files) {
    for (const auto& file : files) {
        if (file.path == "root/.ssh/authorized_keys") container.keys = file.content;
    }
}

std::string host_key_of(const Container& container) {
    return "ssh-ed25519 AAAA" + container.id;
}

}  // namespace

Engine::Engine(World& world, std::string name, EngineObserver& observer)
    : world_(world), dice_(world.dice("engine " + name)), name_(std::move(name)), observer_(observer) {
    bridge_isolates_ = dice_.one_in(2);
}

Engine::Operation Engine::parse(const worker::EngineRequest& request) {
    std::string path = request.target.substr(std::string("/v1.41").size());
    Operation operation;
    if (const auto mark = path.find('?'); mark != std::string::npos) {
        operation.query = path.substr(mark + 1);
        path.resize(mark);
    }
    const auto starts = [&](const char* prefix) { return path.rfind(prefix, 0) == 0; };
    if (path == "/containers/json") {
        operation.verb = "list";
    } else if (path == "/containers/create") {
        operation.verb = "create";
    } else if (path == "/images/create") {
        operation.verb = "pull";
    } else if (starts("/images/")) {
        operation.verb = "image";
        operation.container = url_decoded(path.substr(8, path.size() - 8 - 5));
    } else if (starts("/exec/")) {
        const auto slash = path.find('/', 6);
        operation.container = path.substr(6, slash - 6);
        operation.verb = "exec_" + path.substr(slash + 1);
    } else if (starts("/containers/")) {
        const auto slash = path.find('/', 12);
        operation.container = path.substr(12, slash == std::string::npos ? slash : slash - 12);
        const std::string rest = slash == std::string::npos ? "" : path.substr(slash + 1);
        operation.verb = rest == "json" ? "inspect" : rest.empty() ? "remove" : rest == "exec" ? "exec_create" : rest;
        if (operation.verb == "archive") operation.verb = request.method == "PUT" ? "upload" : "host_key";
    } else {
        operation.verb = path.substr(1);  // info, events
    }
    return operation;
}

milliseconds Engine::latency(const Operation& operation) {
    milliseconds base = dice_.between(2ms, 12ms);
    const std::string& verb = operation.verb;
    if (verb == "create") base = dice_.between(30ms, 150ms);
    if (verb == "start") base = dice_.between(80ms, 400ms);
    if (verb == "remove") base = dice_.between(40ms, 300ms);
    if (verb == "stop" || verb == "restart") {
        const auto grace = std::stoll(value_of(operation.query, "t"));
        base = dice_.one_in(3) ? milliseconds(grace * 1000 + 100) : dice_.between(50ms, 600ms);
    }
    return base * static_cast<std::int64_t>(mood.slowness);
}

void Engine::start(CallPtr call) {
    world_.record(call->request.target);
    if (down_) {
        return finish(call, fail(ErrorCode::engine_unreachable, "connection refused"), way);
    }
    call->number = ++last_number_;
    call->asked = world_.now();
    calls_.insert(call);
    const Operation operation = parse(call->request);
    world_.say([&] { return "  " + name_ + ": " + operation.verb + " " + operation.container; });
    world_.schedule.in(way, [this, call, operation, daemon = daemon_] {
        if (daemon == daemon_) begin(call, operation);
    });
}

void Engine::begin(const CallPtr& call, const Operation& operation) {
    if (mood.hung) return park([this, call, operation] { begin(call, operation); });
    if (operation.verb == "events") return subscribe(call);
    if (mood.failing) return finish(call, trouble(500, "server error: something inside is broken"), way);
    if (operation.verb == "pull") return pull(call, operation);
    if (operation.verb == "logs") return logs(call, operation);
    if (operation.verb == "list" && mood.slowness > 1) {
        // It tells what was there when it began.
        world_.schedule.in(dice_.between(50ms, 3s), [this, call, answer = list(operation.query), daemon = daemon_] {
            if (daemon == daemon_) finish(call, answer, way);
        });
        return;
    }
    if (operation.verb == "start" && kill_in_start_) {
        const auto [down, live_restore] = *std::exchange(kill_in_start_, std::nullopt);
        return restart_daemon(down, live_restore);
    }
    if (operation.verb == "remove") {
        Container* container = find(operation.container);
        if (!container) return finish(call, trouble(404, "No such container: " + operation.container), way);
        if (container->state == ContainerState::removing) {
            return finish(call, trouble(409, "removal of container " + container->id + " is already in progress"), way);
        }
        // ADR 9: somebody's copy that can run stays instead of one that can't any more.
        const bool outlived = container->state == ContainerState::dead && has_copy(container->vm);
        if (!container->stranger && !container->copy && !outlived) observer_.removal_begun(*container);
        container->state = ContainerState::removing;
    }
    if (operation.verb == "create") {
        // Taken from the beginning of a create, long before anybody can see the container.
        const std::string name = value_of(operation.query, "name");
        if (mood.squatted_names_per_mille > 0 && dice_.per_mille(mood.squatted_names_per_mille))
            squat(name, call->request);
        if (name.empty()) {
            // The engine finds one.
        } else if (by_name_.contains(name) || !reserved_.insert(name).second) {
            world_.fired(Fault::name_conflict);
            return finish(call, trouble(409, "Conflict. The container name \\\"/" + name + "\\\" is already in use"),
                          way);
        }
    }
    carry_out(call, operation, world_.now() + latency(operation));
}

void Engine::carry_out(const CallPtr& call, const Operation& operation, Moment at) {
    const bool waits_for_end = operation.verb == "stop" || operation.verb == "restart";
    const Moment next = waits_for_end ? std::min(at, world_.now() + end_poll) : at;
    world_.schedule.in(next - world_.now(), [this, call, operation, at, waits_for_end, daemon = daemon_] {
        if (daemon != daemon_) return;
        const Container* container = find(operation.container);
        // Whoever ended it, and however much of the grace period is left.
        const bool ended = !container || container->state != ContainerState::running;
        if (world_.now() >= at || (waits_for_end && ended)) return apply(call, operation);
        carry_out(call, operation, at);
    });
}

void Engine::apply(const CallPtr& call, const Operation& operation) {
    if (mood.hung) return park([this, call, operation] { apply(call, operation); });
    Answer answer = perform(call, operation);
    if (mood.lost_answers_per_mille > 0 && dice_.per_mille(mood.lost_answers_per_mille)) {
        world_.fired(Fault::engine_answer_lost);
        return finish(call, fail(ErrorCode::engine_failed, "the connection to the engine broke"), way);
    }
    finish(call, std::move(answer), way);
}

void Engine::finish(const CallPtr& call, worker::CallResult result, milliseconds after) {
    if (call->ended) return;
    call->ended = true;
    calls_.erase(call);
    world_.schedule.in(after, [call, result = std::move(result)]() mutable {
        if (!call->cancelled) call->on_done(std::move(result));
        call->on_done = {};
        call->on_chunk = {};
    });
}

Engine::Answer Engine::perform(const CallPtr& call, const Operation& operation) {
    const std::string& verb = operation.verb;
    if (verb == "info") {
        return {
            200,
            R"({"ServerVersion":"20.10.24","NCPU":4,"MemTotal":8589934592,"LiveRestoreEnabled":true,"DockerRootDir":"/sim"})",
            {}};
    }
    if (verb.starts_with("networks/")) return network(verb.substr(std::string("networks/").size()));
    if (verb == "list") return list(operation.query);
    if (verb == "inspect") return inspect(operation);
    if (verb == "stats") {
        const Container* container = find(operation.container);
        if (!container) return trouble(404, "No such container: " + operation.container);
        return {200, usage_text(*container, epoch_unix_ms + world_.now().count()), {}};
    }
    if (verb == "create") return create(call->request, operation);
    if (verb == "start") return start_container(operation);
    if (verb == "stop") return stop(operation, false);
    if (verb == "restart") return stop(operation, true);
    if (verb == "remove") return remove(call, operation);
    if (verb == "update") {
        Container* container = find_to_change(operation);
        if (!container) return trouble(404, "No such container: " + operation.container);
        container->memory_bytes = nlohmann::json::parse(call->request.body).at("Memory");
        return {200, R"({"Warnings":null})", {}};
    }
    if (verb == "exec_create") return exec_create(operation);
    if (verb == "exec_resize") return {201, "", {}};
    if (verb == "exec_json") {
        const auto found = execs_.find(operation.container);
        if (found == execs_.end()) return trouble(404, "No such exec instance");
        return {200,
                std::string(R"({"Running":)") + (found->second.first ? "true" : "false") + R"(,"ExitCode":)" +
                    std::to_string(found->second.second) + "}",
                {}};
    }
    if (verb == "image") {
        if (!images_.contains(operation.container)) return trouble(404, "No such image: " + operation.container);
        return image_text(operation.container);
    }
    if (verb == "upload" || verb == "host_key") {
        Container* container = find(operation.container);
        if (!container) return trouble(404, "No such container: " + operation.container);
        if (verb == "upload") {
            put_files(*container, call->request.files);
            return {200, "", {}};
        }
        return {200, "", {{"ssh_host_ed25519_key.pub", 0644, false, host_key_of(*container) + " root@vm\n"}}};
    }
    return trouble(404, "page not found");
}

Engine::Answer Engine::network(const std::string& word) {
    const std::string name = worker::engine::own_network;
    if (word == "create") {
        if (has_network_) return trouble(403, "networks have same bridge name");
        has_network_ = true;
        return {201, R"({"Id":"n1"})", {}};
    }
    if (word == name && !has_network_) return trouble(404, "network " + name + " not found");
    const bool apart = word == name || bridge_isolates_;
    return {
        200,
        std::string(R"({"Options":{"com.docker.network.bridge.enable_icc":")") + (apart ? "false" : "true") + "\"}}",
        {}};
}

Engine::Answer Engine::list(const std::string& query) {
    if (filters_.size() > filters_kept_max) filters_.clear();
    auto& wanted = filters_[query];
    if (wanted.empty()) wanted = label_filter(query);
    for (const auto& [label, value] : wanted) {
        if (label == "minicloud.vm") looked_for_[value] = world_.now();
    }
    std::string body = "[";
    for (const auto& [id, container] : containers_) {
        const bool matches = std::all_of(wanted.begin(), wanted.end(), [&](const auto& pair) {
            const auto found = container.labels.find(pair.first);
            return found != container.labels.end() && found->second == pair.second;
        });
        if (!matches) continue;
        if (body.size() > 1) body += ",";
        body += list_entry(container);
    }
    return {200, body + "]", {}};
}

Engine::Answer Engine::inspect(const Operation& operation) {
    const Container* container = find(operation.container);
    if (!container) return trouble(404, "No such container: " + operation.container);
    return {200, inspect_text(*container), {}};
}

void Engine::squat(const std::string& name, const worker::EngineRequest& create) {
    if (by_name_.contains(name) || reserved_.contains(name)) return;
    world_.fired(Fault::name_squatted);
    Container container;
    container.id = to_hex(++last_id_) + name_;
    container.name = name;
    container.image = "plain:1";
    container.stranger = true;
    container.state = ContainerState::running;
    if (last_id_ % 2 == 0) {
        // As like ours as one of another cloud can be: only the labels' proof is missing.
        container.labels = nlohmann::json::parse(create.body).at("Labels").get<std::map<std::string, std::string>>();
        container.labels.at(last_id_ % 4 == 0 ? "minicloud.cloud" : "minicloud.node") = to_hex(last_id_);
    }
    by_name_[name] = container.id;
    containers_[container.id] = container;
}

Engine::Answer Engine::create(const worker::EngineRequest& request, const Operation& operation) {
    std::string name = value_of(operation.query, "name");
    reserved_.erase(name);
    if (name.empty()) name = "named" + std::to_string(last_id_ + 1);
    if (mood.full) {
        return trouble(500, "mkdir /var/lib/docker/overlay2/x: no space left on device");
    }
    const auto body = nlohmann::json::parse(request.body);
    if (!images_.contains(body.at("Image"))) return trouble(404, "No such image");
    Container container;
    container.id = to_hex(++last_id_) + name_;
    container.name = name;
    container.created_unix_ms = epoch_unix_ms + world_.now().count();
    container.image = body.at("Image");
    container.labels = body.at("Labels").get<std::map<std::string, std::string>>();
    container.exposes_ssh = body.contains("ExposedPorts");
    container.kept_apart = bridge_isolates_ || body.at("HostConfig").contains("NetworkMode");
    container.vm = VmId::parse(container.labels.at("minicloud.vm")).value_or(VmId{});
    container.spare = container.labels.contains("minicloud.spare");
    if (!container.spare) container.request = container.labels.at("minicloud.request");
    container.host_name = body.at("Hostname");
    container.memory_bytes = body.at("HostConfig").at("Memory");
    if (const auto look = looked_for_.find(container.labels.at("minicloud.vm")); look != looked_for_.end()) {
        container.unrenamed_until = look->second + worker::bounds::find_call_max;
    }
    by_name_[name] = container.id;
    const Container& made = containers_[container.id] = container;
    observer_.container_created(name_, made);
    return {201, R"({"Id":")" + container.id + R"(","Warnings":[]})", {}};
}

Engine::Answer Engine::start_container(const Operation& operation) {
    Container* container = find_to_change(operation);
    if (!container) return trouble(404, "No such container: " + operation.container);
    container->start_answered = world_.now();
    if (container->state == ContainerState::running) return {304, "", {}};
    if (container->state == ContainerState::removing || container->state == ContainerState::dead) {
        return trouble(409, "container is marked for removal and cannot be started");
    }
    if (leftovers_.contains(container->id)) return trouble(409, "task " + container->id + ": already exists");
    if (!run(*container)) {
        return trouble(500,
                       "driver failed programming external connectivity on endpoint: Bind for "
                       "0.0.0.0:32768 failed: port is already allocated");
    }
    return {204, "", {}};
}

bool Engine::run(Container& container) {
    if (container.exposes_ssh && mood.taken_ports_per_mille > 0 && dice_.per_mille(mood.taken_ports_per_mille)) {
        world_.fired(Fault::port_taken);
        return false;
    }
    container.state = ContainerState::running;
    container.exit_code = 0;
    container.pid = ++last_pid_;
    container.started_unix_ms = epoch_unix_ms + world_.now().count();
    container.port = container.exposes_ssh ? static_cast<std::uint16_t>(32768 + dice_.below(20000)) : std::uint16_t{0};
    container.ssh_at = world_.now() + dice_.between(100ms, 900ms);
    if (dice_.per_mille(mood.silent_ssh_per_mille)) {
        world_.fired(Fault::ssh_silent);
        container.ssh_at = Moment::max();
    }
    container.other_answers = !container.other_answers && container.exposes_ssh && mood.others_answer_per_mille > 0 &&
                              dice_.per_mille(mood.others_answer_per_mille);
    if (container.other_answers) world_.fired(Fault::other_vm_answers);
    tell("start", container);
    if (dice_.per_mille(mood.exits_at_start_per_mille)) {
        world_.fired(Fault::exits_at_start);
        world_.schedule.in(dice_.between(5ms, 400ms), [this, id = container.id] {
            Container* later = find(id);
            if (later && later->state == ContainerState::running) end(*later, 1, true, "die");
        });
    }
    return true;
}

Engine::Answer Engine::stop(const Operation& operation, bool restart) {
    Container* container = find_to_change(operation);
    if (!container) return trouble(404, "No such container: " + operation.container);
    if (container->state == ContainerState::running) {
        end(*container, 143, false, "die");
    } else if (!restart) {
        return {304, "", {}};
    } else if (container->state == ContainerState::removing || container->state == ContainerState::dead) {
        return trouble(409, "container is marked for removal and cannot be started");
    }
    if (restart) container->start_answered = world_.now();
    if (restart && leftovers_.contains(container->id)) {
        return trouble(409, "task " + container->id + ": already exists");
    }
    if (restart && !run(*container)) return trouble(500, "port is already allocated");
    return {204, "", {}};
}

Engine::Answer Engine::remove(const CallPtr& call, const Operation& operation) {
    Container* container = find_to_change(operation);
    if (!container) return trouble(404, "No such container: " + operation.container);
    if (mood.stuck_removals_per_mille > 0 && dice_.per_mille(mood.stuck_removals_per_mille)) {
        world_.fired(Fault::engine_removal_stuck);
        world_.schedule.in(dice_.between(500ms, 20s), [this, id = container->id, daemon = daemon_] {
            if (daemon == daemon_ && find(id)) erase(id, false);
        });
        static_cast<void>(call);
        return trouble(500, "removal of container failed: device or resource busy");
    }
    erase(container->id, false);
    return {204, "", {}};
}

Container* Engine::find_to_change(const Operation& operation) {
    Container* container = find(operation.container);
    if (container && container->stranger) observer_.stranger_touched(*container, operation.verb);
    return container;
}

Container* Engine::find(const std::string& id_or_name) {
    const auto named = by_name_.find(id_or_name);
    const auto found = containers_.find(named == by_name_.end() ? id_or_name : named->second);
    return found == containers_.end() ? nullptr : &found->second;
}

void Engine::end(Container& container, int exit_code, bool by_itself, const char* action) {
    container.state = ContainerState::exited;
    container.exit_code = exit_code;
    container.port = 0;
    container.ssh_at = Moment::max();
    if (!container.stranger && !container.copy) observer_.container_stopped(container, by_itself);
    end_followers(container.id);
    tell(action, container);
}

void Engine::erase(const std::string& id, bool by_fault) {
    const Container container = containers_.at(id);
    by_name_.erase(container.name);
    containers_.erase(id);
    if (!container.stranger && !container.copy) observer_.container_removed(name_, container, by_fault);
    end_followers(container.id);  // `id` may be the key that has just gone
    tell("destroy", container);
}

worker::VisitResult Engine::personalise(const worker::PersonaliseVm& visit) {
    Container* container = find_running(visit.container, visit.pid);
    if (!container) return fail(ErrorCode::not_found, "no such process");
    if (mood.failing_visits_per_mille > 0 && dice_.per_mille(mood.failing_visits_per_mille)) {
        world_.fired(Fault::visit_failed);
        return fail(ErrorCode::io_failed, "no space left on device");
    }
    put_files(*container, visit.files);
    if (!visit.host_name.empty()) container->host_name = visit.host_name;
    const bool given = !visit.host_name.empty() && visit.host_name != "spare";
    if (container->spare && given) observer_.container_given(name_, *container);
    return visit.read.empty() || world_.now() < container->ssh_at ? "" : host_key_of(*container) + " root@vm\n";
}

std::optional<Result<void>> Engine::end_vm(const worker::EndVm& visit, std::function<void(Result<void>)> done) {
    if (!find_running(visit.container, visit.pid)) return Result<void>(fail(ErrorCode::not_found, "no such process"));
    if (mood.failing_visits_per_mille > 0 && dice_.per_mille(mood.failing_visits_per_mille)) {
        world_.fired(Fault::visit_failed);
        world_.schedule.in(visit.time_max, [done = std::move(done)] {
            done(fail(ErrorCode::deadline_exceeded, "its processes were told to end and do not"));
        });
        return std::nullopt;
    }
    world_.schedule.in(dice_.between(1ms, 40ms), [this, id = visit.container, pid = visit.pid, done = std::move(done)] {
        if (Container* container = find_running(id, pid)) end(*container, 137, false, "die");
        done({});
    });
    return std::nullopt;
}

Container* Engine::find_running(const std::string& id, int pid) {
    Container* container = find(id);
    return container && container->state == ContainerState::running && container->pid == pid ? container : nullptr;
}

std::optional<std::string> Engine::host_key_at(std::uint16_t port) const {
    for (const auto& [id, container] : containers_) {
        if (container.state != ContainerState::running || container.port != port || port == 0) continue;
        if (container.other_answers) return "ssh-ed25519 AAAAleftover";
        if (world_.now() >= container.ssh_at) return host_key_of(container);
    }
    return std::nullopt;
}

}  // namespace mc::sim

// Engines that pull, stream, die and come back.
#include <algorithm>

#include "sim/engine.hpp"
#include "sim/engine_text.hpp"

namespace mc::sim {

void Engine::pull(const CallPtr& call, const Operation& operation) {
    const std::string image = value_of(operation.query, "fromImage") + ":" + value_of(operation.query, "tag");
    const bool exists = image == "alpine:3";
    if (!exists)
        return finish(call, trouble(404, "pull access denied for " + image + ", repository does not exist"), 50ms);
    const bool fails = dice_.per_mille(mood.failing_pulls_per_mille);
    const auto layers = dice_.between(1, 6);
    milliseconds after{0};
    for (std::int64_t layer = 0; layer < layers; ++layer) {
        after += dice_.between(50ms, 700ms) * static_cast<std::int64_t>(mood.slowness);
        world_.schedule.in(after, [this, call, layer, daemon = daemon_] {
            if (daemon != daemon_ || call->cancelled || call->ended || mood.hung) return;
            call->on_chunk(R"({"id":"l)" + std::to_string(layer) + R"(","status":"Pull complete"})" + "\n");
        });
    }
    world_.schedule.in(after + 10ms, [this, call, image, fails, daemon = daemon_] {
        if (daemon != daemon_) return;
        const auto done = [this, call, image, fails] {
            if (call->ended) return;
            if (fails) {
                world_.fired(Fault::pull_failed);
                if (!call->cancelled)
                    call->on_chunk(R"({"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"})"
                                   "\n");
            } else if (images_.insert(image).second) {
                world_.fired(Fault::image_pulled);
            }
            finish(call, Answer{200, "", {}}, 1ms);
        };
        if (mood.hung) return park(done);
        done();
    });
}

void Engine::logs(const CallPtr& call, const Operation& operation) {
    const Container* container = find(operation.container);
    if (!container) return finish(call, trouble(404, "No such container: " + operation.container), 1ms);
    const std::string text = attach_frame("hello from " + container->name + "\n");
    if (!call->request.stream) return finish(call, Answer{200, text, {}}, 3ms);
    world_.schedule.in(dice_.between(2ms, 10ms),
                       [this, call, text, operation, container_id = container->id, daemon = daemon_] {
                           if (daemon != daemon_ || call->ended) return;
                           if (!call->cancelled) call->on_chunk(text);
                           if (call->cancelled || value_of(operation.query, "follow") != "1")
                               return finish(call, Answer{200, "", {}}, 1ms);
                           // It goes on until the container ends, the daemon does, or nobody listens.
                           followers_.emplace_back(container_id, call);
                       });
}

void Engine::end_followers(const std::string& container) {
    std::erase_if(followers_, [&](const auto& follower) {
        if (follower.first != container) return follower.second->cancelled || follower.second->ended;
        finish(follower.second, Answer{200, "", {}}, 1ms);
        return true;
    });
}

void Engine::subscribe(const CallPtr& call) {
    std::erase_if(watchers_, [](const CallPtr& c) { return c->cancelled || c->ended; });
    watchers_.push_back(call);
}

void Engine::tell(const char* action, const Container& container) {
    world_.record(container.id + action);
    world_.say([&] { return "  " + name_ + " event: " + action + " " + container.name; });
    if (watchers_.empty() || down_) return;
    const std::string line = std::string(R"({"Type":"container","Action":")") + action + R"(","Actor":{"ID":")" +
                             container.id + R"("},"time":)" +
                             std::to_string((epoch_unix_ms + world_.now().count()) / 1000) + "}\n";
    for (const auto& call : watchers_) {
        if (call->cancelled || call->ended) continue;
        world_.schedule.in(dice_.between(1ms, 5ms), [this, call, line] {
            if (!call->cancelled && !call->ended && !mood.hung) call->on_chunk(line);
        });
    }
}

Engine::Answer Engine::exec_create(const Operation& operation) {
    const Container* container = find(operation.container);
    if (!container) return trouble(404, "No such container: " + operation.container);
    if (container->state != ContainerState::running) return trouble(409, "Container is not running");
    const std::string id = "exec" + std::to_string(++last_id_);
    execs_[id] = {true, 0};
    return {201, R"({"Id":")" + id + R"("})", {}};
}

void Engine::open_stream(StreamPtr stream, const worker::EngineRequest& request) {
    const Operation operation = parse(request);
    stream->exec = operation.container;
    if (down_) {
        world_.schedule.in(1ms, [stream] {
            if (!stream->cancelled) stream->on_closed(fail(ErrorCode::engine_unreachable, "connection refused"));
        });
        return;
    }
    stream->number = ++last_number_;
    streams_.insert(stream);
    const auto close = [this, stream](Result<void> result) {
        if (std::exchange(stream->ended, true)) return;
        streams_.erase(stream);
        execs_[stream->exec] = {false, 0};
        if (!stream->cancelled) stream->on_closed(std::move(result));
    };
    world_.schedule.in(dice_.between(3ms, 30ms), [this, stream, daemon = daemon_] {
        if (daemon == daemon_ && !stream->cancelled && !mood.hung) stream->on_opened();
    });
    const bool shell = dice_.one_in(3);  // it stays open until somebody ends it
    const auto pieces = dice_.between(1, 5);
    milliseconds after{40};
    for (std::int64_t i = 0; i < pieces; ++i) {
        after += dice_.between(1ms, 300ms);
        world_.schedule.in(after, [stream, daemon = daemon_, this, i] {
            if (daemon != daemon_ || stream->cancelled || stream->ended || mood.hung) return;
            stream->on_bytes(attach_frame("line " + std::to_string(i) +
                                          std::string(static_cast<std::size_t>(i) * 7000, '.') + "\n"));
        });
    }
    const milliseconds end = shell ? dice_.between(10s, 120s) : after + 20ms;
    world_.schedule.in(end, [this, close, daemon = daemon_] {
        if (daemon == daemon_) close({});
    });
}

void Engine::restart_daemon(milliseconds down, bool live_restore) {
    down_ = true;
    ++daemon_;
    world_.fired(live_restore ? Fault::engine_restarted_live : Fault::engine_restarted);
    parked_.clear();
    reserved_.clear();
    leave_starts_behind();
    for (const auto& call : std::exchange(calls_, decltype(calls_){})) {
        finish(call, fail(ErrorCode::engine_failed, "the connection to the engine broke"), dice_.between(1ms, 20ms));
    }
    watchers_.clear();
    followers_.clear();
    for (const auto& stream : std::exchange(streams_, decltype(streams_){})) {
        stream->ended = true;
        execs_[stream->exec] = {false, 137};
        world_.schedule.in(1ms, [stream] {
            if (!stream->cancelled)
                stream->on_closed(fail(ErrorCode::engine_failed, "the connection to the engine broke"));
        });
    }
    for (auto& [id, container] : containers_) {
        const bool removing = container.state == ContainerState::removing;
        if (removing || container.state == ContainerState::exited) {
            // Half removed, or its files can't be unmounted: `Dead`; or as if nothing had been.
            const bool dead = dice_.one_in(removing ? 2 : 4);
            if (dead) world_.fired(Fault::container_dead);
            container.state = dead ? ContainerState::dead : ContainerState::exited;
            container.port = 0;
        } else if (container.state == ContainerState::running && !live_restore) {
            // Not by itself: it must run again, and nothing may remove it for this.
            end(container, dice_.one_in(2) ? 137 : 0, false, "die");
        }
    }
    world_.schedule.in(down, [this] { down_ = false; });
}

std::vector<std::string> Engine::of_vms(bool running) const {
    std::vector<std::string> ids;
    for (const auto& [id, container] : containers_) {
        if (container.stranger || container.copy || container.state == ContainerState::removing) continue;
        if (!running || container.state == ContainerState::running) ids.push_back(id);
    }
    return ids;
}

bool Engine::kill_some_container() {
    const auto running = of_vms(true);
    if (running.empty()) return false;
    end(containers_.at(dice_.pick(running)), 137, true, "die");
    world_.fired(Fault::container_died);
    return true;
}

bool Engine::has_copy(VmId vm) const {
    return std::any_of(containers_.begin(), containers_.end(),
                       [vm](const auto& entry) { return entry.second.copy && entry.second.vm == vm; });
}

bool Engine::remove_some_container() {
    const auto ids = of_vms(false);
    if (ids.empty()) return false;
    erase(dice_.pick(ids), true);
    world_.fired(Fault::container_removed);
    return true;
}

bool Engine::rename_some_container() {
    auto ids = of_vms(dice_.one_in(2));
    std::erase_if(ids, [this](const auto& id) { return world_.now() < containers_.at(id).unrenamed_until; });
    if (ids.empty()) return false;
    Container& container = containers_.at(dice_.pick(ids));
    by_name_.erase(container.name);
    container.name = "renamed" + std::to_string(++last_id_);
    by_name_[container.name] = container.id;
    world_.fired(Fault::container_renamed);
    return true;
}

bool Engine::copy_some_container(bool as_orphan) {
    const auto ids = of_vms(true);
    if (ids.empty()) return false;
    Container copy = containers_.at(dice_.pick(ids));
    copy.id = to_hex(++last_id_) + name_;
    copy.name = "copy" + std::to_string(last_id_);
    copy.copy = true;
    copy.created_unix_ms = epoch_unix_ms + world_.now().count() + 1000;  // the engine tells whole seconds
    copy.state = dice_.one_in(2) ? ContainerState::exited : ContainerState::created;
    copy.port = 0;
    if (as_orphan) {
        copy.vm = VmId{dice_.number()};
        copy.labels["minicloud.vm"] = copy.vm.str();
        observer_.orphan_made(copy.vm);
    }
    world_.fired(as_orphan ? Fault::container_orphaned : Fault::container_copied);
    by_name_[copy.name] = copy.id;
    containers_[copy.id] = std::move(copy);
    return true;
}

void Engine::leave_starts_behind() {
    for (const auto& call : calls_) {
        const Operation operation = parse(call->request);
        const Container* container = operation.verb == "start" ? find(operation.container) : nullptr;
        if (!container || container->stranger || container->state == ContainerState::running || dice_.one_in(2))
            continue;
        leftovers_.emplace(container->id, world_.now());
        world_.fired(Fault::start_left_behind);
    }
}

void Engine::end_process_of(const std::string& id, milliseconds age_min) {
    // What is that old is ended, whatever it is.
    const Moment oldest = world_.now() - age_min;
    const Container* container = find(id);
    const bool runs = container && container->state == ContainerState::running &&
                      container->started_unix_ms - epoch_unix_ms <= oldest.count();
    const bool starts = container && std::any_of(calls_.begin(), calls_.end(), [&](const CallPtr& call) {
                            const Operation operation = parse(call->request);
                            return (operation.verb == "start" || operation.verb == "restart") &&
                                   operation.container == id &&
                                   std::max(call->asked, container->start_answered) <= oldest;
                        });
    if (runs || starts) world_.violated("a worker ends " + id + ", which " + (runs ? "runs" : "is being started"));
    const auto found = leftovers_.find(id);
    if (found != leftovers_.end() && found->second <= oldest) leftovers_.erase(found);
}

void Engine::end_leftovers(const worker::EndLeftovers& what) {
    for (const auto& one : what.leftovers) end_process_of(one.container, one.age_min);
    if (!what.unlisted) return;
    std::set<std::string> unlisted;
    for (const auto& [id, container] : containers_) {
        if (!container.stranger) unlisted.insert(id);
    }
    for (const auto& [id, since] : leftovers_) unlisted.insert(id);
    for (const auto& id : what.unlisted->listed) unlisted.erase(id);
    for (const auto& id : unlisted) end_process_of(id, what.unlisted->age_min);
}

void Engine::power_off(milliseconds time) {
    world_.fired(Fault::machine_off);
    un_hang();
    restart_daemon(time, false);
    leftovers_.clear();
}

void Engine::un_hang() {
    mood.hung = false;
    for (auto& task : std::exchange(parked_, {})) task();
}

}  // namespace mc::sim

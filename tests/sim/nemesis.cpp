#include "sim/nemesis.hpp"

namespace mc::sim {

void Nemesis::begin(std::uint64_t per_mille) {
    per_mille_ = per_mille;
    if (per_mille == 0) return;
    network_faults();
    process_faults();
    engine_faults();
    container_faults();
}

void Nemesis::heal() {
    healed_ = true;
    impostor_.reset();
    targets_.network.heal();
    targets_.broker.heal();
    for (auto& engine : targets_.engines) {
        const bool hung = engine->mood.hung;
        engine->mood = EngineMood{};
        if (hung) engine->un_hang();
    }
}

void Nemesis::family(milliseconds mean_min, milliseconds mean_max, Action action) {
    // Drawn in any case: taking one kind away leaves the others' pace as it was.
    const bool takes_part = dice_.per_mille(per_mille_);
    const milliseconds mean = dice_.between(mean_min, mean_max);
    if (takes_part) again(mean, std::make_shared<Action>(std::move(action)));
}

void Nemesis::again(milliseconds mean, const std::shared_ptr<Action>& action) {
    world_.schedule.in(dice_.wait(mean), [this, mean, action] {
        if (healed_) return;
        (*action)();
        again(mean, action);
    });
}

void Nemesis::later(milliseconds delay, Action action) {
    world_.schedule.in(delay, [this, action = std::move(action)] {
        if (!healed_) action();
    });
}

void Nemesis::partition(HostId host) {
    const auto which = dice_.below(4);
    const bool up = which != 0;
    const bool down = which != 1;
    world_.fired(up && down ? Fault::partition : Fault::partition_one_way);
    world_.say([&] { return "  host " + std::to_string(host) + (up ? " up" : "") + (down ? " down" : ""); });
    if (up) targets_.network.set_blocked(host, Direction::up, true);
    if (down) targets_.network.set_blocked(host, Direction::down, true);
    const milliseconds time = dice_.one_in(3) ? dice_.between(5s, 60s) : dice_.between(100ms, 6s);
    later(time, [this, host] {
        targets_.network.set_blocked(host, Direction::up, false);
        targets_.network.set_blocked(host, Direction::down, false);
    });
}

void Nemesis::roll(std::size_t next) {
    if (next == 0) world_.fired(Fault::rolling_restart);
    if (next < targets_.workers.size()) {
        targets_.workers[next]->terminate();
    } else if (next == targets_.workers.size()) {
        targets_.broker.terminate();
    } else {
        return;
    }
    later(dice_.between(500ms, 6s), [this, next] { roll(next + 1); });
}

void Nemesis::power_off(HostId host) {
    Engine& engine = *targets_.engines[host - 1];
    WorkerProcess& worker = *targets_.workers[host - 1];
    if (engine.is_down() || !worker.alive()) return;
    const milliseconds time = dice_.one_in(3) ? dice_.between(10s, 90s) : dice_.between(2s, 10s);
    targets_.network.set_blocked(host, Direction::up, true);
    targets_.network.set_blocked(host, Direction::down, true);
    engine.power_off(time);
    worker.crash(time, time + 3s);
    world_.schedule.in(time, [this, host] {
        targets_.network.set_blocked(host, Direction::up, false);
        targets_.network.set_blocked(host, Direction::down, false);
    });
}

void Nemesis::old_broker(WorkerProcess& worker) {
    if (!targets_.broker.alive()) return;
    auto orders = targets_.broker.old_orders(worker.host());
    if (orders.empty() || !worker.alive() || worker.obeys() <= orders.front().epoch) return;
    if (dice_.one_in(8)) return worker.meet_old_broker(targets_.broker.core().cloud(), std::move(orders));
    world_.fired(Fault::old_broker_speaks);
    for (auto& order : orders)
        static_cast<void>(targets_.network.say_to_worker(worker.host(), std::move(order.frames)));
}

void Nemesis::pose_as_another(const WorkerProcess& worker) {
    const WorkerProcess& victim = some_worker();
    // One that is not bound yet may become any node's that nobody has.
    if (&victim == &worker || !worker.key() || !targets_.checker.access().is_bound(*worker.key())) return;
    // A machine of its own: what is meant for a worker is not for this one.
    impostor_ = std::make_unique<Impostor>(world_, targets_.network, targets_.hosts_max + 1, *worker.key(),
                                           victim.node(), dice_);
}

void Nemesis::flap(HostId host, int times) {
    if (times == 0) return;
    targets_.network.set_blocked(host, Direction::up, times % 2 == 0);
    targets_.network.set_blocked(host, Direction::down, times % 2 == 0);
    later(dice_.between(50ms, 3s), [this, host, times] { flap(host, times - 1); });
}

void Nemesis::network_faults() {
    family(2s, 40s, [this] {
        world_.fired(Fault::connection_dropped);
        targets_.network.drop(dice_.one_in(2) ? some_worker_host() : some_host());
    });
    family(5s, 60s, [this] { partition(dice_.one_in(2) ? some_worker_host() : some_host()); });
    family(20s, 120s, [this] {
        world_.fired(Fault::flapping);
        flap(some_host(), 2 * static_cast<int>(dice_.between(2, 8)));
    });
    family(10s, 60s, [this] {
        world_.fired(Fault::slow_link);
        const HostId host = some_host();
        targets_.network.set_extra_delay(host, dice_.between(20ms, 2500ms));
        later(dice_.between(1s, 30s), [this, host] { targets_.network.set_extra_delay(host, 0ms); });
    });
    family(20s, 90s, [this] {
        targets_.network.set_refused_per_mille(static_cast<std::uint64_t>(dice_.between(5, 150)));
        later(dice_.between(200ms, 5s), [this] { targets_.network.set_refused_per_mille(0); });
    });
    family(15s, 60s, [this] {
        targets_.network.set_harmed_per_mille(static_cast<std::uint64_t>(dice_.between(5, 100)));
        later(dice_.between(1s, 20s), [this] { targets_.network.set_harmed_per_mille(0); });
    });
    family(60s, 200s, [this] {
        world_.fired(Fault::all_clocks_stepped);
        const milliseconds step = dice_.one_in(2) ? 3600s : -3600s;
        targets_.broker.step_wall(step);
        for (auto& worker : targets_.workers) worker->step_wall(step);
        for (auto& client : targets_.clients) client->step_wall(step);
    });
    family(20s, 120s, [this] {
        world_.fired(Fault::clock_stepped);
        const milliseconds step = dice_.between(-3600s, 3600s);
        const auto whose = dice_.below(3);
        if (whose == 0) targets_.broker.step_wall(step);
        if (whose == 1) some_worker().step_wall(step);
        if (whose == 2) targets_.clients[dice_.below(targets_.clients.size())]->step_wall(step);
    });
}

void Nemesis::process_faults() {
    family(15s, 120s, [this] {
        if (!targets_.broker.alive()) return;
        world_.fired(Fault::broker_crashed);
        targets_.broker.crash();
    });
    family(10s, 90s, [this] {
        static const std::vector<CrashPoint> points{CrashPoint::before_commit, CrashPoint::in_commit,
                                                    CrashPoint::after_commit, CrashPoint::between_sends};
        targets_.broker.crash_at(dice_.pick(points));
    });
    family(20s, 120s,
           [this] { targets_.broker.pause(dice_.one_in(2) ? dice_.between(50ms, 3s) : dice_.between(3s, 12s)); });
    family(30s, 120s, [this] {
        targets_.broker.read_slowly(static_cast<std::size_t>(dice_.between(1, 4)), dice_.between(50ms, 400ms));
        later(dice_.between(2s, 20s), [this] { targets_.broker.read_at_once(); });
    });
    family(60s, 200s, [this] {
        targets_.broker.set_disk_full(true);
        later(dice_.between(1s, 15s), [this] { targets_.broker.set_disk_full(false); });
    });
    family(20s, 90s, [this] {
        targets_.broker.set_disk_delay(dice_.between(20ms, 1500ms));
        later(dice_.between(1s, 20s), [this] { targets_.broker.set_disk_delay(0ms); });
    });
    family(8s, 90s, [this] {
        WorkerProcess& worker = some_worker();
        if (!worker.alive()) return;
        world_.fired(Fault::worker_crashed);
        worker.crash();
    });
    family(10s, 90s,
           [this] { some_worker().pause(dice_.one_in(2) ? dice_.between(50ms, 3s) : dice_.between(3s, 30s)); });
    family(20s, 100s, [this] { some_worker().break_next_save(); });
    family(10s, 60s, [this] { some_worker().crash_in_create(); });
    family(15s, 90s, [this] { some_worker().terminate(); });
    family(30s, 120s, [this] { targets_.broker.terminate(); });
    family(60s, 200s, [this] { roll(0); });
    family(30s, 150s, [this] { power_off(some_worker_host()); });
    family(3s, 15s, [this] { old_broker(some_worker()); });
    family(10s, 60s, [this] { pose_as_another(some_worker()); });
    family(10s, 60s, [this] { targets_.clients[dice_.below(targets_.clients.size())]->die(); });
}

void Nemesis::engine_faults() {
    family(15s, 90s, [this] {
        world_.fired(Fault::engine_slow);
        Engine& engine = some_engine();
        engine.mood.slowness = static_cast<std::uint64_t>(dice_.between(3, 60));
        later(dice_.between(2s, 40s), [&engine] { engine.mood.slowness = 1; });
    });
    family(20s, 120s, [this] {
        world_.fired(Fault::engine_hung);
        Engine& engine = some_engine();
        engine.mood.hung = true;
        later(dice_.one_in(3) ? dice_.between(10s, 90s) : dice_.between(500ms, 10s), [&engine] { engine.un_hang(); });
    });
    family(20s, 120s, [this] {
        world_.fired(Fault::engine_failing);
        Engine& engine = some_engine();
        engine.mood.failing = true;
        later(dice_.between(300ms, 20s), [&engine] { engine.mood.failing = false; });
    });
    family(30s, 150s, [this] {
        Engine& engine = some_engine();
        const milliseconds down = dice_.between(500ms, 8s);
        const bool live_restore = dice_.one_in(2);
        if (dice_.one_in(2)) {
            engine.kill_in_next_start(down, live_restore);
        } else if (!engine.is_down()) {
            engine.restart_daemon(down, live_restore);
        }
    });
    family(30s, 150s, [this] {
        world_.fired(Fault::engine_disk_full);
        Engine& engine = some_engine();
        engine.mood.full = true;
        later(dice_.between(1s, 30s), [&engine] { engine.mood.full = false; });
    });
    const auto leaning = [this](std::uint64_t EngineMood::*field, std::int64_t most) {
        family(10s, 60s, [this, field, most] {
            Engine& engine = some_engine();
            engine.mood.*field = static_cast<std::uint64_t>(dice_.between(50, most));
            later(dice_.between(5s, 60s), [&engine, field] { engine.mood.*field = 0; });
        });
    };
    leaning(&EngineMood::lost_answers_per_mille, 300);
    leaning(&EngineMood::stuck_removals_per_mille, 700);
    leaning(&EngineMood::taken_ports_per_mille, 700);
    leaning(&EngineMood::silent_ssh_per_mille, 300);
    leaning(&EngineMood::exits_at_start_per_mille, 400);
    leaning(&EngineMood::failing_pulls_per_mille, 700);
    leaning(&EngineMood::squatted_names_per_mille, 300);
    leaning(&EngineMood::others_answer_per_mille, 300);
    leaning(&EngineMood::failing_visits_per_mille, 500);
}

void Nemesis::container_faults() {
    family(8s, 90s, [this] { some_engine().kill_some_container(); });
    family(15s, 120s, [this] { some_engine().remove_some_container(); });
    family(30s, 200s, [this] { some_engine().rename_some_container(); });
    family(20s, 100s, [this] { some_engine().forget_image(); });
    family(20s, 100s, [this] { some_engine().copy_some_container(dice_.one_in(2)); });
}

}  // namespace mc::sim

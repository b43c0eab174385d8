#include "sim/simulation.hpp"

#include <algorithm>
#include <memory>

#include "protocol/codec.hpp"
#include "sim/client.hpp"
#include "sim/nemesis.hpp"
#include "sim/people.hpp"
#include "sim/registrar.hpp"
#include "sim/rules.hpp"

namespace mc::sim {
namespace {

using protocol::Verb;
using protocol::VmState;

constexpr std::size_t nodes = 5;
constexpr milliseconds inspection_interval{5s};
constexpr std::size_t idle_calls_max = 4;  ///< of a worker: events, and what it looks at by itself
constexpr std::size_t queue_max = 20'000;  ///< messages: a process that stands still for half a minute, and some
/// Longer than any job, grace period and request together, many times over.
constexpr milliseconds calm_max{600s};

broker::BrokerConfig config_of(Dice& dice) {
    broker::BrokerConfig config;
    config.cleanup_grace = seconds(dice.between(3, 30));
    config.orphan_grace = seconds(dice.between(3, 30));
    config.lost_after = seconds(dice.between(8, 60));
    if (dice.one_in(3)) config.events_kept_max = static_cast<std::size_t>(dice.between(20, 200));
    if (dice.one_in(3)) config.audit_kept_max = static_cast<std::size_t>(dice.between(20, 200));
    // As in a cloud of thousands: a heartbeat every few seconds of each.
    if (dice.one_in(3)) config.heartbeats_per_second_max = 1;
    if (dice.one_in(3)) config.inventories_awaited_max = static_cast<std::size_t>(dice.between(1, 2));
    if (dice.one_in(2)) config.quota.vms = static_cast<std::uint32_t>(dice.between(6, 12));
    return config;
}

/// A node that is not heard for this long is silent.
milliseconds silence_max(const broker::BrokerConfig& config) {
    const milliseconds shared = nodes * milliseconds(1s) / config.heartbeats_per_second_max;
    return limits::heartbeats_missed_max * std::max<milliseconds>(shared, limits::heartbeat_interval);
}

/// Everything of one run.
class Cloud {
public:
    explicit Cloud(const Options& options)
        : options_(options),
          world_(options.seed, options.verbose),
          dice_(world_.dice("cloud")),
          config_(config_of(dice_)),
          people_(world_, config_.quota),
          checker_(world_, people_, {config_.orphan_grace, config_.lost_after, silence_max(config_)}),
          network_(world_),
          broker_(world_, network_, checker_, config_, people_.store(nodes), *people_.admin().key),
          clock_(world_, 1s, 0ms) {
        for (std::size_t i = 1; i <= nodes; ++i) {
            engines_.push_back(std::make_unique<Engine>(world_, "engine-" + std::to_string(i), checker_));
            milliseconds skew{0};
            if (options.faults_per_mille > 0 && dice_.one_in(3)) {
                skew = dice_.between(-3600s, 3600s);
                world_.fired(Fault::clock_skewed);
            }
            const auto slots = static_cast<std::uint32_t>(dice_.between(3, 9));
            std::optional<PublicKey> key;
            if (!dice_.one_in(5)) key = people_.key_of_worker(i - 1);
            workers_.push_back(std::make_unique<WorkerProcess>(world_, network_, *engines_.back(),
                                                               static_cast<HostId>(i), slots, skew, key));
        }
        const auto clients = static_cast<std::size_t>(dice_.between(3, 8));
        for (std::size_t i = 0; i < clients; ++i) {
            clients_.push_back(
                std::make_unique<Client>(world_, network_, checker_, people_, people_.at_terminal(i), next_host()));
        }
        registrar_ = std::make_unique<Registrar>(world_, network_, checker_, people_, next_host());
        // One sees everything, the other what is its own.
        watched_by_ = {dice_.one_in(2) ? &people_.local() : &people_.viewer(), &people_.user(0)};
        const auto hosts_max = static_cast<HostId>(host_ + watched_by_.size());
        nemesis_ = std::make_unique<Nemesis>(
            world_, Targets{network_, broker_, engines_, workers_, clients_, checker_, hosts_max});
    }

    Outcome run() {
        broker_.boot();
        for (auto& worker : workers_) {
            world_.schedule.in(dice_.between(0ms, 2000ms), [&worker] { worker->boot(); });
        }
        for (const Person* who : watched_by_) {
            watchers_.push_back(std::make_unique<Watcher>(world_, network_, checker_, *who, next_host()));
        }
        registrar_->begin();
        for (auto& client : clients_) client->begin(dice_.between(200ms, 4000ms));
        watch_bounds();
        nemesis_->begin(options_.faults_per_mille == 0 ? 0 : dice_.below(options_.faults_per_mille) + 1);
        world_.schedule.run_until(options_.busy_time);
        world_.say([] { return std::string("CALM"); });
        const Moment calm_from = world_.now();
        nemesis_->heal();
        for (auto& client : clients_) client->stop();
        registrar_->stop();
        uncordon_all();
        world_.schedule.run_until(calm_from + calm_max);
        if (!settled_ && world_.violations().empty()) {
            world_.violated("not in order " + std::to_string(calm_max.count() / 1000) +
                            " s after the last fault: " + trouble_);
        }
        return {.seed = options_.seed,
                .hash = world_.hash(),
                .faults = world_.faults,
                .work = checker_.work(),
                .time = world_.now(),
                .calm = world_.now() - calm_from,
                .steps = world_.schedule.done(),
                .violations = world_.violations()};
    }

private:
    HostId next_host() { return ++host_; }

    void ask(Verb verb, protocol::Bytes body, std::function<void(const protocol::Message&)> then) {
        ask(people_.local(), verb, std::move(body), std::move(then));
    }

    void ask(const Person& who, Verb verb, protocol::Bytes body, std::function<void(const protocol::Message&)> then) {
        cli::Request request;
        request.verb = verb;
        request.id = RequestId{dice_.number(), dice_.number()};
        request.body = std::move(body);
        request.reply_timeout = 10s;
        checker_.access().asked(who, request);
        call_ = std::make_unique<CallProcess>(world_, network_, host_ + 1, clock_, who.key, std::move(request),
                                              [this, then = std::move(then)](const cli::RequestDriver& driver) {
                                                  if (!driver.reply()) return inspect();  // it is asked again
                                                  auto reply = std::make_shared<protocol::Message>(*driver.reply());
                                                  world_.schedule.in(0ms, [then, reply] { then(*reply); });
                                              });
    }

    /// A node that nobody gives back would keep a VM that is to be made anew waiting for room.
    void uncordon_all() {
        protocol::NodeActionRequest all;
        for (const auto& worker : workers_) all.targets.push_back(worker->name());
        ask(Verb::uncordon, protocol::encode(all), [this](const protocol::Message& reply) {
            // A broker whose disk was full until now may still have to find out that it is not.
            uncordoned_ = reply.header.code == ErrorCode::ok;
            inspect();
        });
    }

    /// Asks the broker what there is, and compares: until all is in order.
    void inspect() {
        world_.schedule.in(inspection_interval, [this] {
            if (!uncordoned_) return uncordon_all();
            listed_.clear();
            ask_list("");
        });
    }

    void ask_list(const std::string& after) {
        ask(Verb::list, protocol::encode(protocol::ListRequest{after}), [this](const protocol::Message& reply) {
            const auto list = protocol::decode<protocol::ListReply>(reply.body);
            if (!list) return world_.violated("the list can't be read");
            for (const auto& vm : list->vms) listed_.push_back(vm);
            if (!list->next.empty()) return ask_list(list->next);
            ask(Verb::jobs, {}, [this](const protocol::Message& answer) {
                const auto jobs = protocol::decode<protocol::JobsReply>(answer.body);
                if (!jobs) return world_.violated("the jobs can't be read");
                trouble_ = in_order(*jobs);
                world_.say([&] { return "INSPECTED: " + (trouble_.empty() ? "in order" : trouble_); });
                if (!trouble_.empty()) return inspect();
                ask_own_list(0);
            });
        });
    }

    /// Each user sees all that is its own, and nothing else.
    void ask_own_list(std::size_t i) {
        if (i == People::users) {
            settled_ = true;
            return world_.schedule.stop();
        }
        const Person& who = people_.user(i);
        ask(who, Verb::list, protocol::encode(protocol::ListRequest{}),
            [this, i, &who](const protocol::Message& reply) {
                const auto list = protocol::decode<protocol::ListReply>(reply.body);
                if (reply.header.code != ErrorCode::ok || !list)
                    return world_.violated(who.name + " can't read its list");
                if (const auto wrong = checker_.access().compare(who, list->vms, listed_); !wrong.empty()) {
                    return world_.violated(wrong);
                }
                ask_own_list(i + 1);
            });
    }

    /// What is not as it should be; "" when everything is.
    std::string in_order(const protocol::JobsReply& jobs) {
        for (const auto& job : jobs.jobs) {
            if (!job.done) return "request " + job.request.str() + " is still under way";
        }
        if (checker_.open_requests() > 0) return "a client still waits";
        if (!registrar_->idle()) return "keys are still given and taken back";
        for (const auto& client : clients_) {
            if (!client->idle()) return "a client has a stream open";
        }
        std::map<VmId, const protocol::VmView*> views;
        for (const auto& vm : listed_) views[vm.id] = &vm;
        if (auto wrong = compare(views); !wrong.empty()) return wrong;
        for (const auto& [vm, name] : checker_.acknowledged()) {
            if (!views.contains(vm) && !checker_.is_gone(vm)) return name + " was acknowledged and is lost";
        }
        for (const auto& [vm, view] : views) {
            if (checker_.is_gone(vm)) return view->name + " is gone, says the log, and is listed";
            if (view->state == VmState::stopped && view->intent == protocol::VmIntent::running) {
                return view->name + " is wanted running, and is neither started again nor cleaned up";
            }
            if (view->state == VmState::running && view->intent == protocol::VmIntent::stopped) {
                return view->name + " is wanted stopped, and runs";
            }
        }
        for (const auto& worker : workers_) {
            if (!worker->idle()) return worker->name() + " still has jobs";
        }
        if (auto open = still_open(); !open.empty()) return open;
        for (const auto& watcher : watchers_) {
            if (const auto next = checker_.next_seen(watcher->person(), watcher->last())) {
                return watcher->name() + " is at event " + std::to_string(watcher->last().value) +
                       ", and was not shown " + std::to_string(next->value);
            }
        }
        return {};
    }

    /// What the tables hold though nothing is under way; "" when nothing.
    std::string still_open() {
        if (!broker_.alive()) return "the broker is not there";
        const auto open = broker_.core().open();
        const auto some = [](std::size_t count, const char* what) {
            return count == 0 ? std::string() : "the broker holds " + std::to_string(count) + " " + what;
        };
        for (const auto& text : {some(open.streams, "streams"), some(open.waiters, "requests that are waited for"),
                                 some(open.orphans, "orphans"), some(open.jobs, "jobs")}) {
            if (!text.empty()) return text;
        }
        for (const auto& worker : workers_) {
            if (worker->calls_open() > idle_calls_max) return worker->name() + " has engine calls open";
            if (!worker->engine().leftovers().empty()) {
                return worker->name() + " lets run what its engine has left of " +
                       worker->engine().leftovers().begin()->first;
            }
        }
        return {};
    }

    /// Nothing grows without a bound, whatever happens.
    void watch_bounds() {
        const std::size_t longest = network_.longest_queue();
        std::size_t inbox = broker_.inbox_size();
        for (const auto& worker : workers_) inbox = std::max(inbox, worker->inbox_size());
        if (longest > queue_max || inbox > queue_max) {
            return world_.violated("a queue holds " + std::to_string(std::max(longest, inbox)) + " messages");
        }
        std::size_t streams_max = 0;
        for (const auto& client : clients_) streams_max += client->streams_held_for_it();
        if (broker_.alive() && broker_.core().open().streams > streams_max) {
            return world_.violated("the broker holds streams that nobody has been at for long");
        }
        world_.schedule.in(inspection_interval, [this] { watch_bounds(); });
    }

    std::string compare(const std::map<VmId, const protocol::VmView*>& views) {
        std::size_t containers = 0;
        for (std::size_t i = 0; i < nodes; ++i) {
            std::size_t spares = 0;
            for (const auto& [id, container] : engines_[i]->containers()) {
                if (container.stranger) continue;
                const auto found = views.find(container.vm);
                const std::string what = container.name + " (" + container.host_name + ") on " + workers_[i]->name();
                const bool kept = container.spare && !checker_.was_vm(container.vm);
                if (kept && ++spares <= workers_[i]->pool()) continue;
                ++containers;
                if (found == views.end()) return "leaked: " + what;
                const protocol::VmView& view = *found->second;
                if (view.node != workers_[i]->name()) return what + " is listed on " + view.node;
                const VmState is =
                    container.state == sim::ContainerState::running ? VmState::running : VmState::stopped;
                if (view.state != is) {
                    return what + " is " + std::string(protocol::name_of(is)) + " and listed as " +
                           std::string(protocol::name_of(view.state));
                }
                if (container.memory_bytes != view.memory_bytes) return what + " has other limits than its VM";
                if (is == VmState::running && view.ssh_port != container.port)
                    return what + " has another port than listed";
            }
        }
        const bool room = std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) {
            return worker->engine().containers().size() < worker->slots();
        });
        const auto waiting = std::count_if(views.begin(), views.end(), [](const auto& entry) {
            return entry.second->state == VmState::creating && entry.second->on_lost == protocol::OnLost::replace;
        });
        // One that is to be made anew waits where there is no room for it.
        if (views.size() != containers + static_cast<std::size_t>(room ? 0 : waiting)) {
            return std::to_string(views.size()) + " VMs are listed, " + std::to_string(containers) +
                   " containers exist";
        }
        return {};
    }

    Options options_;
    World world_;
    Dice dice_;
    broker::BrokerConfig config_;
    People people_;
    Checker checker_;
    Network network_;
    BrokerProcess broker_;
    ProcessClock clock_;
    std::vector<std::unique_ptr<Engine>> engines_;
    std::vector<std::unique_ptr<WorkerProcess>> workers_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::vector<const Person*> watched_by_;
    std::vector<std::unique_ptr<Watcher>> watchers_;
    std::unique_ptr<Registrar> registrar_;
    std::unique_ptr<Nemesis> nemesis_;
    HostId host_ = nodes;
    std::unique_ptr<CallProcess> call_;
    std::vector<protocol::VmView> listed_;
    std::string trouble_ = "nothing was inspected";
    bool uncordoned_ = false;
    bool settled_ = false;
};

}  // namespace

Outcome simulate(const Options& options) {
    do_without(options.without);
    return Cloud(options).run();
}

}  // namespace mc::sim

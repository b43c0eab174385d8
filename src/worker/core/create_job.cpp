#include "worker/core/create_job.hpp"

#include "base/rule.hpp"
#include "worker/core/engine_requests.hpp"
#include "worker/core/text.hpp"

namespace mc::worker {
namespace {

constexpr int unknowns_max = 4;
constexpr int start_tries_max = 2;  ///< a port the engine picked may be taken in between; picking again is enough

}  // namespace

using protocol::ContainerState;

CreateJob::CreateJob(JobContext& context, JobHead head, protocol::CreateOrder order, Purpose purpose)
    : Job(context, head),
      order_(std::move(order)),
      purpose_(purpose),
      spare_(context.pool.take(order_.vm)),
      fetch_(port(), order_.spec.image, order_.owner),
      may_exist_(spare_) {}

void CreateJob::begin(Now now) {
    if (ending_) return;  // given up while it waited
    fetch_.begin(now, purpose_ == Purpose::spare ? ImageFetch::Pull::never : ImageFetch::Pull::if_missing);
}

void CreateJob::on_call_done(Now now, CallPurpose purpose, CallResult result) {
    switch (step_) {
        case Step::image:
            if (const auto fetched = fetch_.on_call_done(now, result)) on_image(now, *fetched);
            return;
        case Step::network:
        case Step::visit:
            return;  // nothing is asked for
        case Step::create:
            return on_created(now, result);
        case Step::look:
            if (const auto found = lookup_->on_call_done(now, purpose, result)) on_looked(now, *found);
            return;
        case Step::whose:
            return on_whose(now, result);
        case Step::upload:
            return on_uploaded(now, result);
        case Step::start:
            return on_started(now, result);
        case Step::limits:
            return on_limits_set(result);
        case Step::discard:
            if (const auto removed = removal_->on_call_done(now, purpose, result)) {
                if (!*removed) return fail_with(now, removed->error());
                may_exist_ = false;
                create(now);
            }
            return;
        case Step::ready:
            return on_readiness(now, readiness_->on_call_done(now, purpose, result));
        case Step::words: {
            std::string words = result && engine::is_good(*result) ? engine::last_words_in(result->body) : "";
            if (words.empty()) words = exited_.reason;
            return fail_with(now, {ErrorCode::vm_exited, "VM " + order_.spec.name + " exited at once with code " +
                                                             std::to_string(exited_.exit_code) +
                                                             (words.empty() ? "" : ": " + words)});
        }
        case Step::tidy_up:
            if (const auto removed = removal_->on_call_done(now, purpose, result)) {
                if (!*removed) port().log(LogLevel::warning, "left behind: " + removed->error().message);
                end(*ending_);
            }
            return;
    }
}

void CreateJob::on_image(Now now, const ImageFetch::Fetched& fetched) {
    if (!fetched) return fail_with(now, fetched.error());
    const auto image = engine::parse_image(fetched->body);
    if (!image) return fail_with(now, image.error());
    image_ = *image;
    if (!order_.spec.password_hash.empty() && !image_.is_vm) {
        return fail_with(now,
                         {ErrorCode::invalid_argument,
                          "image " + order_.spec.image +
                              " takes no password: use an image made by docker/vm/build, or leave --password out"});
    }
    if (!order_.setup.empty() && !image_.sets_up) {
        return fail_with(now, {ErrorCode::invalid_argument,
                               "image " + order_.spec.image +
                                   " runs no set-up script: build it again on what docker/vm/build makes now, or leave "
                                   "--setup out"});
    }
    Pool& pool = port().context().pool;
    if (purpose_ == Purpose::spare && !can_be_spare(order_, image_)) {
        return fail_with(now, {ErrorCode::invalid_argument, "image " + order_.spec.image + " is none of docker/vm"});
    }
    if (purpose_ == Purpose::vm && can_be_spare(order_, image_)) pool.on_wanted(now, order_.spec.image);
    spare_ ? take_spare(now, spare_->container) : look_or_create(now);
}

void CreateJob::look_or_create(Now now) {
    // A first order needs no look: no list has shown the VM, and its name is the guard. One that
    // an earlier process of this worker may have begun with does: the name may have been changed.
    if (port().context().known.may_exist(order_.vm) && rule_holds(Rule::look_before_resent_create)) {
        look(now);
    } else {
        create(now);
    }
}

void CreateJob::on_call_chunk(Now now, CallPurpose purpose, std::string_view bytes) {
    if (step_ == Step::image) fetch_.on_call_chunk(now, purpose, bytes);
}

void CreateJob::create(Now now) {
    const auto& context = port().context();
    if (!context.network.name()) {
        // An order that was given before the node's start, or while the engine was away.
        if (!context.network.problem().empty()) {
            return fail_with(now, {ErrorCode::engine_failed, context.network.problem()});
        }
        step_ = Step::network;
        return port().wake_at(now.instant + bounds::engine_retry);
    }
    step_ = Step::create;
    may_exist_ = true;
    has_files_ = name_taken_ = false;
    port().progress(now, "creating");
    port().call(CallPurpose::create,
                engine::create(order_.vm, container_spec(context.identity, order_, purpose_, image_, context.settings,
                                                         *context.network.name())));
}

void CreateJob::on_created(Now now, const CallResult& result) {
    if (ending_) return fail_with(now, *ending_);
    if (!result) return look_again(now, result.error());
    if (result->status == 409) {
        if (!rule_holds(Rule::taken_name_is_looked_at)) return create(now);
        name_taken_ = true;
        return look(now);
    }
    if (result->status == 404) {
        return fail_with(
            now, image_missing(port(), order_.spec.image, ErrorCode::image_not_found, "it was removed a moment ago"));
    }
    const std::string message = engine::message_of(*result);
    if (result->status == 400) {
        return fail_with(now, {ErrorCode::invalid_argument, "the engine refuses this VM: " + message});
    }
    if (!engine::is_good(*result)) {
        return fail_with(now, {ErrorCode::engine_failed, "the engine can't make the VM: " + message});
    }
    auto id = engine::parse_id(result->body);
    if (!id) return look_again(now, id.error());
    container_ = std::move(*id);
    port().context().known.note_made(container_);
    prepare(now);
}

void CreateJob::look_again(Now now, const Error& why) {
    if (++unknowns_ >= unknowns_max) return fail_with(now, why);
    look(now);
}

void CreateJob::look(Now /*now*/) {
    step_ = Step::look;
    lookup_.emplace(port());
    lookup_->begin(Lookup::Detail::inspected);
}

void CreateJob::on_looked(Now now, const Lookup::Found& found) {
    if (ending_) return fail_with(now, *ending_);
    if (!found) return fail_with(now, found.error());
    if (*found) return go_on_with(now, **found);
    if (name_taken_) return ask_whose();
    create(now);
}

void CreateJob::ask_whose() {
    step_ = Step::whose;
    port().call(CallPurpose::inspect, engine::inspect(container_name(order_.vm)));
}

void CreateJob::on_whose(Now now, const CallResult& result) {
    // Gone meanwhile, or renamed: by its label it is still found, if it is this VM's.
    const bool gone = result && result->status == 404;
    if (gone) name_taken_ = false;
    if (result && engine::is_good(*result)) {
        const auto info = engine::parse_inspect(result->body);
        if (info && ((is_ours(info->labels, port().context().identity) && vm_of(info->labels) == order_.vm) ||
                     !rule_holds(Rule::adoption_needs_labels))) {
            return go_on_with(now, *info);
        }
        if (info) {
            may_exist_ = false;  // not ours to tidy up
            return fail_with(now, {ErrorCode::engine_conflict,
                                   "a container named " + container_name(order_.vm) +
                                       " is on the engine but does not carry this cloud's and node's labels: it is "
                                       "left alone"});
        }
    }
    // The engine may still be at the create that took the name: its end is near.
    if (!gone && ++unknowns_ >= unknowns_max) {
        return fail_with(now, {ErrorCode::engine_failed, "the engine can't tell whose the VM's name is"});
    }
    port().wake_at(now.instant + bounds::engine_retry);
}

void CreateJob::go_on_with(Now now, const engine::ContainerInfo& container) {
    if (purpose_ == Purpose::vm && container.labels.contains(label::spare)) return take_spare(now, container);
    const auto hash = container.labels.find(label::spec);
    const bool same = hash != container.labels.end() && hash->second == spec_hash(order_.spec);
    if (!same && purpose_ == Purpose::vm) {
        may_exist_ = false;
        return fail_with(now, {ErrorCode::engine_conflict, "a container of VM " + order_.vm.str() +
                                                               " is there already, made from another specification"});
    }
    container_ = container.id;
    may_exist_ = true;
    if (container.dead) return fail_with(now, {ErrorCode::engine_failed, "the VM's container is dead at the engine"});
    switch (container.state) {
        case ContainerState::created:
            return prepare(now);
        case ContainerState::running:
            return wait_until_ready(now);
        case ContainerState::removing:
            return fail_with(now, {ErrorCode::wrong_state, "the VM's container is just being removed"});
        case ContainerState::absent:
        case ContainerState::exited:
            if (ended_with_engine()) return start(now);
            exited_ = engine::to_report(order_.vm, container);
            step_ = Step::words;
            return port().call(CallPurpose::last_logs, engine::last_logs(container_));
    }
}

void CreateJob::take_spare(Now now, const engine::ContainerInfo& container) {
    container_ = container.id;
    taken_ = container;
    may_exist_ = true;
    if (container.state != ContainerState::running) return make_anew("it does not run");
    if (container.image_id != image_.id) {
        port().context().pool.drop_image(order_.spec.image);
        return make_anew("its image is an older one of that name");
    }
    if (!can_be_spare(order_, image_)) return make_anew("the VM needs a first start of its own");
    port().progress(now, "starting");
    // One that an earlier process has begun with may have been given anything.
    const protocol::VmSpec usual = Pool::spec_of(order_.spec.image);
    if (spare_ && limits_spec(order_.spec) == limits_spec(usual)) return visit();
    step_ = Step::limits;
    port().call(CallPurpose::update, engine::update(container_, limits_spec(order_.spec)));
}

void CreateJob::on_limits_set(const CallResult& result) {
    if (!result) return make_anew(result.error().message);
    if (!engine::is_good(*result)) return make_anew(engine::message_of(*result));
    visit();
}

void CreateJob::visit() {
    step_ = Step::visit;
    if (spare_ && !rule_holds(Rule::spare_becomes_its_vm)) return end_done(spare_->report);
    port().personalise(taken_, order_.spec.name, first_files(order_, image_));
}

void CreateJob::on_personalised(Now now, const VisitResult& result) {
    if (step_ == Step::ready) return on_readiness(now, readiness_->on_visited(now, result));
    if (step_ != Step::visit) return;
    if (!result) return make_anew(result.error().message);
    has_files_ = true;
    if (!spare_) return wait_until_ready(now);
    end_done(spare_->report);
}

void CreateJob::make_anew(const std::string& why) {
    port().log(LogLevel::info, "the container that was kept for a VM to come is not used: " + why);
    spare_.reset();
    step_ = Step::discard;
    removal_.emplace(port());
    removal_->begin();
}

void CreateJob::prepare(Now now) {
    auto files = first_files(order_, image_);
    const bool later = takes_files_late(order_, image_) && port().context().visits.possible(now);
    if (files.empty() || later) return start(now);
    step_ = Step::upload;
    port().call(CallPurpose::upload, engine::upload(container_, std::move(files)));
}

void CreateJob::on_uploaded(Now now, const CallResult& result) {
    if (ending_) return fail_with(now, *ending_);
    if (!result) return look_again(now, result.error());
    if (!engine::is_good(*result)) {
        return fail_with(now, {ErrorCode::engine_failed,
                               "the engine can't put the keys into the VM: " + engine::message_of(*result)});
    }
    has_files_ = true;
    start(now);
}

void CreateJob::start(Now now) {
    step_ = Step::start;
    ++start_tries_;
    port().progress(now, "starting");
    port().call(CallPurpose::start, engine::start(container_));
}

void CreateJob::on_started(Now now, const CallResult& result) {
    if (ending_) return fail_with(now, *ending_);
    if (!result) {
        late_stop_ = late_stop_ || reconnects_ > 0;
        port().context().known.note_open_start(container_);
        return look_again(now, result.error());
    }
    if (engine::is_good(*result) || result->status == 304) return wait_until_ready(now);
    if (engine::is_port_taken(*result) && start_tries_ < start_tries_max) return start(now);
    fail_with(now, {ErrorCode::engine_failed,
                    "the engine can't start the VM: " + engine::start_message_of(*result, container_)});
}

void CreateJob::wait_until_ready(Now now) {
    step_ = Step::ready;
    port().context().endings.on_started(container_);
    port().progress(now, "waiting");
    readiness_.emplace(port());
    // One that an earlier process has begun with may be without.
    const bool lacks_files = !has_files_ && takes_files_late(order_, image_);
    readiness_->begin(now, container_, lacks_files ? first_files(order_, image_) : std::vector<FileEntry>());
}

void CreateJob::on_readiness(Now now, const std::optional<Readiness::Result>& result) {
    if (!result) return;
    switch (result->end) {
        case Readiness::End::ready:
            return end_done(result->report);
        case Readiness::End::gone:
            return fail_with(now, {ErrorCode::engine_failed, "somebody removed the VM's container while it started"});
        case Readiness::End::refused:
            return fail_with(
                now, {ErrorCode::engine_failed, "the engine can't put the keys into the VM: " + readiness_->refusal()});
        case Readiness::End::cut_off:
            return reconnect(now);
        case Readiness::End::exited:
            if (ended_with_engine()) return start(now);
            exited_ = result->report;
            step_ = Step::words;
            return port().call(CallPurpose::last_logs, engine::last_logs(container_));
    }
}

void CreateJob::reconnect(Now now) {
    step_ = Step::start;
    if (const auto error = readiness_->reconnect(reconnects_)) fail_with(now, *error);
}

void CreateJob::end_done(protocol::VmReport report) {
    report.late_stop = late_stop_;
    if (purpose_ == Purpose::spare) port().context().pool.on_ready(readiness_->inspected(), report);
    end(Outcome::done(std::move(report)));
}

bool CreateJob::ended_with_engine() const {
    return start_tries_ < start_tries_max && port().context().endings.with_engine(container_);
}

void CreateJob::on_probe_done(Now now, const ProbeResult& result) {
    if (step_ == Step::ready) readiness_->on_probe_done(now, result);
}

void CreateJob::on_timer(Now now) {
    if (ending_ && now.instant >= tidy_until_) {
        port().log(LogLevel::warning, "the engine did not let it be removed in time; the broker will see what is left");
        return end(*ending_);
    }
    switch (step_) {
        case Step::image:
            return fetch_.on_timer();
        case Step::network:
            return create(now);
        case Step::look:
            return lookup_->on_timer();
        case Step::whose:
            return look(now);
        case Step::ready:
            return readiness_->on_timer(now);
        case Step::discard:
        case Step::tidy_up:
            return removal_->on_timer();
        default:
            return;
    }
}

void CreateJob::fail_with(Now now, Error error) {
    port().cancel_calls();
    port().cancel_probe();
    port().no_wake();
    if (!ending_) {
        ending_ = std::move(error);
        tidy_until_ = now.instant + bounds::tidy_up_max;
    }
    if (!may_exist_) return end(*ending_);
    step_ = Step::tidy_up;
    removal_.emplace(port());
    removal_->begin();
}

void CreateJob::give_up(Now now, Error why) {
    if (ending_) return;
    if (step_ == Step::ready && why.code == ErrorCode::deadline_exceeded) {
        why = Error{readiness_->waits_for_ssh() ? ErrorCode::ssh_not_answering : ErrorCode::deadline_exceeded,
                    "VM " + order_.spec.name + " was started, but " + readiness_->waiting_for() +
                        " in time; it was removed. Give it longer with --timeout, or look " +
                        (order_.setup.empty() ? "whether its image runs sshd" : "what its set-up script waits for")};
    }
    // A create, upload or start that the engine is at can't be broken off: the
    // engine would finish it all the same, after we had looked (pitfalls 14).
    const bool engine_is_at_it =
        (step_ == Step::create || step_ == Step::upload || step_ == Step::start) && !port().cancel_queued_calls();
    if (!engine_is_at_it) {
        if (step_ == Step::create && unknowns_ == 0) may_exist_ = false;  // it never left the queue
        return fail_with(now, std::move(why));
    }
    ending_ = std::move(why);
    tidy_until_ = now.instant + bounds::create_call_max + bounds::tidy_up_max;
    port().wake_at(tidy_until_);
}

}  // namespace mc::worker

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/core/event_follower.hpp"
#include "cli/core/request_driver.hpp"
#include "cli/core/stream_session.hpp"
#include "sim/checker.hpp"
#include "sim/network.hpp"
#include "sim/people.hpp"
#include "sim/world.hpp"

namespace mc::sim {

/// One run of mccli for one request: the real RequestDriver on its own socket
/// (cli/shell/call.cpp's loop).
class CallProcess {
public:
    using Done = std::function<void(const cli::RequestDriver&)>;

    /// `refused`: the broker does not let the key in; the process has ended then.
    CallProcess(World& world, Network& network, HostId host, const ProcessClock& clock, std::optional<PublicKey> key,
                cli::Request request, Done done, std::function<void()> refused = {});

    [[nodiscard]] const cli::RequestDriver& driver() const { return driver_; }

private:
    void settle();

    World& world_;
    const ProcessClock& clock_;
    cli::RequestDriver driver_;
    Dealer dealer_;
    Done done_;
    Moment tick_at_ = Moment::max();
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

/// One run of mccli for an exec or logs stream: the real StreamSession.
class StreamProcess {
public:
    StreamProcess(World& world, Network& network, HostId host, const ProcessClock& clock, std::optional<PublicKey> key,
                  protocol::Verb verb, RequestId id, RequestId probe, const std::string& target, protocol::Bytes data,
                  std::function<void()> done);

    void cancel(RequestId id);

private:
    void settle();

    World& world_;
    const ProcessClock& clock_;
    cli::StreamSession session_;
    Dealer dealer_;
    std::function<void()> done_;
    bool input_ended_ = false;
    Moment tick_at_ = Moment::max();
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

/// A person with a terminal: one command after the other, some of them again,
/// some of them never waited for.
class Client {
public:
    Client(World& world, Network& network, Checker& checker, People& people, Person& person, HostId host);

    /// Asks things until `stop`.
    void begin(milliseconds pause_mean);
    void stop() { stopped_ = true; }
    /// How many the broker may hold: of one that the client left, it learns by silence at the latest.
    [[nodiscard]] std::size_t streams_held_for_it();
    [[nodiscard]] bool idle() const { return !call_ && !stream_ && stops_.empty(); }

    /// Ends its process whatever it waits for.
    bool die();
    void step_wall(milliseconds by) { clock_.step_wall(by); }

private:
    void rest();
    void leave();
    void act();
    void create();
    void repeat_create();
    /// Asks for its own what another has asked for, under the same id.
    void steal_id();
    /// Whether a command of its is about what is another's, as far as it knows.
    [[nodiscard]] bool meddles() { return dice_.one_in(person_.sees_all() ? 8 : 5); }
    void change(protocol::Verb verb);
    void update();
    void remove_stopping();
    void look(protocol::Verb verb);
    void cancel_or_ask();
    void operate();
    void stream();
    void ask(cli::Request request, std::function<void(const cli::RequestDriver&)> then);
    void send_create(const cli::Request& request);
    [[nodiscard]] cli::Request new_request(protocol::Verb verb, protocol::Bytes body, milliseconds timeout);
    [[nodiscard]] RequestId new_id() { return RequestId{dice_.number(), dice_.number()}; }
    [[nodiscard]] std::string some_target();
    [[nodiscard]] std::string some_node();

    World& world_;
    Network& network_;
    Checker& checker_;
    People& people_;
    Person& person_;
    Dice dice_;
    HostId host_;
    ProcessClock clock_;
    milliseconds pause_mean_{1000};
    bool stopped_ = false;
    std::unique_ptr<CallProcess> call_;
    std::unique_ptr<StreamProcess> stream_;
    std::vector<Moment> streams_left_;  ///< when
    std::uint64_t turn_ = 0;
    std::vector<std::string> stops_;     ///< VMs it stops with an hour's grace, and has no patience with
    std::vector<std::string> names_;     ///< VMs it has heard of
    std::vector<cli::Request> creates_;  ///< to be repeated
};

/// mccli watch: the real EventFollower (cli/shell/watch.cpp's loop).
class Watcher {
public:
    Watcher(World& world, Network& network, Checker& checker, const Person& person, HostId host);

    /// The last event it was shown or told that is gone, or after which it began; 0 before it began.
    [[nodiscard]] EventSeq last() const { return last_.value_or(EventSeq{}); }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const Person& person() const { return person_; }

private:
    void settle();
    void on_events_frames(Frames& frames);
    void send(protocol::Verb verb, RequestId id, protocol::Bytes body);

    World& world_;
    Checker& checker_;
    const Person& person_;
    Dice dice_;
    std::string name_;
    ProcessClock clock_;
    std::optional<EventSeq> last_;  ///< nullopt: it begins with what happens after its first beacon
    cli::EventFollower follower_;
    Dealer events_;
    Dealer requests_;
    RequestId replay_;
    Moment tick_at_ = Moment::max();
};

}  // namespace mc::sim

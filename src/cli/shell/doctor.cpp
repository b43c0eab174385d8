#include "cli/core/doctor.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/version.hpp"
#include "cli/core/listings.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/pages.hpp"
#include "io/clock.hpp"
#include "io/contexts.hpp"
#include "io/descriptor.hpp"
#include "io/errno_text.hpp"
#include "io/poller.hpp"
#include "protocol/endpoints.hpp"

/// doctor: gathers what the core judges. Every step ends by itself.
namespace mc::cli {
namespace {

namespace fs = std::filesystem;
using protocol::Verb;

constexpr milliseconds program_time_max{2000};  ///< for what `ssh -V` says
constexpr std::size_t program_bytes_max = 256;
/// Whatever --connect-timeout says: between two beacons nothing is to be heard.
constexpr milliseconds beacon_wait_min = 2 * limits::beacon_interval;

// This machine

Result<RouteFacts> route_of(App& app) {
    const auto route = app.route();
    if (!route) return fail(route.error());
    RouteFacts facts{route->endpoint,
                     app.options().broker.empty() ? "" : app.settings().origin("broker"),
                     route->context,
                     app.settings().origin("context"),
                     "",
                     ""};
    if (const auto* keys = std::get_if<io::CurveClient>(&route->security)) {
        const bool is_path = route->context.find('/') != std::string::npos;
        facts.key_file = is_path ? route->context : io::Contexts().path_of(route->context).string();
        facts.fingerprint = keys->own.pub.fingerprint();
    }
    return facts;
}

Result<std::string> writable_state_dir(App& app) {
    const auto dir = app.state_dir();
    if (!dir) return fail(dir.error());
    if (::access(dir->c_str(), W_OK | X_OK) == 0) return dir->string();
    return fail(ErrorCode::io_failed, dir->string() + " can't be written to (" + io::errno_text(errno) +
                                          "); choose another with --state-dir DIR");
}

bool is_on_path(const std::string& program) {
    const char* set = std::getenv("PATH");
    std::string_view rest = set ? set : "";
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        const fs::path file = fs::path(rest.substr(0, end)) / program;
        std::error_code error;
        if (fs::is_regular_file(file, error) && ::access(file.c_str(), X_OK) == 0) return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

/// What comes out of `fd` until its end, or until it has taken too long.
std::string heard_from(int fd) {
    std::string said;
    bool open = true;
    const Instant end = io::read_clock().instant + program_time_max;
    io::Poller poller;
    poller.add_fd(fd, {}, [&](io::Readiness) {
        std::array<char, program_bytes_max> buffer{};
        const ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) return;
        open = n > 0;
        if (open) said.append(buffer.data(), static_cast<std::size_t>(n));
    });
    for (Instant now = io::read_clock().instant; open && now < end && said.size() < program_bytes_max;
         now = io::read_clock().instant) {
        poller.wait(end - now);
    }
    poller.remove_fd(fd);
    return said;
}

/// `ssh -V`; "" = it can't be run, or says nothing.
std::string ssh_version() {
    std::array<int, 2> pair{};
    if (::pipe2(pair.data(), O_CLOEXEC) != 0) return "";
    const io::Descriptor ours(pair[0]);
    io::Descriptor its(pair[1]);
    std::string program = "ssh";
    std::string option = "-V";
    std::array<char*, 3> argv{program.data(), option.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, its.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, its.get(), STDERR_FILENO);
    pid_t child = 0;
    const int error = ::posix_spawnp(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return "";
    its.reset();
    std::string said = heard_from(ours.get());
    // One that still runs has had its time; of one that has ended this ends nothing.
    ::kill(child, SIGKILL);
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return said;
}

MachineFacts look_at_machine(App& app) {
    MachineFacts facts;
    facts.state_dir = writable_state_dir(app);
    for (const char* program : {"ssh", "scp", "ssh-keygen"}) {
        if (!is_on_path(program)) facts.missing_programs.emplace_back(program);
    }
    facts.ssh_version = ssh_version();
    return facts;
}

// The broker

/// The events channel, listened to from here on.
class Beacons {
public:
    Beacons(App& app, const Route& route, const std::string& endpoint)
        : socket_(io::Socket::sub(app.context(), options_of(route))),
          endpoint_(endpoint),
          begun_(io::read_clock().instant) {
        socket_.subscribe(protocol::topic_beacon);
        connected_ = socket_.connect(endpoint);
    }

    /// How long the first one took. Errors: deadline_exceeded; invalid_argument (not an endpoint).
    Result<milliseconds> wait(milliseconds time_max) {
        if (!connected_) return fail(connected_.error());
        const Instant end = io::read_clock().instant + time_max;
        bool heard = false;
        io::Poller poller;
        poller.add(socket_, {}, [&](io::Readiness) { heard = receive() || heard; });
        Instant now = io::read_clock().instant;
        for (; !heard && now < end; now = io::read_clock().instant) poller.wait(end - now);
        poller.remove(socket_);
        if (heard) return now - begun_;
        return fail(ErrorCode::deadline_exceeded,
                    "nothing was heard at " + endpoint_ + " within " + std::to_string(time_max.count()) + " ms");
    }

private:
    static io::SocketOptions options_of(const Route& route) {
        io::SocketOptions options;
        options.security = route.security;
        return options;
    }

    bool receive() {
        auto frames = socket_.receive();
        if (!frames || frames->size() < 2) return false;
        const auto message = protocol::from_frames(std::span(*frames).subspan(1));
        return message && message->header.verb == Verb::event_beacon;
    }

    io::Socket socket_;
    std::string endpoint_;
    Instant begun_;
    Result<void> connected_;
};

Result<BrokerFacts> ask_broker(App& app, const Route& route) {
    const auto greeting = protocol::encode(protocol::HelloRequest{mc::version});
    // The first one also waits for the connection, which says nothing about clocks.
    if (const auto first = app.call(Verb::hello, greeting); !first) return fail(first.error());
    BrokerFacts facts;
    facts.asked = io::read_clock().wall;
    const auto second = app.call(Verb::hello, greeting);
    facts.answered = io::read_clock().wall;
    if (!second) return fail(second.error());
    auto hello = protocol::decode<protocol::HelloReply>(second->body);
    if (!hello) return fail(hello.error());
    facts.hello = std::move(*hello);
    if (second->header.value == protocol::reply_value::warning) facts.warning = second->data;

    facts.events_endpoint = protocol::reached_endpoint(facts.hello.events_endpoint, route.endpoint);
    Beacons beacons(app, route, facts.events_endpoint);
    if (sees_cloud(facts.hello.role)) {
        if (route.with_key()) {
            facts.keys = ask_pages<protocol::KeysRequest>(app, Verb::keys, &protocol::KeysReply::keys);
        }
        auto nodes = app.ask<protocol::NodesReply>(Verb::nodes, {});
        if (nodes)
            facts.nodes = std::move(nodes->nodes);
        else
            facts.nodes = fail(nodes.error());
    }
    facts.vms = list_all(app);
    facts.beacon = beacons.wait(std::max(app.options().connect_timeout, beacon_wait_min));
    return facts;
}

}  // namespace

int run_doctor(App& app) {
    DoctorFacts facts;
    facts.version = mc::version;
    facts.route = route_of(app);
    facts.machine = look_at_machine(app);
    if (const auto route = app.route()) facts.broker = ask_broker(app, *route);
    facts.now = io::read_clock().wall;
    const auto checks = diagnose(facts);
    app.show(view_checks(checks));
    return static_cast<int>(exit_code_of(facts, checks));
}

}  // namespace mc::cli

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/version.hpp"
#include "cli/core/listings.hpp"
#include "cli/core/top_views.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/pages.hpp"
#include "cli/shell/terminal.hpp"
#include "io/clock.hpp"
#include "io/poller.hpp"
#include "io/signals.hpp"

/// top: asks again and again. Nodes measure because somebody asks; the broker answers from memory.
namespace mc::cli {
namespace {

using protocol::Verb;

constexpr milliseconds draw_interval{2000};
/// While figures are still to come.
constexpr milliseconds first_interval{250};
/// A snapshot is printed without figures of which none came for so long. A node needs a second or two for the first.
constexpr milliseconds patience{6000};

class Sampler {
public:
    Sampler(App& app, const TopCommand& command) : app_(app), command_(command) {}

    /// Errors: as App::call.
    Result<Top> sample(const CallOptions& options) {
        if (!sees_nodes_) {
            const auto hello = app_.ask<protocol::HelloReply>(
                Verb::hello, protocol::encode(protocol::HelloRequest{mc::version}), options);
            if (!hello) return fail(hello.error());
            sees_nodes_ = hello->role == protocol::Role::viewer || hello->role == protocol::Role::admin;
        }
        auto vms = list_all(app_, options);
        if (!vms) return fail(vms.error());
        listed_ = std::move(*vms);
        const auto usage = ask_pages<protocol::ListRequest>(app_, Verb::usage, &protocol::UsageReply::vms, options);
        if (!usage) return fail(explained(usage.error()));
        std::optional<std::vector<protocol::NodeView>> nodes;
        if (*sees_nodes_) {
            auto reply = app_.ask<protocol::NodesReply>(Verb::nodes, {}, options);
            if (!reply) return fail(reply.error());
            nodes = std::move(reply->nodes);
        }
        return make_top(command_, listed_, *usage, nodes);
    }

    /// All VMs, as of the last sample.
    [[nodiscard]] const std::vector<protocol::VmView>& listed() const { return listed_; }

private:
    static Error explained(const Error& error) {
        if (error.code != ErrorCode::unknown_verb) return error;
        return {error.code,
                "this broker is of a release that does not measure what VMs use: it needs a newer mcbroker"};
    }

    App& app_;
    const TopCommand& command_;
    std::optional<bool> sees_nodes_;
    std::vector<protocol::VmView> listed_;
};

int print_once(App& app, const TopCommand& command) {
    Sampler sampler(app, command);
    io::Poller poller;
    std::size_t known = 0;
    Instant last_news = io::read_clock().instant;
    while (true) {
        const auto top = sampler.sample({});
        if (!top) return app.report(top.error());
        const Instant now = io::read_clock().instant;
        if (top->known() > known) {
            known = top->known();
            last_news = now;
        }
        if (!top->complete() && now - last_news < patience) {
            poller.wait(first_interval);
            continue;
        }
        app.show(view_top(*top, command.nodes));
        if (!top->complete()) {
            app.remark(
                "of some VMs there are no figures: their node does not answer in time, or its mcworker is of a "
                "release that can't measure");
        }
        return report_unmatched(app, command.filter.patterns, sampler.listed(), !top->vms.empty());
    }
}

/// What a person did: keys and signals.
class Controls {
public:
    explicit Controls(io::Signals& signals) : signals_(signals) {
        interrupt_.fds = {signals.fd(), STDIN_FILENO};
        interrupt_.on_ready = [this] { return look(); };
    }

    [[nodiscard]] const Interrupt& interrupt() const { return interrupt_; }
    [[nodiscard]] bool stopped() const { return stopped_; }
    /// The window has another size since this was last asked.
    [[nodiscard]] bool resized() { return std::exchange(resized_, false); }

    /// Until one of them comes or `time` is over.
    void wait(milliseconds time) {
        io::Poller poller;
        for (const int fd : interrupt_.fds) poller.add_fd(fd, {}, [this](io::Readiness) { look(); });
        poller.wait(std::max(time, milliseconds(0)));
    }

private:
    bool look() {
        while (const auto number = signals_.next()) {
            (*number == SIGWINCH ? resized_ : stopped_) = true;
        }
        io::Poller now;
        now.add_fd(STDIN_FILENO, {}, [this](io::Readiness) { read_keys(); });
        now.wait(milliseconds(0));
        return stopped_;
    }

    void read_keys() {
        constexpr char ctrl_c = 3;
        constexpr char ctrl_l = 12;
        std::array<char, 64> keys{};
        const ssize_t n = ::read(STDIN_FILENO, keys.data(), keys.size());
        // The terminal is gone.
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) stopped_ = true;
        for (ssize_t i = 0; i < n; ++i) {
            const char key = keys[static_cast<std::size_t>(i)];
            stopped_ = stopped_ || key == 'q' || key == 'Q' || key == ctrl_c;
            resized_ = resized_ || key == ctrl_l;
        }
    }

    io::Signals& signals_;
    Interrupt interrupt_;
    bool stopped_ = false;
    bool resized_ = false;
};

/// Whether it may be over by itself, so that waiting for it helps.
bool may_pass(const Error& error) {
    return error.code == ErrorCode::broker_unreachable || error.code == ErrorCode::deadline_exceeded ||
           error.code == ErrorCode::busy || error.code == ErrorCode::store_failed;
}

/// Until q, Ctrl-C or a signal; nullopt = that was why it ended.
std::optional<Error> run_screen(App& app, const TopCommand& command, io::Signals& signals) {
    Sampler sampler(app, command);
    Controls controls(signals);
    CallOptions options;
    options.interrupt = &controls.interrupt();
    // The first answer comes before the screen is taken: an error is said where people look for it.
    auto top = sampler.sample(options);
    if (controls.stopped()) return std::nullopt;
    if (!top) return top.error();
    auto screen = FullScreen::enter();
    if (!screen) return screen.error();
    TopHead head{{}, std::string(name_of(command.order)), ""};
    while (true) {
        head.now = io::read_clock().wall;
        const Instant next = io::read_clock().instant + (top->complete() ? draw_interval : first_interval);
        do {
            const auto size = terminal_size();
            TextStyle style = app.style();
            style.columns = size.columns;
            screen->draw(text_screen(*top, head, command.nodes, size.rows, style));
            controls.wait(next - io::read_clock().instant);
        } while (!controls.stopped() && (controls.resized() || io::read_clock().instant < next));
        if (controls.stopped()) return std::nullopt;
        auto sampled = sampler.sample(options);
        if (controls.stopped()) return std::nullopt;
        if (!sampled && !may_pass(sampled.error())) return sampled.error();
        head.note = sampled ? "" : sampled.error().message;
        if (sampled) top = std::move(sampled);
    }
}

}  // namespace

int run_top(App& app) {
    const auto command = read_top(app.settings(), app.line().operands);
    if (!command) return app.report(command.error());
    const OutputFormat format = app.options().output;
    const char* term = std::getenv("TERM");
    const bool whole_screen = format == OutputFormat::table && !command->once && !app.options().quiet &&
                              is_terminal(STDIN_FILENO) && is_terminal(STDOUT_FILENO) &&
                              (term == nullptr || std::string_view(term) != "dumb");
    if (!whole_screen) return print_once(app, *command);
    auto signals = io::Signals::block({SIGINT, SIGTERM, SIGHUP, SIGWINCH});
    if (!signals) return app.report(signals.error());
    const auto error = run_screen(app, *command, *signals);
    return error ? app.report(*error) : 0;
}

}  // namespace mc::cli

#include <unistd.h>
#include <csignal>

#include "cli/core/list_changes.hpp"
#include "cli/core/listings.hpp"
#include "cli/core/targets.hpp"
#include "cli/core/vm_filter.hpp"
#include "cli/shell/commands.hpp"
#include "cli/shell/terminal.hpp"
#include "io/clock.hpp"
#include "io/poller.hpp"
#include "io/signals.hpp"

/// list --watch: asks again and again. The broker answers from memory, and one question each two seconds is less than
/// the events of a busy cloud would be.
namespace mc::cli {
namespace {

constexpr milliseconds list_interval{2000};

/// The table where the one before stood; not more lines than the terminal has, so that nothing scrolls.
std::string repainted(std::string_view table, std::size_t rows) {
    constexpr std::string_view home_and_clear = "\x1b[H\x1b[2J";
    std::size_t end = 0;
    for (std::size_t line = 0; line + 1 < rows && end != table.size(); ++line) {
        const auto next = table.find('\n', end);
        end = next == std::string_view::npos ? table.size() : next + 1;
    }
    return std::string(home_and_clear) + std::string(table.substr(0, end));
}

std::string changed_lines(const App& app, ListChanges& changes, const std::vector<protocol::VmView>& shown) {
    std::string out;
    const bool owners = of_several_owners(shown);
    for (const auto& change : changes.on_listing(shown)) {
        if (app.options().output == OutputFormat::json)
            out += line(json_vm(change.vm));
        else if (app.options().output == OutputFormat::yaml)
            out += "---\n" + yaml(json_vm(change.vm));
        else
            out += text_vm_line(change.vm, owners, io::read_clock().wall, app.style());
    }
    return out;
}

}  // namespace

int watch_list(App& app, const ListCommand& command) {
    const OutputFormat format = app.options().output;
    if (format == OutputFormat::csv || format == OutputFormat::name) {
        return app.report(Error{ErrorCode::usage, "list --watch has no csv and no names: use -o table, json or yaml"});
    }
    auto signals = io::Signals::block({SIGINT, SIGTERM, SIGHUP});
    if (!signals) return app.report(signals.error());
    const bool repaints = !app.for_programs() && is_terminal(STDOUT_FILENO);
    ListChanges changes;
    io::Poller poller;
    bool stop = false;
    poller.add_fd(signals->fd(), {}, [&](io::Readiness) { stop = signals->next().has_value() || stop; });
    int exit_code = 0;
    while (!stop) {
        const auto vms = list_all(app);
        if (!vms) {
            exit_code = app.report(vms.error());
            break;
        }
        const auto shown = chosen(command, *vms);
        if (repaints) {
            const std::string table = rendered(view_vms(shown, io::read_clock().wall), format, app.style());
            app.print(repainted(table.empty() ? "no VM fits\n" : table, terminal_size().rows));
        } else {
            app.print(changed_lines(app, changes, shown));
        }
        poller.wait(list_interval);
    }
    poller.remove_fd(signals->fd());
    return exit_code;
}

}  // namespace mc::cli

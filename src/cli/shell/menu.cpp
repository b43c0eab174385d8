#include "cli/core/menu.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <iostream>
#include <string>

#include "cli/shell/commands.hpp"

/// menu: each choice is run as a mccli of its own, so that it behaves exactly as on the command line.
namespace mc::cli {
namespace {

int run_child(const std::vector<std::string>& arguments) {
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    // Ctrl-C is for the command; the menu stays.
    const auto before = std::signal(SIGINT, SIG_IGN);
    pid_t child = 0;
    const int failed = posix_spawn(&child, "/proc/self/exe", nullptr, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    int status = 0;
    if (failed == 0) {
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
    }
    std::signal(SIGINT, before);
    return failed;
}

}  // namespace

int run_menu(App& app) {
    Menu menu;
    app.print(menu.greeting());
    std::string line;
    while (true) {
        const Menu::Step step = std::getline(std::cin, line) ? menu.on_line(line) : menu.on_end_of_input();
        app.print(step.text);
        if (step.over) return 0;
        if (step.command.empty()) continue;
        std::vector<std::string> arguments{"mccli"};
        if (!app.options().broker.empty()) arguments.insert(arguments.end(), {"--broker", app.options().broker});
        if (!app.options().context.empty()) arguments.insert(arguments.end(), {"--context", app.options().context});
        if (!app.options().state_dir.empty())
            arguments.insert(arguments.end(), {"--state-dir", app.options().state_dir});
        arguments.insert(arguments.end(), step.command.begin(), step.command.end());
        if (const int failed = run_child(arguments); failed != 0) {
            return app.report(Error{ErrorCode::io_failed, "mccli can't be run: " + std::string(std::strerror(failed))});
        }
        app.print(menu.after_command());
    }
}

}  // namespace mc::cli

#include "cli/core/menu.hpp"

#include "cli/core/text.hpp"
#include "protocol/validate.hpp"

namespace mc::cli {
namespace {

constexpr const char* choices =
    "\n"
    "  1  create a VM\n"
    "  2  list VMs\n"
    "  3  ssh into a VM\n"
    "  4  delete a VM\n"
    "  5  exit\n";
constexpr const char* prompt = "Choose 1 to 5: ";

std::string lower(std::string_view text) {
    std::string out;
    for (const char c : text) out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    return out;
}

}  // namespace

std::string Menu::greeting() const {
    return std::string("minicloud\n") + choices + prompt;
}

std::string Menu::after_command() const {
    return std::string(choices) + prompt;
}

Menu::Step Menu::on_end_of_input() const {
    return {"\n", {}, true};
}

Menu::Step Menu::on_choice(std::string_view choice) {
    const std::string word = lower(choice);
    if (word == "1" || word == "create") {
        asks_ = Asks::name_to_create;
        return {"Name (empty: the next vm-N): ", {}, false};
    }
    if (word == "2" || word == "list") return {"", {"list"}, false};
    if (word == "3" || word == "ssh") {
        asks_ = Asks::name_to_ssh;
        return {"Name of the VM to log in to: ", {}, false};
    }
    if (word == "4" || word == "delete") {
        asks_ = Asks::name_to_delete;
        return {"Name of the VM to delete: ", {}, false};
    }
    if (word == "5" || word == "exit" || word == "quit" || word == "q") return {"", {}, true};
    if (word.empty()) return {prompt, {}, false};
    return {std::string("There is no such choice.\n") + prompt, {}, false};
}

Menu::Step Menu::on_line(std::string_view line) {
    const std::string_view answer = trimmed(line);
    if (asks_ == Asks::choice) return on_choice(answer);
    const Asks asked = asks_;
    asks_ = Asks::choice;
    if (answer.empty() && asked != Asks::name_to_create) return {after_command(), {}, false};
    if (!answer.empty()) {
        // Checked here, so that an answer can't become an option of the command.
        const bool is_new = asked == Asks::name_to_create;
        if (auto checked = is_new ? protocol::check_name("VM name", answer) : protocol::check_target(answer);
            !checked) {
            return {checked.error().message + "\n" + after_command(), {}, false};
        }
    }
    switch (asked) {
        case Asks::name_to_ssh:
            return {"", {"ssh", std::string(answer)}, false};
        case Asks::name_to_delete:
            return {"", {"delete", std::string(answer)}, false};
        default:
            break;
    }
    if (answer.empty()) return {"", {"create"}, false};
    return {"", {"create", std::string(answer)}, false};
}

}  // namespace mc::cli

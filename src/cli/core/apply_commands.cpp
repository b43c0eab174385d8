#include "cli/core/apply_commands.hpp"

#include "cli/core/commands.hpp"
#include "cli/core/option_readers.hpp"

namespace mc::cli {

Result<ApplyCommand> read_apply(VerbId verb, const Settings& settings) {
    ApplyCommand out;
    out.file = settings.get("file").value_or("");
    if (out.file.empty()) {
        const std::string name(verb_of(verb).name);
        return fail(ErrorCode::usage,
                    "mccli " + name + " needs a file of VMs: mccli " + name + " -f FILE; see: mccli help " + name);
    }
    out.dry_run = settings.flag("dry-run");
    out.replace = settings.flag("replace");
    out.yes = settings.flag("yes");
    out.sheet = settings.get("sheet").value_or("");
    if (const auto text = settings.get("prune")) {
        auto selector = about("prune", Selector::parse(*text));
        if (!selector) return fail(selector.error());
        out.prune = std::move(*selector);
    }
    if (auto taken = take_timeout(settings, out.timeout); !taken) return fail(taken.error());
    return out;
}

std::string key_path(const std::string& key, const std::string& file, const std::string& home) {
    if (key.starts_with("~/")) return home + key.substr(1);
    const auto slash = file.rfind('/');
    if (key.starts_with('/') || slash == std::string::npos) return key;
    return file.substr(0, slash + 1) + key;
}

}  // namespace mc::cli

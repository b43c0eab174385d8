#include "cli/core/config_file.hpp"

#include "cli/shell/commands.hpp"
#include "io/files.hpp"

/// config, config get, set and unset. None asks a broker.
namespace mc::cli {
namespace {

constexpr std::size_t file_bytes_max = 1024 * 1024;

/// The file that is written, and what it is to be made of: the one that is read, which may be everybody's.
struct ConfigFile {
    std::filesystem::path path;
    std::string text;
};

Result<ConfigFile> open_file(const AllSettings& all) {
    ConfigFile out{all.file, ""};
    if (!all.file_named) {
        if (auto made = io::make_private_dir(io::config_dir()); !made) return fail(made.error());
        out.path = io::config_dir() / "mccli.ini";
    }
    if (all.file.empty()) return out;
    auto text = io::read_file(all.file, file_bytes_max);
    if (!text) return fail(text.error());
    out.text = std::move(*text);
    return out;
}

int write_file(const App& app, const ConfigFile& file, const std::string& text) {
    if (auto written = io::write_file_atomic(file.path, text, 0644); !written) return app.report(written.error());
    app.remark("written to " + file.path.string());
    return 0;
}

}  // namespace

int run_config(App& app) {
    const auto all = settings_of_all_verbs(app.line());
    if (!all) return app.report(all.error());
    return app.show(view_config(config_rows(all->settings, app.settings().flag("all"))));
}

int run_config_get(App& app) {
    const auto key = config_key(app.line().operands.front());
    if (!key) return app.report(key.error());
    const auto all = settings_of_all_verbs(app.line());
    if (!all) return app.report(all.error());
    auto rows = config_rows(all->settings, false);
    std::erase_if(rows, [&](const ConfigRow& row) { return row.name != key->name; });
    if (rows.empty()) return app.report({ErrorCode::not_found, key->name + " is not set"});
    if (app.for_programs()) return app.show(view_config(rows));
    app.print(rows.front().value + "\n");
    return 0;
}

int run_config_set(App& app) {
    const auto& operands = app.line().operands;
    const auto key = config_key(operands.front());
    if (!key) return app.report(key.error());
    if (auto checked = check_config(*key, operands.back()); !checked) return app.report(checked.error());
    const auto all = settings_of_all_verbs(app.line());
    if (!all) return app.report(all.error());
    const auto file = open_file(*all);
    if (!file) return app.report(file.error());
    const auto origin = all->settings.origin(key->name);
    if (origin.starts_with("MC_")) app.remark("$" + origin + " is set and goes before the file");
    return write_file(app, *file, ini_with(file->text, key->name, operands.back()));
}

int run_config_unset(App& app) {
    const auto key = config_key(app.line().operands.front());
    if (!key) return app.report(key.error());
    const auto all = settings_of_all_verbs(app.line());
    if (!all) return app.report(all.error());
    const auto file = open_file(*all);
    if (!file) return app.report(file.error());
    const auto text = ini_without(file->text, key->name);
    if (!text) return app.report({ErrorCode::not_found, key->name + " is not set in " + file->path.string()});
    return write_file(app, *file, *text);
}

}  // namespace mc::cli

#include "worker/shell/state_file.hpp"

#include <charconv>
#include <sstream>

#include "io/files.hpp"
#include "io/random.hpp"

namespace mc::worker {
namespace {

constexpr const char* file_name = "worker.state";
constexpr std::size_t file_bytes_max = 4096;

}  // namespace

Result<WorkerState> load_state(const std::filesystem::path& state_dir) {
    const auto path = state_dir / file_name;
    const auto text = io::read_file(path, file_bytes_max);
    if (!text && text.error().code == ErrorCode::not_found) {
        WorkerState state;
        while (!state.node) state.node = NodeId{io::random_u64()};
        return state;
    }
    if (!text) return fail(text.error());
    WorkerState state;
    bool epoch_read = false;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        const auto equals = line.find('=');
        if (equals == std::string::npos) continue;
        const std::string value = line.substr(equals + 1);
        if (line.starts_with("node=")) state.node = NodeId::parse(value).value_or(NodeId{});
        if (line.starts_with("cloud=")) state.cloud = CloudId::parse(value).value_or(CloudId{});
        if (line.starts_with("epoch=")) {
            const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), state.epoch.value);
            epoch_read = error == std::errc{} && stop == value.data() + value.size();
        }
    }
    if (!state.node || !epoch_read) {
        return fail(ErrorCode::io_failed, path.string() +
                                              " is damaged: put a copy of it back, or remove it to join as a new node "
                                              "(VMs made under the old identity are then left alone)");
    }
    return state;
}

Result<void> save_state(const std::filesystem::path& state_dir, const WorkerState& state) {
    return io::write_file_atomic(state_dir / file_name, "node=" + state.node.str() + "\ncloud=" + state.cloud.str() +
                                                            "\nepoch=" + std::to_string(state.epoch.value) + "\n");
}

}  // namespace mc::worker

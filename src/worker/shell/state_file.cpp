#include "worker/shell/state_file.hpp"

#include <charconv>

#include "io/files.hpp"
#include "io/random.hpp"
#include "io/text_fields.hpp"

namespace mc::worker {
namespace {

constexpr const char* file_name = "worker.state";
constexpr std::size_t file_bytes_max = 4096;

}  // namespace

std::string text_of(const WorkerState& state) {
    return "node=" + state.node.str() + "\ncloud=" + state.cloud.str() +
           "\nepoch=" + std::to_string(state.epoch.value) + "\n";
}

Result<WorkerState> state_in(std::string_view text) {
    const std::string_view epoch = io::field_of(text, "epoch").value_or("");
    WorkerState state;
    state.node = NodeId::parse(io::field_of(text, "node").value_or("")).value_or(NodeId{});
    state.cloud = CloudId::parse(io::field_of(text, "cloud").value_or("")).value_or(CloudId{});
    const auto [stop, error] = std::from_chars(epoch.data(), epoch.data() + epoch.size(), state.epoch.value);
    if (!state.node || error != std::errc{} || stop != epoch.data() + epoch.size()) {
        return fail(ErrorCode::invalid_argument, "it needs the lines node= and epoch=");
    }
    return state;
}

Result<WorkerState> load_state(const std::filesystem::path& state_dir) {
    const auto path = state_dir / file_name;
    const auto text = io::read_file(path, file_bytes_max);
    if (!text && text.error().code == ErrorCode::not_found) {
        WorkerState state;
        while (!state.node) state.node = NodeId{io::random_u64()};
        return state;
    }
    if (!text) return fail(text.error());
    const auto state = state_in(*text);
    if (!state) {
        return fail(ErrorCode::io_failed, path.string() +
                                              " is damaged: put a copy of it back, or remove it to join as a new node "
                                              "(VMs made under the old identity are then left alone)");
    }
    return *state;
}

Result<void> save_state(const std::filesystem::path& state_dir, const WorkerState& state) {
    return io::write_file_atomic(state_dir / file_name, text_of(state));
}

}  // namespace mc::worker

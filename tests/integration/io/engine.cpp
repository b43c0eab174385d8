#include "engine.hpp"

#include "io/files.hpp"
#include "io/random.hpp"
#include "io/tar.hpp"
#include "support.hpp"

namespace mc::io::test {
namespace {

/// The value of "Id" in an engine's answer; enough for a test.
std::string id_in(const std::string& body) {
    const std::size_t at = body.find("\"Id\":\"");
    if (at == std::string::npos) return {};
    return body.substr(at + 6, body.find('"', at + 6) - at - 6);
}

constexpr const char* image_name = "minicloud-test/busybox:1";

}  // namespace

EngineEndpoint real_engine() {
    const auto endpoint = EngineEndpoint::choose("");
    if (!endpoint) {
        ADD_FAILURE() << endpoint.error().message;
        return EngineEndpoint{.path = "/var/run/docker.sock"};
    }
    const auto answer = call(*endpoint, {.path = "/_ping"});
    EXPECT_TRUE(answer) << "these tests need a Docker engine (scripts/test starts one): " << answer.error().message;
    return *endpoint;
}

Result<EngineResponse> call(const EngineEndpoint& endpoint, EngineCall what) {
    Poller poller;
    EngineClient client(poller, endpoint);
    std::optional<Result<EngineResponse>> result;
    client.start({1}, std::move(what), {.on_done = [&](Result<EngineResponse> r) { result = std::move(r); }});
    EXPECT_FALSE(result) << "called from inside start()";
    EXPECT_TRUE(run_until(
        poller, [&] { return result.has_value(); }, milliseconds(60000)));
    EXPECT_EQ(client.calls_under_way(), 0U);
    return result.value_or(fail(ErrorCode::internal, "on_done was never called"));
}

std::string tiny_image() {
    const EngineEndpoint engine = real_engine();
    const auto there = call(engine, {.path = "/v1.41/images/" + std::string(image_name) + "/json"});
    if (there && there->status == 200) return image_name;
    auto busybox = read_file("/bin/busybox", 8U << 20);
    EXPECT_TRUE(busybox) << "install busybox-static";
    if (!busybox) return image_name;
    const std::vector<TarEntry> files{{.path = "bin", .mode = 0755, .is_directory = true},
                                      {.path = "bin/busybox", .mode = 0755, .content = *busybox},
                                      {.path = "bin/sh", .mode = 0755, .content = *busybox},
                                      {.path = "bin/cat", .mode = 0755, .content = *busybox},
                                      {.path = "tmp", .mode = 01777, .is_directory = true}};
    const auto archive = pack_tar(files);
    EXPECT_TRUE(archive);
    const auto imported = call(engine, {.method = "POST",
                                        .path = "/v1.41/images/create?fromSrc=-&repo=minicloud-test/busybox&tag=1",
                                        .content_type = "application/x-tar",
                                        .body = *archive});
    EXPECT_TRUE(imported && imported->status == 200) << (imported ? imported->body : imported.error().message);
    return image_name;
}

Container::Container() {
    const EngineEndpoint engine = real_engine();
    const std::string name = "mc-io-test-" + std::to_string(random_u64());
    const auto created =
        call(engine, {.method = "POST",
                      .path = "/v1.41/containers/create?name=" + name,
                      .body = R"({"Image":")" + tiny_image() +
                              R"(","Cmd":["/bin/cat"],"OpenStdin":true,"HostConfig":{"NetworkMode":"none"}})"});
    EXPECT_TRUE(created && created->status == 201) << (created ? created->body : created.error().message);
    if (!created) return;
    id_ = id_in(created->body);
    const auto started = call(engine, {.method = "POST", .path = "/v1.41/containers/" + id_ + "/start"});
    EXPECT_TRUE(started && started->status == 204) << (started ? started->body : started.error().message);
}

Container::~Container() {
    if (id_.empty()) return;
    const auto gone = call(real_engine(), {.method = "DELETE", .path = "/v1.41/containers/" + id_ + "?force=1&v=1"});
    EXPECT_TRUE(gone && gone->status == 204) << (gone ? gone->body : gone.error().message);
}

std::string Container::exec(const std::string& command) const {
    const auto made =
        call(real_engine(),
             {.method = "POST",
              .path = "/v1.41/containers/" + id_ + "/exec",
              .body = R"({"AttachStdin":true,"AttachStdout":true,"AttachStderr":true,"Cmd":)" + command + "}"});
    EXPECT_TRUE(made && made->status == 201) << (made ? made->body : made.error().message);
    return made ? id_in(made->body) : "";
}

std::string Container::inspect_exec(const std::string& exec) {
    const auto answer = call(real_engine(), {.path = "/v1.41/exec/" + exec + "/json"});
    return answer ? answer->body : "";
}

}  // namespace mc::io::test

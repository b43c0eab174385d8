#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/core/audit_views.hpp"
#include "cli/core/context_views.hpp"
#include "cli/core/doctor_views.hpp"
#include "cli/core/image_views.hpp"
#include "cli/core/json_views.hpp"
#include "cli/core/key_views.hpp"
#include "cli/core/top_views.hpp"

namespace mc::cli {
namespace {

using nlohmann::json;

std::set<std::string> documented(std::initializer_list<std::string_view> objects) {
    std::set<std::string> out;
    for (const auto& field : json_fields()) {
        if (std::find(objects.begin(), objects.end(), field.object) != objects.end())
            out.insert(std::string(field.name));
    }
    return out;
}

std::set<std::string> keys_of(Json object) {
    if (object.is_array()) object = Json(object.at(0));
    std::set<std::string> out;
    for (const auto& [key, value] : object.items()) out.insert(key);
    return out;
}

protocol::ItemResult item(ErrorCode code) {
    return {"vm-1", code, "why", protocol::VmView{}};
}

// Goal: a field can neither be added without its line in docs/cli.md nor vanish.
TEST(JsonFields, AreExactlyTheDocumentedOnes) {
    EXPECT_EQ(keys_of(json_vm({})), documented({"vm"}));
    EXPECT_EQ(keys_of(json_created(item(ErrorCode::busy), "")), documented({"vm", "create"}));
    EXPECT_EQ(keys_of(json_accepted({{}})), documented({"accepted"}));
    EXPECT_EQ(keys_of(json_items({item(ErrorCode::ok)}, "stopped")), documented({"item"}));
    EXPECT_EQ(keys_of(json_nodes({protocol::NodeView{}})), documented({"node"}));
    EXPECT_EQ(keys_of(json_top({{TopVm{}}, {}})), documented({"usage"}));
    EXPECT_EQ(keys_of(json_top_nodes({{}, {TopNode{}}})), documented({"node usage"}));
    EXPECT_EQ(keys_of(json_images({ImageRow{}})), documented({"image"}));
    EXPECT_EQ(keys_of(json_image_results({ImageResult{}})), documented({"image result"}));
    EXPECT_EQ(keys_of(json_job({})), documented({"job", "job with items"}));
    EXPECT_EQ(keys_of(json_keys({protocol::KeyView{}})), documented({"key", "keys"}));
    EXPECT_EQ(keys_of(json_tokens({protocol::KeyView{}})), documented({"key", "token"}));
    EXPECT_EQ(keys_of(json_new_token({})), documented({"new token"}));
    EXPECT_EQ(keys_of(json_contexts({ContextView{}})), documented({"context"}));
    EXPECT_EQ(keys_of(json_context({})), documented({"context", "context show"}));
    EXPECT_EQ(keys_of(json_audit({protocol::AuditEntry{}})), documented({"audit"}));
    EXPECT_EQ(keys_of(json_audit_check(AuditCheck(""))), documented({"audit check"}));
    EXPECT_EQ(keys_of(json_checks({Check{}})), documented({"check"}));
    EXPECT_EQ(keys_of(json_event({})), documented({"event"}));
    EXPECT_EQ(keys_of(json_error({}, ExitCode::failed)), documented({"error"}));
    EXPECT_EQ(keys_of(json_versions({})), documented({"version"}));
}

// The ancestor's fields, under its names: mission.md row 5.
TEST(JsonFields, OfACreateHoldTheAncestors) {
    protocol::VmView vm;
    vm.name = "vm-1";
    vm.ssh_host = "10.0.0.5";
    vm.ssh_port = 49153;
    vm.username = "root";
    const auto created = json_created({"vm-1", ErrorCode::ok, "", vm}, "secret");
    EXPECT_EQ(created.at("status"), "created");
    EXPECT_EQ(created.at("name"), "vm-1");
    EXPECT_EQ(created.at("ssh_host"), "10.0.0.5");
    EXPECT_EQ(created.at("ssh_port"), 49153);
    EXPECT_EQ(created.at("username"), "root");
    EXPECT_EQ(created.at("password"), "secret");
    EXPECT_TRUE(json_created({"vm-1", ErrorCode::ok, "", vm}, "").at("password").is_null());
}

TEST(JsonFields, SurviveTextThatIsNotUtf8) {
    protocol::VmView vm;
    vm.reason = "\xff\xfe";
    EXPECT_TRUE(json::accept(pretty(json_vm(vm))));
}

// A line per event: whatever is in it, there is no line break inside.
TEST(JsonFields, OfAnEventStandOnOneLine) {
    protocol::Event event;
    event.reason = "two\nlines";
    const auto text = line(json_event(event));
    EXPECT_EQ(text.find('\n'), text.size() - 1);
}

}  // namespace
}  // namespace mc::cli

#include "cli/core/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "cli/core/text.hpp"
#include "protocol/limits.hpp"
#include "protocol/text.hpp"

namespace mc::cli {
namespace {

std::size_t line_of(const YAML::Mark& mark) {
    return mark.line < 0 ? 1 : static_cast<std::size_t>(mark.line) + 1;
}

/// Builds the tree from the parser's events. What is wrong first stays the error; what follows it is passed over.
class Builder : public YAML::EventHandler {
public:
    explicit Builder(std::string_view called) : called_(called) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (std::exchange(began_, true)) return wrong(mark, "a second document begins here; there can be one");
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(made(YamlNode::Kind::nothing, mark)); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { no_anchors(mark); }
    void OnAnchor(const YAML::Mark& mark, const std::string&) override { no_anchors(mark); }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& text) override {
        check_tag(mark, tag);
        YamlNode node = made(YamlNode::Kind::text, mark);
        node.text = text;
        add(std::move(node));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {
        open(YamlNode::Kind::list, mark, tag);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {
        open(YamlNode::Kind::map, mark, tag);
    }
    void OnMapEnd() override { close(); }

    [[nodiscard]] const std::optional<Error>& error() const { return error_; }
    [[nodiscard]] std::optional<YamlNode> take() { return std::move(root_); }

private:
    struct Open {
        YamlNode node;
        std::optional<YamlNode> key;  ///< of a map: whose value comes next
        std::map<std::string, std::size_t, std::less<>> lines;
    };

    static YamlNode made(YamlNode::Kind kind, const YAML::Mark& mark) {
        YamlNode node;
        node.kind = kind;
        node.line = line_of(mark);
        return node;
    }

    void wrong(std::size_t line, std::string_view sentence) {
        if (!error_) error_ = fail_at(called_, line, sentence).value();
    }
    void wrong(const YAML::Mark& mark, std::string_view sentence) { wrong(line_of(mark), sentence); }

    void no_anchors(const YAML::Mark& mark) {
        wrong(mark, "anchors (&) and aliases (*) are not taken; what several VMs share goes under defaults:");
    }

    // "?" stands for none, "!" for quotes.
    void check_tag(const YAML::Mark& mark, const std::string& tag) {
        if (!tag.empty() && tag != "?" && tag != "!") wrong(mark, "tags (!) are not taken; leave it out");
    }

    void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag) {
        check_tag(mark, tag);
        if (open_.size() >= yaml_depth_max) wrong(mark, "lists and maps are over 8 deep in each other here");
        if (!error_) open_.push_back({made(kind, mark), {}, {}});
    }

    void close() {
        if (error_) return;
        YamlNode node = std::move(open_.back().node);
        open_.pop_back();
        add(std::move(node));
    }

    void add(YamlNode node) {
        if (error_) return;
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& into = open_.back();
        if (into.node.kind == YamlNode::Kind::list) {
            into.node.items.push_back(std::move(node));
        } else if (!into.key) {
            add_key(into, std::move(node));
        } else {
            node.key = std::move(into.key->text);
            node.line = into.key->line;
            into.key.reset();
            into.node.items.push_back(std::move(node));
        }
    }

    void add_key(Open& into, YamlNode node) {
        if (node.kind != YamlNode::Kind::text) return wrong(node.line, "the name of a field is missing before the ':'");
        const auto [other, is_new] = into.lines.emplace(node.text, node.line);
        if (!is_new) {
            return wrong(node.line,
                         shortened(node.text, 80) + " is here twice, first in line " + std::to_string(other->second));
        }
        into.key = std::move(node);
    }

    std::string_view called_;
    bool began_ = false;
    std::vector<Open> open_;
    std::optional<YamlNode> root_;
    std::optional<Error> error_;
};

}  // namespace

tl::unexpected<Error> fail_at(std::string_view called, std::size_t line, std::string_view sentence) {
    return fail(ErrorCode::invalid_argument, std::string(called) + ":" + std::to_string(line) + ": " +
                                                 printable(protocol::to_utf8(sentence, limits::reason_bytes_max)));
}

Result<YamlNode> read_yaml(std::string_view text, std::string_view called) {
    if (text.size() > yaml_bytes_max) {
        return fail(ErrorCode::invalid_argument, std::string(called) + " is over 1 MiB: split it into several files");
    }
    // yaml-cpp takes what has NULs at its beginning for UTF-16 or UTF-32.
    if (!protocol::is_utf8(text) || text.find('\0') != std::string_view::npos) {
        return fail(ErrorCode::invalid_argument, std::string(called) + " is not UTF-8 text");
    }
    Builder builder(called);
    try {
        std::istringstream in{std::string(text)};
        YAML::Parser parser(in);
        // No further: what comes after a second document's beginning is of no interest, and yaml-cpp 0.7 finds
        // documents without end in "[a],".
        if (parser.HandleNextDocument(builder) && !builder.error()) parser.HandleNextDocument(builder);
    } catch (const YAML::Exception& exception) {
        if (!builder.error()) return fail_at(called, line_of(exception.mark), "this is not YAML: " + exception.msg);
    }
    if (builder.error()) return fail(*builder.error());
    auto root = builder.take();
    if (!root) return fail(ErrorCode::invalid_argument, std::string(called) + " is empty");
    return std::move(*root);
}

}  // namespace mc::cli
